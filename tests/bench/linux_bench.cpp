// What ordinary operations cost, in time-stamp ticks: a plain static Linux program, so that it runs on Linux and on
// Cella. Under QEMU's -icount shift=0 a tick is one guest instruction.
//   linux_bench [NAME...]   prints "NAME TICKS" (median of the rounds, per operation) or "NAME failed: REASON"
#include "linux_bench.hpp"
#include <csignal>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace {

constexpr char scratch_file[] = "/tmp/linux_bench.data";

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
    for (auto const part : {std::span<Benchmark const>{benchmarks}, network_benchmarks(), namespace_benchmarks()}) {
        for (auto const& benchmark : part) {
            auto const wanted = [&](const char* name) { return std::string_view(name) == benchmark.name; };
            if (names.empty() || std::any_of(names.begin(), names.end(), wanted)) benchmark.measure(benchmark.name);
        }
    }
    return 0;
}
