// How many there may be at once:
//   limits pids COUNT            processes that live together in a new PID namespace, until COUNT are there or one cannot be made
//   limits KIND COUNT            namespaces of that kind, each with a process in it
//   limits KIND PROGRAM WORD...  runs the program in one (busybox's unshare has no option for cgroup and time)
// Prints how many there were and, if one could not be made, why: "4096 processes", "1023 of uts: ENOSPC". All end before it returns.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

struct Kind {
    std::uint32_t flag;
    char const* name;
};
constexpr Kind kinds[] = {{CLONE_NEWUTS, "uts"},       {CLONE_NEWIPC, "ipc"}, {CLONE_NEWNS, "mnt"},
                          {CLONE_NEWPID, "pid"},       {CLONE_NEWNET, "net"}, {CLONE_NEWUSER, "user"},
                          {CLONE_NEWCGROUP, "cgroup"}, {0x80, "time"}};

/// A child as fork(2) makes it, with those namespaces of its own.
pid_t make(std::uint32_t flags) {
    struct {
        std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments{};
    arguments.flags = flags;
    arguments.exit_signal = SIGCHLD;
    return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

/// Until they are as many, or the first that cannot be made.
int crowd(unsigned count, std::uint32_t flags, char const* what) {
    std::vector<pid_t> children;
    children.reserve(count);
    int error = 0;
    while (children.size() < count) {
        pid_t const child = make(flags);
        if (child == 0) {
            while (true) pause();
        }
        if (child < 0) {
            error = errno;
            break;
        }
        children.push_back(child);
    }
    std::printf("%u %s%s%s\n", static_cast<unsigned>(children.size()), what, error != 0 ? ": " : "",
                error != 0 ? strerrorname_np(error) : "");
    std::fflush(stdout);
    for (pid_t const child : children) kill(child, SIGKILL);
    for (pid_t const child : children) waitpid(child, nullptr, 0);
    return 0;
}

} // namespace

int main(int count, char** words) {
    if (count == 3 && std::strcmp(words[1], "pids") == 0) {
        pid_t const init = make(CLONE_NEWPID);
        if (init == 0) _exit(crowd(static_cast<unsigned>(std::atoi(words[2])), 0, "processes"));
        int status = 1;
        if (init < 0 || waitpid(init, &status, 0) != init) std::perror("limits");
        return status != 0;
    }
    for (Kind const& kind : kinds) {
        char what[32];
        std::snprintf(what, sizeof what, "of %s", kind.name);
        if (count >= 3 && std::strcmp(words[1], kind.name) == 0 && (words[2][0] < '0' || words[2][0] > '9')) {
            if (unshare(static_cast<int>(kind.flag)) == 0) execvp(words[2], words + 2);
            std::perror("limits");
            return 1;
        }
        if (count == 3 && std::strcmp(words[1], kind.name) == 0)
            return crowd(static_cast<unsigned>(std::atoi(words[2])), kind.flag, what);
    }
    std::fprintf(stderr, "usage: limits pids|uts|ipc|mnt|pid|net|user|cgroup|time COUNT\n");
    return 2;
}
