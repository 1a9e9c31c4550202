// What ordinary operations cost, in time-stamp ticks: a plain static Linux program, so that it runs on Linux and on
// Cella. Under QEMU's -icount shift=0 a tick is one guest instruction.
//   linux_bench [NAME...]   prints "NAME TICKS" (median of the rounds, per operation) or "NAME failed: REASON"
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "linux_network.hpp"

namespace {

constexpr int rounds = 9;
constexpr char scratch_file[] = "/tmp/linux_bench.data";
char buffer[65536];

std::uint64_t now() {
    std::uint64_t ticks;
    asm volatile("rdtsc" : "=A"(ticks));
    return ticks;
}

void fail(const char* name, const char* what) {
    std::printf("%s failed: %s: %s\n", name, what, std::strerror(errno));
    std::fflush(stdout);
}

void report(const char* name, std::span<std::uint64_t> samples, double operations) {
    std::sort(samples.begin(), samples.end());
    std::printf("%s %.0f\n", name, static_cast<double>(samples[samples.size() / 2]) / operations);
    std::fflush(stdout);
}

/// Runs the operation `count` times in each round. It returns false when it failed, which ends the measurement.
template <class Operation>
void measure(const char* name, int count, Operation operation, int round_count = rounds) {
    std::array<std::uint64_t, rounds> samples{};
    for (int round = 0; round < round_count; ++round) {
        std::uint64_t const begin = now();
        for (int i = 0; i < count; ++i) {
            if (!operation()) return fail(name, "operation");
        }
        samples[static_cast<std::size_t>(round)] = now() - begin;
    }
    report(name, std::span(samples).first(static_cast<std::size_t>(round_count)), count);
}

/// Waits for the child; true if it ended with status 0.
bool reap(pid_t child) {
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

pid_t start(char* const arguments[]) {
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        static char path[] = "PATH=/bin:/sbin:/usr/bin:/usr/sbin";
        static char* environment[] = {path, nullptr};
        execve(arguments[0], arguments, environment);
        _exit(127);
    }
    return child;
}

template <std::size_t count>
bool run(const char* const (&words)[count]) {
    std::array<char*, count + 1> arguments{};
    for (std::size_t i = 0; i < count; ++i) arguments[i] = const_cast<char*>(words[i]);
    return reap(start(arguments.data()));
}

void get_pid(const char* name) {
    measure(name, 2000, [] { return syscall(SYS_getpid) > 0; });
}

void get_pid_int80(const char* name) {
    measure(name, 2000, [] {
        int result;
        asm volatile("int $0x80" : "=a"(result) : "0"(SYS_getpid) : "memory");
        return result > 0;
    });
}

void read_one(const char* name) {
    int const file = open("/dev/zero", O_RDONLY);
    measure(name, 2000, [=] { return read(file, buffer, 1) == 1; });
    close(file);
}

void write_one(const char* name) {
    int const file = open("/dev/null", O_WRONLY);
    measure(name, 2000, [=] { return write(file, buffer, 1) == 1; });
    close(file);
}

void open_close(const char* name) {
    measure(name, 500, [] {
        int const file = open("/etc/passwd", O_RDONLY);
        return file >= 0 && close(file) == 0;
    });
}

void stat_file(const char* name) {
    measure(name, 500, [] {
        struct stat status;
        return stat("/etc/passwd", &status) == 0;
    });
}

void yield(const char* name) {
    measure(name, 2000, [] { return sched_yield() == 0; });
}

volatile sig_atomic_t signals_taken = 0;

void signal_self(const char* name) {
    std::signal(SIGUSR1, [](int) { signals_taken = signals_taken + 1; });
    measure(name, 500, [] {
        auto const before = signals_taken;
        return raise(SIGUSR1) == 0 && signals_taken == before + 1;
    });
    std::signal(SIGUSR1, SIG_DFL);
}

void map_touch_unmap(const char* name) {
    measure(name, 100, [] {
        void* const area = mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED) return false;
        for (int page = 0; page < 16; ++page) static_cast<volatile char*>(area)[page * 4096] = 1;
        return munmap(area, 65536) == 0;
    });
}

