// Programs that behave badly, for tests: a container must hold them, and kernel and servers must outlive them.
//   torture fork | memory | disk [FOLDER]     take processes, memory, disk space until refused (or killed); print how much
//   torture addresses COUNT SEED              reads and writes COUNT random addresses
//   torture jumps COUNT SEED                  jumps to COUNT random addresses
//   torture calls COUNT SEED                  makes COUNT random Linux calls with random arguments
//   torture invocations COUNT SEED            makes COUNT random kernel invocations (on Cella; elsewhere it is undefined)
// Each of the last four prints "NAME: COUNT done".
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Word = std::uint32_t;

class Random {
public:
    explicit Random(Word seed) : state_{seed * 2654435761u + 88172645463325252ull} {}
    Word next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<Word>(state_ >> 16);
    }
    Word below(Word limit) { return next() % limit; }

private:
    std::uint64_t state_;
};

alignas(4096) char area[16384];

/// A value as an argument: small numbers, addresses good and bad, edges, anything.
Word argument(Random& random) {
    constexpr Word edges[] = {0,          1,          0xFFFFFFFF, 0x7FFFFFFF, 0x80000000,
                              0xC0000000, 0xBFFFFFFF, 0xBFFF0000, 0xFFFFF000, 4096};
    switch (random.below(6)) {
    case 0: return random.below(16);
    case 1: return random.below(4096);
    case 2: return static_cast<Word>(reinterpret_cast<std::uintptr_t>(area)) + random.below(sizeof area);
    case 3: return edges[random.below(sizeof edges / sizeof edges[0])];
    case 4: return random.next() & 0xFFFFF000;
    default: return random.next();
    }
}

void touch_address(Random& random) {
    auto* const address = reinterpret_cast<volatile char*>(static_cast<std::uintptr_t>(argument(random)));
    if (random.below(2) == 0) {
        *address = static_cast<char>(random.next());
    } else {
        static_cast<void>(*address);
    }
}

void jump(Random& random) {
    auto const address = argument(random);
    reinterpret_cast<void (*)()>(static_cast<std::uintptr_t>(address))();
}

/// Calls that would end the measuring rather than test anything: they wait for ever, or make or end other processes.
bool is_excluded(Word number) {
    switch (number) {
    case SYS_exit:
    case SYS_exit_group:
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
    case 435 /* clone3 */:
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
    case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo:
    case SYS_reboot:
    case SYS_pause:
    case SYS_sigsuspend:
    case SYS_rt_sigsuspend:
    case SYS_waitpid:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_select:
    case SYS__newselect:
    case SYS_poll:
    case SYS_ppoll:
    case SYS_pselect6:
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case 407 /* clock_nanosleep_time64 */:
    case 413 /* pselect6_time64 */:
    case 414 /* ppoll_time64 */:
    case SYS_rt_sigtimedwait:
    case SYS_sigreturn:
    case SYS_rt_sigreturn:
    case SYS_ptrace: return true;
    default: return false;
    }
}

void linux_call(Random& random) {
    Word number = 0;
    do { number = random.below(16) == 0 ? random.next() : random.below(460); } while (is_excluded(number));
    syscall(static_cast<long>(number), argument(random), argument(random), argument(random), argument(random),
            argument(random), argument(random));
}

/// One kernel entry by sysenter, with the registers of microkernel/abi/types.hpp. %ebx and %ebp are the compiler's.
void invocation(Random& random) {
    struct {
        Word info, pointer, first, second, reply;
    } registers;
    constexpr Word calls[] = {1, 1, 1, 1, 2, 3, 4, 6, 7, 9, 0};
    Word const label = random.below(4) == 0 ? random.below(1 << 14) : random.below(128);
    Word const length = random.below(8) == 0 ? random.below(128) : random.below(12);
    registers.info = label << 18 | calls[random.below(sizeof calls / sizeof calls[0])] << 14 | random.below(4) << 9 |
                     random.below(4) << 7 | length;
    registers.pointer = random.below(8) == 0 ? random.next() : random.below(300);
    registers.first = argument(random);
    registers.second = argument(random);
    registers.reply = random.below(4) == 0 ? random.below(300) : 0;
    // The IPC buffer: its address is at %fs:0; words, capabilities, the slots and buffers they go to.
    Word* buffer = nullptr;
    asm volatile("movl %%fs:0, %0" : "=r"(buffer));
    for (Word word = 3; word < 16; ++word) buffer[word] = argument(random);
    for (Word word = 65; word < 73; ++word) buffer[word] = random.below(3) == 0 ? argument(random) : random.below(300);
    asm volatile("pushl %%ebp\n\tpushl %%ebx\n\t"
                 "movl 4(%%eax), %%ebx\n\tmovl 8(%%eax), %%esi\n\tmovl 12(%%eax), %%edi\n\tmovl 16(%%eax), "
                 "%%ebp\n\tmovl (%%eax), %%eax\n\t"
                 "movl %%esp, %%ecx\n\tmovl $1f, %%edx\n\tsysenter\n1:\tpopl %%ebx\n\tpopl %%ebp"
                 :
                 : "a"(&registers)
                 : "ecx", "edx", "esi", "edi", "memory", "cc");
}

