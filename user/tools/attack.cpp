// Ways out of a container, tried from inside as its root. Each prints "NAME: refused", or what it got hold of; the page attacks.test knows
// what there is outside to be found.
//   attack dotdot | chroot | descriptor | procroot | running | nodes | setns | signals | trace | secrets WORD | opened
//   attack race COUNT          renames on the way of a path, and mounts on what is renamed, COUNT times
//   attack leave               opens descriptors with and without close-on-exec, then is `attack opened`
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// What only the outside has in its root folder.
constexpr char outside[] = "containers";

bool holds(std::string const& folder) { return access((folder + "/" + outside).c_str(), F_OK) == 0; }

int verdict(char const* name, bool reached) {
    std::printf("%s: %s\n", name, reached ? "REACHED THE OUTSIDE" : "refused");
    return reached ? 1 : 0;
}

/// Runs in a child: what it changes (root, directory, credentials) is its own. True: it got out.
template <class Attempt>
bool in_child(Attempt attempt) {
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) { _exit(attempt() ? 1 : 0); }
    int status = 0;
    return waitpid(child, &status, 0) != child || status != 0;
}

std::string up(unsigned levels) {
    std::string path;
    for (unsigned i = 0; i < levels; ++i) { path += "../"; }
    return path;
}

int dotdot() {
    bool reached = holds(up(60) + ".") || holds("/" + up(60) + ".") || holds("/proc/self/root/..") ||
                   holds("/proc/self/cwd/" + up(20));
    int at = open("/", O_DIRECTORY | O_RDONLY);
    for (int i = 0; i < 60 && at >= 0; ++i) {
        int const above = openat(at, "..", O_DIRECTORY | O_RDONLY);
        close(at);
        at = above;
    }
    struct stat here {
    }, there{};
    reached = reached || at < 0 || fstat(at, &here) != 0 || stat("/", &there) != 0 || here.st_ino != there.st_ino ||
              here.st_dev != there.st_dev;
    return verdict("dotdot", reached);
}

/// Up from wherever one stands, as the well-known escape from chroot does.
bool climb() {
    for (int i = 0; i < 60; ++i) {
        if (chdir("..") != 0) { return true; }
    }
    return chroot(".") == 0 && (holds("/") || holds("."));
}

int chroot_twice() {
    return verdict("chroot", in_child([] {
                       mkdir("/tmp/jail", 0755);
                       return chroot("/tmp/jail") != 0 || climb(); // the working directory stayed outside of it
                   }));
}

int descriptor() {
    return verdict("descriptor", in_child([] {
                       int const root = open("/", O_DIRECTORY | O_RDONLY);
                       mkdir("/tmp/jail", 0755);
                       return chroot("/tmp/jail") != 0 || chdir("/") != 0 || fchdir(root) != 0 || climb();
                   }));
}

int proc_root() {
    bool reached = false;
    for (char const* link : {"/proc/1/root", "/proc/1/cwd", "/proc/self/root", "/proc/thread-self/root"}) {
        reached = reached || holds(link) || holds(std::string{link} + "/" + up(40));
        int const place = open(link, O_PATH | O_DIRECTORY);
        reached = reached || faccessat(place, (up(40) + outside).c_str(), F_OK, 0) == 0;
        close(place);
    }
    return verdict("procroot", reached);
}

/// A program that runs is not written to: neither by its name nor by /proc/self/exe.
int running(char const* self) {
    bool reached = false;
    for (char const* path : {"/proc/self/exe", self}) {
        for (int const flags : {O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_RDWR | O_APPEND}) {
            errno = 0;
            reached = reached || open(path, flags) >= 0 || errno != ETXTBSY;
        }
    }
    errno = 0;
    reached = reached || truncate(self, 0) == 0 || errno != ETXTBSY;
    // Not through a descriptor that was opened for reading either.
    int const readable = open(self, O_RDONLY);
    char again[32];
    std::snprintf(again, sizeof again, "/proc/self/fd/%d", readable);
    reached = reached || open(again, O_RDWR) >= 0;
    return verdict("running", reached);
}

