// Namespaces: made, entered, and made while hundreds of others are alive.
#include "linux_bench.hpp"
#include <utility>

namespace {

template <int flags>
void unshare_kind(const char* name) {
    measure_in_child(name, [] { return unshare(flags) == 0; });
}

/// Into one's own again and again, as the reference's figure for lean Linux was taken.
void enter_own(const char* name) {
    int const own = open("/proc/self/ns/uts", O_RDONLY);
    if (own < 0) return fail(name, "open");
    measure(name, 200, [&] { return setns(own, 0) == 0; });
    close(own);
}

/// Into another process's namespace, of the kind that the operation's name ends with.
void enter_kind(const char* name) {
    std::string const kind{std::strchr(name, '-') + 1};
    int ready[2], hold[2];
    if (pipe(ready) != 0 || pipe(hold) != 0) return fail(name, "pipe");
    std::fflush(stdout);
    pid_t const other = fork();
    if (other == 0) {
        close(hold[1]);
        int flags = 0;
        for (auto const& [word, flag] : {std::pair{"uts", CLONE_NEWUTS},
                                         {"ipc", CLONE_NEWIPC},
                                         {"mnt", CLONE_NEWNS},
                                         {"net", CLONE_NEWNET},
                                         {"user", CLONE_NEWUSER},
                                         {"cgroup", CLONE_NEWCGROUP},
                                         {"pid", CLONE_NEWPID},
                                         {"time", 0x80}}) {
            if (kind == word) flags = flag;
        }
        char byte = unshare(flags) == 0 ? 1 : 0;
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(hold[0]);
    char unshared = 0;
    std::string const path =
        "/proc/" + std::to_string(other) + "/ns/" + kind + (kind == "pid" || kind == "time" ? "_for_children" : "");
    bool const there = read(ready[0], &unshared, 1) == 1 && unshared == 1;
    if (kind == "pid" && there) { // the namespace has a file once it has a process 1
        int const own = open("/proc/self/ns/pid", O_RDONLY);
        measure_in_child(name, [&] { return setns(own, 0) == 0; });
        close(own);
    } else if (int const file = there ? open(path.c_str(), O_RDONLY) : -1; file >= 0) {
        measure_in_child(name, [&] { return setns(file, 0) == 0; });
        close(file);
    } else {
        fail(name, "unshare");
    }
    close(hold[1]);
    close(ready[0]);
    close(ready[1]);
    reap(other);
}

constexpr int five_kinds = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET;

void clone_five(const char* name) {
    alignas(16) static char stack[65536];
    std::array<std::uint64_t, rounds> samples{};
    for (auto& sample : samples) {
        std::uint64_t const begin = now();
        if (!reap(clone([](void*) { return 0; }, stack + sizeof stack, five_kinds | SIGCHLD, nullptr)))
            return fail(name, "clone");
        sample = now() - begin;
        usleep(50000); // what ends later
    }
    report(name, samples, 1);
}

/// The same while 500 others of the kinds that a descriptor keeps are alive.
void clone_five_of_many(const char* name) {
    constexpr int holders = 5, each = 100;
    int ready[2], hold[2];
    if (pipe(ready) != 0 || pipe(hold) != 0) return fail(name, "pipe");
    std::fflush(stdout);
    for (int i = 0; i < holders; ++i) {
        if (fork() != 0) continue;
        close(hold[1]);
        char made = 1, byte = 0;
        for (int n = 0; n < each && made == 1; ++n) {
            if (unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET) != 0) made = 0;
            for (const char* file :
                 {"/proc/self/ns/uts", "/proc/self/ns/ipc", "/proc/self/ns/mnt", "/proc/self/ns/net"}) {
                if (open(file, O_RDONLY) < 0) made = 0;
            }
        }
        if (write(ready[1], &made, 1) != 1) _exit(1);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    int made = 0;
    for (char one = 0; made < holders && read(ready[0], &one, 1) == 1 && one == 1; ++made) {}
    if (made < holders) {
        fail(name, "unshare");
    } else {
        clone_five(name);
    }
    for (int const end : {hold[0], hold[1], ready[0], ready[1]}) close(end);
    for (int i = 0; i < holders; ++i) wait(nullptr);
}

constexpr Benchmark benchmarks[] = {
    {"clone-five-ns+wait", clone_five},
    {"clone-five-ns-of-500", clone_five_of_many},
    {"unshare-uts", unshare_kind<CLONE_NEWUTS>},
    {"unshare-ipc", unshare_kind<CLONE_NEWIPC>},
    {"unshare-mnt", unshare_kind<CLONE_NEWNS>},
    {"unshare-pid", unshare_kind<CLONE_NEWPID>},
    {"unshare-net", unshare_kind<CLONE_NEWNET>},
    {"unshare-user", unshare_kind<CLONE_NEWUSER>},
    {"unshare-cgroup", unshare_kind<CLONE_NEWCGROUP>},
    {"unshare-time", unshare_kind<0x80>},
    {"setns-uts", enter_own},
    {"setns-ipc", enter_kind},
    {"setns-mnt", enter_kind},
    {"setns-pid", enter_kind},
    {"setns-net", enter_kind},
    {"setns-user", enter_kind},
    {"setns-cgroup", enter_kind},
    {"setns-time", enter_kind},
};

} // namespace

std::span<Benchmark const> namespace_benchmarks() { return benchmarks; }
