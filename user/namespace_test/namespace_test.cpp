// namespace_test: makes a namespace of each kind by unshare(2), by clone3(2), and enters it again by setns(2), and prints what it sees. An ordinary
// Linux program: it prints the same on Linux. With names of kinds as arguments, only those. Ends with the number of kinds that failed.
#include "../tools/child.hpp"
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Kind {
    char const* name;
    std::uint64_t flag;
    bool for_children; ///< the caller stays where it is, its children are inside (pid, time)
};
constexpr Kind kinds[] = {{"mnt", 0x00020000, false},    {"uts", 0x04000000, false}, {"ipc", 0x08000000, false},
                          {"net", 0x40000000, false},    {"pid", 0x20000000, true},  {"user", 0x10000000, false},
                          {"cgroup", 0x02000000, false}, {"time", 0x80, true}};

struct CloneArguments {
    std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
        cgroup;
};
static_assert(sizeof(CloneArguments) == 88);
constexpr long clone3_number = 435;

/// Inode of a namespace file; 0: it cannot be seen.
std::uint64_t inode_of(std::string const& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}
std::uint64_t own(char const* name) { return inode_of(std::string{"/proc/self/ns/"} + name); }

/// What a child process says about one way: a line on standard output, and whether all was as it should be.
template <class Body>
bool in_child(Body body) {
    return test_program::in_child([&] { return body() ? 0 : 1; }) == 0;
}

bool report(Kind const& kind, char const* way, bool good, char const* what) {
    std::printf("%-6s %-7s %s%s%s\n", kind.name, way, what, good ? "" : ": ", good ? "" : std::strerror(errno));
    return good;
}

/// The link's text is `kind:[inode]` with the number that stat says.
bool link_agrees(char const* name) {
    char text[64];
    auto const length = readlink((std::string{"/proc/self/ns/"} + name).c_str(), text, sizeof text);
    return length > 0 && std::string{text, static_cast<std::size_t>(length)} ==
                             std::string{name} + ":[" + std::to_string(own(name)) + "]";
}

bool by_unshare(Kind const& kind) {
    return in_child([&] {
        auto const before = own(kind.name);
        if (before == 0 || !link_agrees(kind.name)) { return report(kind, "unshare", false, "no link"); }
        if (unshare(static_cast<int>(kind.flag)) != 0) { return report(kind, "unshare", false, "refused"); }
        if (!kind.for_children) {
            return report(kind, "unshare", own(kind.name) != before, "the caller is in a new one");
        }
        if (own(kind.name) != before) { return report(kind, "unshare", false, "the caller has moved"); }
        bool const inside = in_child([&] {
            bool const first = std::strcmp(kind.name, "pid") != 0 || getpid() == 1;
            return first && (own(kind.name) != before || std::strcmp(kind.name, "pid") == 0);
        });
        return report(kind, "unshare", inside, "its children are in a new one");
    });
}

bool by_clone3(Kind const& kind) {
    std::fflush(stdout);
    auto const before = own(kind.name);
    CloneArguments arguments{};
    arguments.flags = kind.flag;
    arguments.exit_signal = SIGCHLD;
    long const child = syscall(clone3_number, &arguments, sizeof arguments);
    if (child < 0) { return report(kind, "clone3", false, "refused"); }
    if (child == 0) {
        bool const pid = std::strcmp(kind.name, "pid") == 0;
        _exit((pid ? syscall(SYS_getpid) == 1 : own(kind.name) != before) ? 0 : 1);
    }
    int status = 0;
    bool const good = waitpid(static_cast<pid_t>(child), &status, 0) == child && status == 0;
    return report(kind, "clone3", good, "the child is in a new one");
}

/// A holder stays in a new namespace; somebody else enters it by its file and finds itself in the same one.
bool by_setns(Kind const& kind) {
    int ready[2], go[2];
    if (pipe(ready) != 0 || pipe(go) != 0) { return report(kind, "setns", false, "no pipe"); }
    std::fflush(stdout);
    CloneArguments arguments{};
    arguments.flags = kind.flag;
    arguments.exit_signal = SIGCHLD;
    long const holder = syscall(clone3_number, &arguments, sizeof arguments);
    if (holder == 0) {
        char byte = 'x';
        close(go[1]);
        _exit(write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) >= 0 ? 0 : 1);
    }
    char byte = 0;
    close(go[0]);
    bool good = holder > 0 && read(ready[0], &byte, 1) == 1;
    std::string const path = "/proc/" + std::to_string(holder) + "/ns/" + kind.name;
    auto const there = inode_of(path);
    good = good && there != 0 && there != own(kind.name) && in_child([&] {
               int const file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
               if (file < 0 || setns(file, static_cast<int>(kind.flag)) != 0) { return false; }
               if (!kind.for_children) { return own(kind.name) == there; }
               return inode_of(std::string{"/proc/self/ns/"} + kind.name + "_for_children") == there;
           });
    int const problem = errno;
    close(go[1]);
    close(ready[0]);
    close(ready[1]);
    int status = 0;
    if (holder > 0) { waitpid(static_cast<pid_t>(holder), &status, 0); }
    errno = problem;
    return report(kind, "setns", good, "another process enters it");
}

} // namespace

int main(int count, char** words) {
    int failed = 0;
    for (auto const& kind : kinds) {
        bool wanted = count == 1;
        for (int i = 1; i < count; ++i) { wanted = wanted || std::strcmp(words[i], kind.name) == 0; }
        if (!wanted) { continue; }
        bool const unshared = by_unshare(kind), cloned = by_clone3(kind), entered = by_setns(kind);
        failed += unshared && cloned && entered ? 0 : 1;
    }
    return failed;
}