int nodes() {
    struct Node {
        mode_t type;
        unsigned major, minor;
    };
    bool reached = false;
    for (Node const& node :
         {Node{S_IFCHR, 1, 1}, Node{S_IFCHR, 10, 200}, Node{S_IFCHR, 4, 0}, Node{S_IFCHR, 5, 1}, Node{S_IFBLK, 8, 0}}) {
        errno = 0;
        reached = reached || mknod("/node", node.type | 0666, makedev(node.major, node.minor)) == 0 || errno != EPERM;
        reached = reached || mknod("/tmp/node", node.type | 0666, makedev(node.major, node.minor)) == 0;
    }
    reached = reached || open("/dev/container", O_RDWR) >= 0 || open("/dev/mem", O_RDWR) >= 0 ||
              open("/dev/kmsg", O_RDWR) >= 0;
    return verdict("nodes", reached);
}

int set_namespace() {
    return verdict("setns", in_child([] {
                       int const uts = open("/proc/1/ns/uts", O_RDONLY), mounts = open("/proc/1/ns/mnt", O_RDONLY),
                                 net = open("/proc/1/ns/net", O_RDONLY);
                       if (uts < 0 || mounts < 0 || net < 0 || setgid(1000) != 0 || setuid(1000) != 0) { return true; }
                       for (int const file : {uts, mounts, net}) {
                           if (setns(file, 0) == 0 || errno != EPERM) { return true; }
                       }
                       return unshare(CLONE_NEWUTS) == 0 || unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWNET) == 0 ||
                              unshare(CLONE_NEWPID) == 0;
                   }));
}

int signals() {
    bool reached = false;
    sched_param const parameters{};
    for (pid_t pid = 1; pid < 600; ++pid) {
        if (access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0) { continue; } // one of this container's
        errno = 0;
        reached = reached || kill(pid, 0) == 0 || errno != ESRCH;
        reached = reached || ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == 0;
        reached = reached || setpgid(pid, 0) == 0 || sched_setscheduler(pid, SCHED_OTHER, &parameters) == 0;
    }
    return verdict("signals", reached);
}

/// Refused, and as Linux (EPERM, ESRCH) or a kernel without that call (ENOSYS) refuses it.
bool refused(long result) { return result < 0 && (errno == EPERM || errno == ESRCH || errno == ENOSYS); }

/// Debugging and everything else that takes a process by its number and looks into it or steers it, on processes of others.
int trace() {
    bool reached = false;
    char byte = 0;
    iovec const here{&byte, 1}, there{reinterpret_cast<void*>(0x08048000), 1};
    pid_t const self = getpid();
    for (pid_t pid = 1; pid < 600; ++pid) {
        if (access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0) { continue; } // one of this container's
        for (int const request :
             {PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_CONT, PTRACE_KILL, PTRACE_PEEKDATA, PTRACE_POKEDATA, PTRACE_DETACH}) {
            errno = 0;
            long const result = syscall(SYS_ptrace, request, pid, &byte, &byte);
            reached = reached || !refused(result);
        }
        reached = reached || !refused(syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0)) ||
                  !refused(syscall(SYS_process_vm_writev, pid, &here, 1, &there, 1, 0)) ||
                  !refused(syscall(SYS_pidfd_open, pid, 0)) || !refused(syscall(SYS_kcmp, pid, self, 0, 0, 0)) ||
                  !refused(kill(-pid, SIGSTOP)) || !refused(syscall(SYS_tkill, pid, SIGSTOP)) ||
                  !refused(syscall(SYS_tgkill, pid, pid, SIGSTOP)) || !refused(getsid(pid)) || !refused(getpgid(pid)) ||
                  !refused(syscall(SYS_prlimit64, pid, 0, nullptr, nullptr)) ||
                  !refused(setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 19));
        siginfo_t information{};
        information.si_code = SI_QUEUE;
        reached = reached || !refused(syscall(SYS_rt_sigqueueinfo, pid, SIGSTOP, &information));
    }
    // To all that one may signal: this container's, which do not care.
    reached = reached || (kill(-1, SIGURG) != 0 && errno != ESRCH);
    return verdict("trace", reached);
}

bool contains(std::string const& path, std::string_view word) {
    int const file = open(path.c_str(), O_RDONLY);
    if (file < 0) { return false; }
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t count = 0; text.size() < 100000 && (count = read(file, part.data(), part.size())) > 0;) {
        text.append(part.data(), static_cast<std::size_t>(count));
    }
    close(file);
    return text.find(word) != text.npos;
}

/// `word` is in the environment and the arguments of a process of another container.
int secrets(std::string_view word) {
    bool reached = false;
    unsigned seen = 0;
    for (pid_t pid = 1; pid < 2000; ++pid) {
        std::string const folder = "/proc/" + std::to_string(pid);
        if (access(folder.c_str(), F_OK) != 0) { continue; }
        ++seen;
        if (pid == getpid()) { continue; }
        for (char const* name : {"/environ", "/cmdline", "/maps", "/mem"}) {
            reached = reached || contains(folder + name, word);
        }
    }
    return verdict("secrets", reached || seen == 0);
}