void pipe_round_trip(const char* name) {
    int there[2], back[2];
    if (pipe(there) != 0 || pipe(back) != 0) return fail(name, "pipe");
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        char byte;
        while (read(there[0], &byte, 1) == 1 && byte != 'q' && write(back[1], &byte, 1) == 1) {}
        _exit(0);
    }
    char byte = 'x';
    auto const round_trip = [&] { return write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1; };
    for (int warm = 0; warm < 20; ++warm) round_trip();
    measure(name, 200, round_trip);
    if (write(there[1], "q", 1) != 1 || !reap(child)) fail(name, "child");
    for (int file : {there[0], there[1], back[0], back[1]}) close(file);
}

void pipe_throughput(const char* name) {
    constexpr int pieces = 64;
    std::array<std::uint64_t, rounds> samples{};
    for (auto& sample : samples) {
        int ends[2];
        if (pipe(ends) != 0) return fail(name, "pipe");
        std::fflush(stdout);
        pid_t const child = fork();
        if (child == 0) {
            close(ends[1]);
            while (read(ends[0], buffer, sizeof buffer) > 0) {}
            _exit(0);
        }
        close(ends[0]);
        std::uint64_t const begin = now();
        for (int i = 0; i < pieces; ++i) {
            if (write(ends[1], buffer, sizeof buffer) != sizeof buffer) return fail(name, "write");
        }
        close(ends[1]);
        if (!reap(child)) return fail(name, "child");
        sample = now() - begin;
    }
    report(name, samples, pieces);
}

void tcp_round_trip(const char* name) {
    network::Server const server;
    int const socket = server.good() ? network::Server::connect('e') : -1;
    if (socket < 0) return fail(name, "connect");
    char byte = 'x';
    auto const round_trip = [&] { return write(socket, &byte, 1) == 1 && read(socket, &byte, 1) == 1; };
    for (int warm = 0; warm < 10; ++warm) round_trip();
    measure(name, 100, round_trip);
    close(socket);
}

void tcp_throughput(const char* name) {
    constexpr int pieces = 64;
    network::Server const server;
    std::array<std::uint64_t, rounds> samples{};
    for (auto& sample : samples) {
        int const socket = server.good() ? network::Server::connect('t') : -1;
        if (socket < 0) return fail(name, "connect");
        std::uint64_t const begin = now();
        for (int i = 0; i < pieces; ++i) {
            if (!network::write_all(socket, buffer, sizeof buffer)) return fail(name, "write");
        }
        char byte;
        if (read(socket, &byte, 1) != 1) return fail(name, "read");
        sample = now() - begin;
        close(socket);
    }
    report(name, samples, pieces);
}

void tcp_connect_close(const char* name) {
    network::Server const server;
    measure(name, 10, [&] {
        int const socket = server.good() ? network::Server::connect('e') : -1;
        return socket >= 0 && close(socket) == 0;
    });
}

/// Runs `operation` in a child that then ends, and takes what it alone cost there.
template <class Operation>
void measure_in_child(const char* name, Operation operation) {
    auto* const shared =
        static_cast<std::uint64_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    std::array<std::uint64_t, rounds> samples{};
    for (auto& sample : samples) {
        std::fflush(stdout);
        pid_t const child = fork();
        if (child == 0) {
            std::uint64_t const begin = now();
            bool const done = operation();
            *shared = now() - begin;
            _exit(done ? 0 : 1);
        }
        if (!reap(child)) return fail(name, "child");
        sample = *shared;
    }
    report(name, samples, 1);
}