/// Lets children do the operation until it was done `count` times: a child may die of it or hang in it.
int repeat(const char* name, Word count, Word seed, void (*operation)(Random&)) {
    auto* const done =
        static_cast<volatile Word*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (done == MAP_FAILED) return std::perror("mmap"), 1;
    // A child that jumps into the middle of some code may write to the counter as well: the parent knows how far they were.
    Word reached = 0;
    for (Word generation = 0; reached < count; ++generation) {
        *done = reached;
        pid_t const child = fork();
        if (child < 0) return std::perror("fork"), 1;
        if (child == 0) {
            int const nowhere = open("/dev/null", O_RDWR);
            for (int file = 0; file < 3; ++file) dup2(nowhere, file);
            Random random{seed + generation};
            while (*done < count) {
                *done = *done + 1;
                operation(random);
            }
            _exit(0);
        }
        int status = 0;
        // Stuck is who gets nowhere for 100 ms: on a busy machine a fork alone takes some.
        Word seen = *done;
        for (int idle = 0; waitpid(child, &status, WNOHANG) == 0;) {
            usleep(2000);
            idle = *done == seen ? idle + 1 : 0;
            if (idle == 50) {
                kill(child, SIGKILL);
                waitpid(child, &status, 0);
                break;
            }
            seen = *done;
        }
        Word const now = *done;
        reached = now > reached && now <= count ? now : reached + 1;
    }
    std::printf("%s: %u done\n", name, count);
    return 0;
}

int fork_bomb() {
    Word children = 0;
    for (;;) {
        pid_t const child = fork();
        if (child == 0) {
            for (;;) pause();
        }
        if (child < 0) break;
        ++children;
    }
    std::printf("fork: %u children, then: %s\n", children, std::strerror(errno));
    std::fflush(stdout);
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(nullptr) > 0) {}
    return 0;
}

int memory_bomb() {
    constexpr std::size_t piece = 64 * 1024;
    std::size_t taken = 0;
    for (;;) {
        void* const memory = mmap(nullptr, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) break;
        std::memset(memory, 1, piece);
        taken += piece;
    }
    std::printf("memory: %zu KiB, then: %s\n", taken / 1024, std::strerror(errno));
    return 0;
}

int disk_bomb(const std::string& folder) {
    std::size_t taken = 0;
    for (Word number = 0;; ++number) {
        std::string const path = folder + "/bomb." + std::to_string(number);
        int const file = open(path.c_str(), O_CREAT | O_WRONLY, 0600);
        if (file < 0) break;
        ssize_t count = 0;
        std::size_t size = 0;
        while (size < 1 << 20 && (count = write(file, area, sizeof area)) > 0) size += static_cast<std::size_t>(count);
        taken += size;
        int const error = errno;
        close(file);
        errno = error;
        if (count <= 0) break;
    }
    std::printf("disk: %zu KiB, then: %s\n", taken / 1024, std::strerror(errno));
    return 0;
}

} // namespace

int main(int count, char** words) {
    std::string_view const name = count > 1 ? words[1] : "";
    Word const times = count > 2 ? static_cast<Word>(std::strtoul(words[2], nullptr, 0)) : 0;
    Word const seed = count > 3 ? static_cast<Word>(std::strtoul(words[3], nullptr, 0)) : 1;
    if (name == "fork") return fork_bomb();
    if (name == "memory") return memory_bomb();
    if (name == "disk") return disk_bomb(count > 2 ? words[2] : "/");
    if (name == "addresses") return repeat("addresses", times, seed, touch_address);
    if (name == "jumps") return repeat("jumps", times, seed, jump);
    if (name == "calls") return repeat("calls", times, seed, linux_call);
    if (name == "invocations") return repeat("invocations", times, seed, invocation);
    std::fprintf(stderr,
                 "usage: torture fork | memory | disk [FOLDER] | addresses|jumps|calls|invocations COUNT SEED\n");
    return 2;
}