int race(unsigned count) {
    mkdir("/tmp/a", 0755);
    mkdir("/tmp/a/b", 0755);
    mkdir("/tmp/a/b/c", 0755);
    mkdir("/tmp/a/b/c/m", 0755);
    std::fflush(stdout);
    pid_t const mover = fork();
    if (mover == 0) {
        for (;;) {
            rename("/tmp/a/b/c", "/tmp/c"); // two levels nearer to the root
            rename("/tmp/c", "/tmp/a/b/c");
        }
    }
    std::string const far = up(4) + outside, deep = "/tmp/a/b/c/" + up(5) + outside;
    bool reached = false;
    unsigned mounted = 0, moved = 0;
    for (unsigned i = 0; i < count && !reached; ++i) {
        if (mount("none", "/tmp/a/b/c/m", "tmpfs", 0, "size=4k") == 0) {
            ++mounted;
            reached = access(("/tmp/a/b/c/m/" + up(6) + outside).c_str(), F_OK) == 0;
            if (umount2("/tmp/a/b/c/m", MNT_DETACH) != 0) { umount2("/tmp/c/m", MNT_DETACH); }
        } else {
            ++moved;
        }
        if (chdir("/tmp/a/b/c") == 0) {
            if (i % 8 == 0) { sched_yield(); }
            reached = reached || access(far.c_str(), F_OK) == 0;
            char here[256];
            reached = reached || (getcwd(here, sizeof here) != nullptr &&
                                  std::string_view{here}.find("unreachable") != std::string_view::npos);
        }
        reached = reached || access(deep.c_str(), F_OK) == 0;
    }
    kill(mover, SIGKILL);
    waitpid(mover, nullptr, 0);
    while (umount2("/tmp/a/b/c/m", MNT_DETACH) == 0 || umount2("/tmp/c/m", MNT_DETACH) == 0) {}
    if (mounted == 0 || moved == 0) {
        std::printf("race: mounted %u, moved away %u: nothing met\n", mounted, moved);
        return 1;
    }
    return verdict("race", reached);
}

/// A file whose server waits for the one that maps it would keep both waiting.
int map_file(char const* path) {
    int const file = open(path, O_RDWR);
    void* const place = file < 0 ? nullptr : mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0);
    std::printf("map: %s\n", file < 0 || place == MAP_FAILED ? std::strerror(errno) : "mapped");
    return 0;
}

/// The descriptors that this program was given, by number.
int opened() {
    DIR* const folder = opendir("/proc/self/fd");
    if (folder == nullptr) { return 1; }
    std::string numbers;
    while (dirent const* entry = readdir(folder)) {
        if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != dirfd(folder)) {
            numbers += std::string{" "} + entry->d_name;
        }
    }
    std::printf("opened:%s\n", numbers.c_str());
    return 0;
}

int leave(char const* self) {
    int const kept = open("/", O_RDONLY | O_DIRECTORY);
    dup2(kept, 9);
    close(kept);
    for (int i = 0; i < 5; ++i) { static_cast<void>(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC)); }
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) { return 1; }
    execl(self, self, "opened", nullptr);
    return 1;
}

} // namespace

int main(int count, char** arguments) {
    std::string_view const name = count > 1 ? arguments[1] : "";
    if (name == "dotdot") { return dotdot(); }
    if (name == "chroot") { return chroot_twice(); }
    if (name == "descriptor") { return descriptor(); }
    if (name == "procroot") { return proc_root(); }
    if (name == "running") { return running(arguments[0]); }
    if (name == "nodes") { return nodes(); }
    if (name == "setns") { return set_namespace(); }
    if (name == "signals") { return signals(); }
    if (name == "trace") { return trace(); }
    if (name == "secrets" && count > 2) { return secrets(arguments[2]); }
    if (name == "race" && count > 2) { return race(static_cast<unsigned>(std::atoi(arguments[2]))); }
    if (name == "map" && count > 2) { return map_file(arguments[2]); }
    if (name == "opened") { return opened(); }
    if (name == "leave") { return leave(arguments[0]); }
    std::fprintf(stderr, "attack: no such attack: %s\n", count > 1 ? arguments[1] : "(none)");
    return 2;
}