template <int flags>
void unshare_kind(const char* name) {
    measure_in_child(name, [] { return unshare(flags) == 0; });
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

void fork_exit_wait(const char* name) {
    std::fflush(stdout);
    measure(name, 20, [] {
        pid_t const child = fork();
        if (child == 0) _exit(0);
        return reap(child);
    });
}

void vfork_exit_wait(const char* name) {
    std::fflush(stdout);
    measure(name, 20, [] {
        pid_t const child = vfork();
        if (child == 0) _exit(0);
        return reap(child);
    });
}

void thread_wait(const char* name) {
    alignas(16) static char stack[16384];
    measure(name, 20, [] {
        return reap(
            clone([](void*) { return 0; }, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, nullptr));
    });
}

void fork_exec_wait(const char* name) {
    // argv[0] chooses busybox's applet.
    measure(name, 10, [] {
        static char applet[] = "true";
        static char* arguments[] = {applet, nullptr};
        static char* environment[] = {nullptr};
        pid_t const child = fork();
        if (child == 0) {
            execve("/bin/busybox", arguments, environment);
            _exit(127);
        }
        return reap(child);
    });
}

void shell_spawns(const char* name) {
    measure(
        name, 1,
        [] {
            return run({"/bin/sh", "-c", "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done"});
        },
        3);
}

enum class FileOperation { write_small, read_small, rewrite_large };

void file(const char* name, FileOperation operation) {
    constexpr std::size_t total = 1 << 20;
    std::size_t const piece = operation == FileOperation::rewrite_large ? sizeof buffer : 4096;
    std::array<std::uint64_t, rounds> samples{};
    for (auto& sample : samples) {
        unlink(scratch_file);
        int const descriptor = open(scratch_file, O_CREAT | O_RDWR, 0600);
        if (descriptor < 0) return fail(name, "open");
        if (operation != FileOperation::write_small) {
            for (std::size_t done = 0; done < total; done += sizeof buffer) {
                if (write(descriptor, buffer, sizeof buffer) != sizeof buffer) return fail(name, "write");
            }
            lseek(descriptor, 0, SEEK_SET);
        }
        if (operation == FileOperation::rewrite_large) {
            while (read(descriptor, buffer, 4096) > 0) {}
            lseek(descriptor, 0, SEEK_SET);
        }
        std::uint64_t const begin = now();
        for (std::size_t done = 0; done < total; done += piece) {
            ssize_t const count = operation == FileOperation::read_small ? read(descriptor, buffer, piece)
                                                                         : write(descriptor, buffer, piece);
            if (count != static_cast<ssize_t>(piece)) return fail(name, "transfer");
        }
        sample = now() - begin;
        close(descriptor);
    }
    unlink(scratch_file);
    report(name, samples, 1);
}

void create_close_unlink(const char* name) {
    measure(name, 20, [] {
        int const descriptor = open(scratch_file, O_CREAT | O_WRONLY, 0600);
        return descriptor >= 0 && close(descriptor) == 0 && unlink(scratch_file) == 0;
    });
}

void container_run(const char* name) {
    if (access("/bin/ctool", X_OK) != 0) return;
    measure(name, 1, [] { return run({"/bin/ctool", "run", "--rm", "bench", "/bin/true"}); });
}

struct Benchmark {
    const char* name;
    void (*measure)(const char* name);
};

constexpr Benchmark benchmarks[] = {
    {"getpid", get_pid},
    {"getpid-int80", get_pid_int80},
    {"read1-devzero", read_one},
    {"write1-devnull", write_one},
    {"open+close-etc-passwd", open_close},
    {"stat-etc-passwd", stat_file},
    {"sched_yield-alone", yield},
    {"signal-self", signal_self},
    {"mmap+touch+munmap-16pg", map_touch_unmap},
    {"pipe-pingpong-rt", pipe_round_trip},
    {"pipe-tput-per-64KiB", pipe_throughput},
    {"tcp-lo-pingpong-rt", tcp_round_trip},
    {"tcp-lo-tput-per-64KiB", tcp_throughput},
    {"tcp-lo-connect+close", tcp_connect_close},
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
    {"setns-uts", enter_kind},
    {"setns-ipc", enter_kind},
    {"setns-mnt", enter_kind},
    {"setns-pid", enter_kind},
    {"setns-net", enter_kind},
    {"setns-user", enter_kind},
    {"setns-cgroup", enter_kind},
    {"setns-time", enter_kind},
    {"fork+exit+wait", fork_exit_wait},
    {"vfork+exit+wait", vfork_exit_wait},
    {"clone-thread+wait", thread_wait},
    {"fork+exec-bbtrue+wait", fork_exec_wait},
    {"sh-spawns-100-true", shell_spawns},
    {"tmpfs-write-1MiB-4k", [](const char* name) { file(name, FileOperation::write_small); }},
    {"tmpfs-read-1MiB-4k", [](const char* name) { file(name, FileOperation::read_small); }},
    {"tmpfs-rewrite-1MiB-64k", [](const char* name) { file(name, FileOperation::rewrite_large); }},
    {"create+close+unlink", create_close_unlink},
    {"container-run-true", container_run},
};

} // namespace

int main(int count, char** words) {
    // The time-stamp counter begins with the machine: this is what the boot cost.
    std::printf("boot %llu\n", static_cast<unsigned long long>(now()));
    std::span const names(words + 1, static_cast<std::size_t>(count > 0 ? count - 1 : 0));
    for (auto const& benchmark : benchmarks) {
        auto const wanted = [&](const char* name) { return std::string_view(name) == benchmark.name; };
        if (names.empty() || std::any_of(names.begin(), names.end(), wanted)) benchmark.measure(benchmark.name);
    }
    return 0;
}
