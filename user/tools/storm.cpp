// Namespaces made and dropped in random order by many processes, some of which are killed in between:
//   storm WORKERS EACH SEED
// Every worker makes EACH namespaces of every kind, by unshare, clone and clone3, keeps descriptors of some, enters others' and its own
// again, and closes what it kept. One worker in five is killed before it is done and its work begun again by another. Prints
// "storm: N of each kind" when all have ended as they should.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using Word = std::uint32_t;

struct Kind {
    Word flag;
    char const* name;
};
constexpr Word new_time = 0x80;
constexpr Kind kinds[] = {{CLONE_NEWUTS, "uts"},       {CLONE_NEWIPC, "ipc"}, {CLONE_NEWNS, "mnt"},
                          {CLONE_NEWPID, "pid"},       {CLONE_NEWNET, "net"}, {CLONE_NEWUSER, "user"},
                          {CLONE_NEWCGROUP, "cgroup"}, {new_time, "time"}};
constexpr Word kind_count = sizeof kinds / sizeof kinds[0];

class Random {
public:
    explicit Random(Word seed) : state_{seed * 2654435761u + 88172645463325252ull} {}
    Word below(Word limit) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<Word>(state_ >> 16) % limit;
    }

private:
    std::uint64_t state_;
};

[[noreturn]] void fail(char const* what) {
    std::fprintf(stderr, "storm: %s: %s\n", what, std::strerror(errno));
    _exit(1);
}

int open_namespace(char const* name) {
    std::string const path = std::string{"/proc/self/ns/"} + name;
    return open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

/// A child that makes the namespace, in one of three ways, and leaves a descriptor of it open in the worker perhaps.
void make(Kind const& kind, Word way, std::vector<int>& kept, Random& random) {
    struct {
        std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments{};
    bool const by_clone = way == 1 && kind.flag != new_time; // its number is an exit signal to clone(2)
    pid_t child;
    if (way == 2) {
        arguments.flags = kind.flag;
        arguments.exit_signal = SIGCHLD;
        child = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    } else if (by_clone) {
        child = static_cast<pid_t>(syscall(SYS_clone, kind.flag | SIGCHLD, 0, 0, 0, 0));
    } else {
        child = fork();
    }
    if (child < 0) fail("clone");
    if (child == 0) {
        if (way != 2 && !by_clone) {
            if (unshare(static_cast<int>(kind.flag)) != 0) fail("unshare");
            if (unshare(CLONE_NEWUTS) != 0) fail("unshare uts"); // with the capabilities it now has
        }
        if (random.below(3) == 0) {
            pid_t const inner = fork();
            if (inner == 0) _exit(0);
            if (inner > 0) waitpid(inner, nullptr, 0);
        }
        _exit(0);
    }
    if (random.below(4) == 0) {
        std::string const path = "/proc/" + std::to_string(child) + "/ns/" + kind.name;
        if (int const file = open(path.c_str(), O_RDONLY | O_CLOEXEC); file >= 0) kept.push_back(file);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) {
        std::fprintf(stderr, "storm: %s by way %u ended with %x\n", kind.name, way, static_cast<unsigned>(status));
        _exit(1);
    }
}

void work(Word each, Word seed) {
    Random random{seed};
    std::vector<int> kept;
    std::vector<Word> left(kind_count, each);
    int const own = open_namespace("uts");
    if (own < 0) fail("open");
    for (Word remaining = each * kind_count; remaining > 0; --remaining) {
        Word which = random.below(kind_count);
        while (left[which] == 0) which = (which + 1) % kind_count;
        --left[which];
        make(kinds[which], random.below(3), kept, random);
        if (!kept.empty() && random.below(3) == 0) {
            std::swap(kept[random.below(static_cast<Word>(kept.size()))], kept.back());
            int const file = kept.back();
            // Into it, whatever it is (a PID or user namespace may refuse), and back.
            pid_t const child = fork();
            if (child == 0) {
                static_cast<void>(setns(file, 0));
                static_cast<void>(setns(own, 0));
                _exit(0);
            }
            waitpid(child, nullptr, 0);
            close(file);
            kept.pop_back();
        }
    }
    _exit(0);
}
} // namespace

int main(int count, char** words) {
    if (count != 4) {
        std::fprintf(stderr, "usage: storm WORKERS EACH SEED\n");
        return 2;
    }
    Word const workers = static_cast<Word>(std::atoi(words[1])), each = static_cast<Word>(std::atoi(words[2]));
    Random random{static_cast<Word>(std::atoi(words[3]))};
    struct Worker {
        pid_t pid;
        bool killed;
    };
    std::vector<Worker> running;
    Word next_seed = static_cast<Word>(std::atoi(words[3])) * 1000;
    auto begin = [&](bool kill_it) {
        pid_t const pid = fork();
        if (pid < 0) fail("fork");
        if (pid == 0) {
            setpgid(0, 0);
            work(each, next_seed);
        }
        ++next_seed;
        running.push_back({pid, kill_it});
    };
    for (Word i = 0; i < workers; ++i) begin(i % 5 == 4);
    for (Word done = 0; done < workers;) {
        for (Worker& worker : running) { // whoever is to be killed dies at some moment of its work
            if (worker.killed && worker.pid > 0 && random.below(4) == 0) {
                usleep(random.below(20000));
                kill(worker.pid, SIGKILL);
                waitpid(worker.pid, nullptr, 0);
                worker.pid = 0;
                begin(false); // what it had not done
                break;
            }
        }
        int status = 0;
        pid_t const ended = waitpid(-1, &status, 0);
        if (ended < 0) fail("wait");
        for (Worker& worker : running) {
            if (worker.pid != ended) continue;
            worker.pid = 0;
            if (worker.killed) {
                begin(false);
                break;
            }
            if (status != 0) {
                std::fprintf(stderr, "storm: a worker ended with %x\n", static_cast<unsigned>(status));
                return 1;
            }
            ++done;
            break;
        }
    }
    std::printf("storm: %u of each kind\n", workers * each);
    return 0;
}
