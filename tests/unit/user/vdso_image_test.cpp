// The built vDSO image itself, run as the i386 code it is in this process: mapped where it is linked, its sysenter and
// `int 0x80` turned into traps that a signal handler answers in the kernel's and the servers' place.
#include "libipc/ipc/error.hpp"
#include "libipc/proto/process.hpp"
#include "microkernel/abi/objects.hpp"
#include "user/linux/layout.hpp"
#include "user/linux/signal_frame.hpp"
#include <asm/ldt.h>
#include <csignal>
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <functional>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

namespace {

using abi::Word;
using linux_process::FileTable;
using linux_process::ThreadArea;
using linux_process::VdsoHeader;

auto& buffer() { return *reinterpret_cast<abi::IpcBuffer*>(linux_process::area_base); }
auto& area() { return *reinterpret_cast<ThreadArea*>(linux_process::area_base + abi::ipc_buffer_end); }
auto& table() { return *reinterpret_cast<FileTable*>(linux_process::files_base); }
auto& header() {
    return *reinterpret_cast<VdsoHeader const*>(linux_process::vdso_base + linux_process::vdso_header_offset);
}

struct Message {
    Word label, target;
    std::vector<Word> words;
};
struct Answer {
    Word label = 0;
    abi::Error status = abi::Error::None;
    std::vector<Word> words;
    Word capabilities = 0;
};
std::vector<Message> log;
std::function<Answer(Message const&)> server;

bool in_image(Word eip) {
    return eip >= linux_process::vdso_base && eip < linux_process::vdso_base + linux_process::vdso_size;
}

void on_trap(int, siginfo_t*, void* context) {
    auto& r = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    Word const eip = static_cast<Word>(r[REG_EIP]);
    if (!in_image(eip)) {
        std::signal(SIGILL, SIG_DFL);
        return;
    }
    if (eip < header().text_start) { // a sigreturn stub's int 0x80
        buffer().redirect_ip = eip + 2;
        buffer().redirect_flags = static_cast<Word>(r[REG_EFL]);
        r[REG_EIP] = static_cast<greg_t>(header().redirect_entry);
        return;
    }
    abi::MessageInfo const info{static_cast<Word>(r[REG_EAX])};
    Message message{info.label(), static_cast<Word>(r[REG_EBX]), {}};
    for (Word i = 0; i < info.length(); ++i) {
        message.words.push_back(i == 0   ? static_cast<Word>(r[REG_ESI])
                                : i == 1 ? static_cast<Word>(r[REG_EDI])
                                         : buffer().message[i]);
    }
    log.push_back(message);
    Answer answer = server ? server(message) : Answer{};
    r[REG_EAX] =
        static_cast<greg_t>(abi::MessageInfo{answer.label, static_cast<Word>(answer.words.size()), answer.capabilities}
                                .with(answer.status)
                                .raw);
    if (answer.capabilities != 0) {
        buffer().capabilities[0] = buffer().receive_slot;
        buffer().capabilities[1] = buffer().receive_slot + 1;
    }
    answer.words.resize(std::max<std::size_t>(answer.words.size(), 2));
    r[REG_ESI] = static_cast<greg_t>(answer.words[0]);
    r[REG_EDI] = static_cast<greg_t>(answer.words[1]);
    for (std::size_t i = 2; i < answer.words.size(); ++i) { buffer().message[i] = answer.words[i]; }
    r[REG_EIP] = r[REG_EDX];
    r[REG_ESP] = r[REG_ECX];
    r[REG_EDX] = r[REG_ECX] = static_cast<greg_t>(0xdeadbeef);
}

void on_fault(int, siginfo_t*, void* context) {
    auto& r = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    Word const eip = static_cast<Word>(r[REG_EIP]);
    auto const& window = header().fault_window;
    if (in_image(eip) && eip >= window.start && eip < window.end) {
        r[REG_EIP] = static_cast<greg_t>(window.retry);
        return;
    }
    std::signal(SIGSEGV, SIG_DFL);
}

void map_image() {
    static bool done = false;
    if (!done) {
        done = true;
        int const flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS, all = PROT_READ | PROT_WRITE | PROT_EXEC;
        for (auto const& [base, size] : {std::pair{linux_process::vdso_base, linux_process::vdso_size},
                                         std::pair{linux_process::area_base, 0x3000U},
                                         std::pair{linux_process::files_base, linux_process::files_size}}) {
            REQUIRE(mmap(reinterpret_cast<void*>(base), size, all, flags, -1, 0) == reinterpret_cast<void*>(base));
        }
        int const file = open(VDSO_IMAGE, O_RDONLY);
        REQUIRE(file >= 0);
        REQUIRE(read(file, reinterpret_cast<void*>(linux_process::vdso_base), linux_process::vdso_size) > 0x1000);
        close(file);
        // The only places with these bytes: the stubs before the text, and the one kernel entry at its start.
        auto* const code = reinterpret_cast<std::uint8_t*>(linux_process::vdso_base);
        int sysenters = 0, traps = 0;
        for (Word i = header().text_start - linux_process::vdso_base;
             i < header().text_start - linux_process::vdso_base + 0x300; ++i) {
            if (code[i] == 0x0f && code[i + 1] == 0x34) {
                code[i + 1] = 0x0b;
                ++sysenters;
            }
        }
        for (Word i = 0x400; i < header().text_start - linux_process::vdso_base; ++i) {
            if (code[i] == 0xcd && code[i + 1] == 0x80) {
                code[i] = 0x0f;
                code[i + 1] = 0x0b;
                ++traps;
            }
        }
        REQUIRE(sysenters == 2);
        REQUIRE(traps == 2);
        user_desc descriptor{};
        descriptor.entry_number = static_cast<unsigned>(-1);
        descriptor.base_addr = linux_process::area_base;
        descriptor.limit = 0;
        descriptor.seg_32bit = 1;
        descriptor.limit_in_pages = 1;
        descriptor.useable = 1;
        REQUIRE(syscall(SYS_set_thread_area, &descriptor) == 0);
        Word const selector = descriptor.entry_number << 3 | 3;
        asm volatile("movl %0, %%fs" : : "r"(selector));
    }
    // Each time: doctest has its own handlers between test cases.
    static std::uint8_t stack[65536];
    stack_t const alternate{stack, 0, sizeof stack};
    sigaltstack(&alternate, nullptr);
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    action.sa_sigaction = on_trap;
    sigaction(SIGILL, &action, nullptr);
    action.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &action, nullptr);
    std::memset(&buffer(), 0, 0x1000);
    std::memset(&table(), 0, sizeof(FileTable));
    buffer().self = linux_process::area_base;
    area().stack_top = linux_process::area_base + 0x3000;
    area().files = linux_process::files_base;
    area().process_slot = linux_process::slot::process;
    area().wake_slot = linux_process::slot::wake;
    area().process_id = 42;
    area().thread_id = 43;
    area().process_group = 7;
    area().tsc_per_millisecond = 2000000;
    table().limit = 192;
    log.clear();
    server = nullptr;
}

/// A program's stack lies below `user_end`; that of this process need not.
void on_low_stack(void (*body)()) {
    static ucontext_t back, there;
    static void* const stack = mmap(reinterpret_cast<void*>(0x40000000), 0x100000, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(stack == reinterpret_cast<void*>(0x40000000));
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = 0x100000;
    there.uc_link = &back;
    makecontext(&there, body, 0);
    swapcontext(&back, &there);
}
#define VDSO_TEST(name) VDSO_TEST_AS(name, DOCTEST_ANONYMOUS(vdso_test_))
#define VDSO_TEST_AS(name, body)                                                                                       \
    static void body();                                                                                                \
    TEST_CASE(name) {                                                                                                  \
        map_image();                                                                                                   \
        on_low_stack(body);                                                                                            \
    }                                                                                                                  \
    static void body()

struct Registers {
    Word eax, ebx, ecx, edx, esi, edi, ebp, esp_before, esp_after;
};
Registers registers;

/// As libc calls: AT_SYSINFO.
[[gnu::noinline]] std::int32_t call(Word number, Word a = 1, Word b = 2, Word c = 3, Word d = 4, Word e = 5,
                                    Word f = 6) {
    registers = {number, a, b, c, d, e, f, 0, 0};
    Word const entry = header().syscall_entry;
    asm volatile(
        "pushl %%ebp\n\tpushl %%ebx\n\tpushl %[entry]\n\t"
        "movl 0(%[r]), %%eax\n\tmovl 4(%[r]), %%ebx\n\tmovl 12(%[r]), %%edx\n\tmovl 16(%[r]), %%esi\n\tmovl 20(%[r]), "
        "%%edi\n\t"
        "movl 24(%[r]), %%ebp\n\tmovl 8(%[r]), %%ecx\n\t"
        "movl %%esp, registers_esp\n\tcall *(%%esp)\n\tmovl %%esp, registers_esp + 4\n\tmovl registers_esp, %%esp\n\t"
        "pushl %%eax\n\tmovl $registers_out, %%eax\n\tpopl 0(%%eax)\n\t"
        "movl %%ebx, 4(%%eax)\n\tmovl %%ecx, 8(%%eax)\n\tmovl %%edx, 12(%%eax)\n\tmovl %%esi, 16(%%eax)\n\tmovl %%edi, "
        "20(%%eax)\n\tmovl %%ebp, 24(%%eax)\n\t"
        "addl $4, %%esp\n\tpopl %%ebx\n\tpopl %%ebp"
        :
        : [r] "c"(&registers), [entry] "a"(entry)
        : "edx", "esi", "edi", "memory", "cc");
    extern Registers const out asm("registers_out");
    extern Word const esp[2] asm("registers_esp");
    CHECK(out.ebx == a);
    CHECK(out.ecx == b);
    CHECK(out.edx == c);
    CHECK(out.esi == d);
    CHECK(out.edi == e);
    CHECK(out.ebp == f);
    CHECK(esp[0] == esp[1]);
    CHECK(area().in_call == 0);
    CHECK(buffer().receive_slot == 0);
    return static_cast<std::int32_t>(out.eax);
}
asm(".data\n.balign 4\nregisters_out: .skip 40\nregisters_esp: .skip 8\n.text");

template <class M>
constexpr Word label() {
    return M::label();
}
Word address(void const* p) { return reinterpret_cast<Word>(p); }
void open_descriptor(Word number, proto::FileKind kind) {
    table().descriptors[number] = {1, 0, static_cast<std::uint8_t>(kind), 0, 0};
    table().highest = std::max(table().highest, number + 1);
}
template <class T>
std::vector<Word> words_of(T const& value) {
    std::vector<Word> words((sizeof value + 3) / 4);
    std::memcpy(words.data(), &value, sizeof value);
    return words;
}
constexpr Word bad_address = 0x10;
constexpr Word cnode_delete = static_cast<Word>(abi::Invocation::CNodeDelete),
               cnode_copy = static_cast<Word>(abi::Invocation::CNodeCopy),
               cnode_move = static_cast<Word>(abi::Invocation::CNodeMove);
Word label_of_continuation() { return static_cast<Word>(ipc::Error::Elsewhere); }

} // namespace

VDSO_TEST("answered without a message") {
    CHECK(call(20) == 42);
    CHECK(call(224) == 43);
    CHECK(log.empty());
    std::int64_t time[2] = {};
    CHECK(call(403, 1, address(time)) == 0);
    CHECK(log.empty());
    CHECK(call(403, 1, bad_address) == -14);
    CHECK(call(403, 99, address(time)) == -22);
}

VDSO_TEST("a call nobody knows is counted and ENOSYS") {
    CHECK(call(9999) == -38);
    REQUIRE(log.size() == 1);
    CHECK(log[0].label == label<proto::Process::Unknown>());
    CHECK(log[0].words == std::vector<Word>{9999});
    CHECK(call(386) == -38); // rseq
    CHECK(log.size() == 1);
}

VDSO_TEST("read and write") {
    open_descriptor(3, proto::FileKind::Fifo);
    char data[16];
    server = [&](Message const& message) {
        CHECK(message.target == 67);
        CHECK(area().in_call == 2);
        if (message.label == label<proto::File::Read>()) {
            CHECK(buffer().write_address == address(data));
            CHECK(buffer().write_length == 16);
            return Answer{0, abi::Error::None, {5, 0}};
        }
        return Answer{32, abi::Error::None, {}};
    };
    CHECK(call(3, 3, address(data), 16) == 5);
    REQUIRE(log.size() == 1);
    CHECK(log[0].words == std::vector<Word>{7});
    CHECK(call(3, 4, address(data), 16) == -9);
    CHECK(log.size() == 1);
    server = [&](Message const& message) {
        return message.label == label<proto::File::Write>() ? Answer{32, abi::Error::None, {}} : Answer{};
    };
    CHECK(call(4, 3, address(data), 16) == -32);
    CHECK(log.back().label == label<proto::Process::Kill>()); // SIGPIPE
    CHECK(log.back().words == std::vector<Word>{42, 43, 13});
}

VDSO_TEST("a page that is missing is brought in, and the transfer goes on") {
    open_descriptor(0, proto::FileKind::Regular);
    char data[100];
    int reads = 0;
    server = [&](Message const& message) {
        if (message.label == label<proto::File::Read>()) {
            return reads++ == 0 ? Answer{0, abi::Error::None, {40, address(data + 40)}}
                                : Answer{0, abi::Error::None, {60, 0}};
        }
        CHECK(message.label == label<proto::Process::Touch>());
        CHECK(message.words == std::vector<Word>{address(data + 40), 60, 1});
        return Answer{};
    };
    CHECK(call(3, 0, address(data), 100) == 100);
    CHECK(log.size() == 3);
    reads = 0;
    server = [&](Message const& message) {
        return message.label == label<proto::File::Read>() ? Answer{0, abi::Error::None, {0, address(data)}}
                                                           : Answer{14, abi::Error::None, {}};
    };
    CHECK(call(3, 0, address(data), 100) == -14);
}

VDSO_TEST("open takes the lowest number, close gives it back") {
    open_descriptor(0, proto::FileKind::Regular);
    open_descriptor(2, proto::FileKind::Regular);
    Word slot = 0;
    server = [&](Message const& message) {
        if (message.label == label<proto::Directory::Open>()) {
            slot = buffer().receive_slot;
            return Answer{0, abi::Error::None, {0, 99}, 1};
        }
        return Answer{};
    };
    CHECK(call(5, address("/etc/passwd"), 0x80000, 0) == 1);
    CHECK(slot == 65);
    CHECK(table().descriptors[1].open == 1);
    CHECK(table().descriptors[1].close_on_exec == 1);
    CHECK(log.size() == 1);
    // At absent, caller absent, flags, mode, path length, offset, text
    REQUIRE(log[0].words.size() == 9);
    CHECK(log[0].words[4] == 11);
    CHECK(std::memcmp(&log[0].words[6], "/etc/passwd", 11) == 0);
    CHECK(call(41, 1) == 3);
    CHECK(log.back().label == cnode_copy);
    CHECK(call(63, 1, 2) == 2);
    CHECK(call(6, 1) == 0);
    CHECK(log.back().label == cnode_delete);
    CHECK(log.back().words[0] == 65);
    CHECK(call(6, 1) == -9);
    CHECK(call(5, bad_address, 0, 0) == -14);
    CHECK(call(5, address(""), 0, 0) == -2);
    std::string const longest(5000, 'x');
    CHECK(call(5, address(longest.c_str()), 0, 0) == -36);
    server = [&](Message const&) { return Answer{2, abi::Error::None, {}}; };
    CHECK(call(5, address("nothing"), 0, 0) == -2);
    CHECK(table().descriptors[1].open == 0);
    CHECK(table().descriptors[1].reserved == 0);
    CHECK(table().lock == 0);
}

VDSO_TEST("a walk goes on in another server") {
    std::vector<Word> continuation;
    auto const elsewhere = [&](Word flags, std::string_view rest) {
        proto::Continuation there{};
        there.flags = flags;
        there.rest = ipc::Text<180>{rest};
        std::vector<Word> words{1};
        for (Word const word : words_of(there)) { words.push_back(word); }
        return Answer{label_of_continuation(), abi::Error::None, words, 1};
    };
    SUBCASE("open") {
        server = [&](Message const& message) {
            if (message.label == label<proto::Directory::Open>()) {
                if (message.target == linux_process::slot::vfs) {
                    CHECK(buffer().receive_slot == 64);
                    return elsewhere(1, "self/stat");
                }
                CHECK(message.target == 64);
                CHECK(buffer().receive_slot == 65);
                CHECK(message.words[0] == 0);
                CHECK(message.words[1] == 1); // the caller comes along
                CHECK(buffer().capabilities[0] == linux_process::slot::process);
                CHECK(message.words[4] == 9);
                return Answer{0, abi::Error::None, {0, 99}, 1};
            }
            return Answer{};
        };
        CHECK(call(5, address("/proc/self/stat"), 0, 0) == 0);
        REQUIRE(log.size() == 4);
        CHECK(log[2].label == cnode_delete);
        CHECK(log[2].words[0] == 64);
        CHECK(log[3].label == cnode_move);
        CHECK(log[3].words[0] == 64);
        CHECK(log[3].words[2] == 65);
        CHECK(table().descriptors[0].open == 1);
        CHECK(table().descriptors[1].reserved == 0);
    }
    SUBCASE("stat") {
        proto::FileStatus status{};
        status.size = 77;
        server = [&](Message const& message) {
            if (message.label == label<proto::Directory::Stat>()) {
                return message.target == linux_process::slot::vfs ? elsewhere(0, "x")
                                                                  : Answer{0, abi::Error::None, words_of(status)};
            }
            return Answer{};
        };
        std::uint8_t out[96] = {};
        CHECK(call(195, address("/proc/x"), address(out)) == 0);
        CHECK(out[44] == 77);
        CHECK(log.size() == 4); // twice at vfs, once there, one delete
        CHECK(log.back().label == cnode_delete);
        CHECK(table().descriptors[0].reserved == 0);
    }
}

VDSO_TEST("bad pointers are EFAULT") {
    proto::FileStatus status{};
    server = [&](Message const&) { return Answer{0, abi::Error::None, words_of(status)}; };
    CHECK(call(195, address("/"), bad_address) == -14);
    CHECK(call(195, address("/"), 0xfffffff0) == -14);
    open_descriptor(0, proto::FileKind::Regular);
    CHECK(call(146, 0, bad_address, 2) == -14);
    CHECK(call(174, 5, bad_address, 0, 8) == -14);
    CHECK(call(168, bad_address, 3, 0) == -14);
    CHECK(call(102, 1, bad_address) == -14);
}

namespace {
volatile int handled = 0;
volatile Word handler_argument = 0, handler_esp_alignment = 0;
void handler(int number) {
    handled = handled + 1;
    handler_argument = static_cast<Word>(number);
    double volatile a = 2.5, b = a * 3; // the handler uses the FPU
    static_cast<void>(b);
}
void information_handler(int number, siginfo_t* info, void*) {
    handled = handled + 1;
    handler_argument = static_cast<Word>(number) << 16 | static_cast<Word>(info->si_pid);
}
Answer delivered(Word number, Word entry, Word flags) {
    proto::DeliveredSignal signal{};
    signal.information.number = static_cast<std::int32_t>(number);
    signal.information.pid = 99;
    signal.action.handler = entry;
    signal.action.flags = flags;
    signal.old_mask = 0x1234500000006789;
    return {0, abi::Error::None, words_of(signal)};
}
} // namespace

VDSO_TEST("a handler runs on the way out, and everything is as before") {
    handled = 0;
    for (bool const information : {false, true}) {
        log.clear();
        bool pending = true;
        server = [&](Message const& message) {
            if (message.label == label<proto::Process::GetParent>()) {
                area().signal_pending = 1;
                return Answer{0, abi::Error::None, {17}};
            }
            if (message.label == label<proto::Process::TakeSignal>()) {
                CHECK(area().signal_pending == 0);
                bool const now = pending;
                pending = false;
                if (!now) { return delivered(0, 0, 0); }
                return information ? delivered(10, address(reinterpret_cast<void*>(&information_handler)), 4)
                                   : delivered(10, address(reinterpret_cast<void*>(&handler)), 0);
            }
            if (message.label == label<proto::Process::SetMask>()) {
                CHECK(message.words == std::vector<Word>{2, 1, 0x6789, 0x12345000});
            }
            return Answer{0, abi::Error::None, {0, 0}};
        };
        double volatile kept = 1.25;
        CHECK(call(64) == 17);
        CHECK(kept * 4 == 5.0);
        CHECK(handler_argument == (information ? 10U << 16 | 99 : 10U));
        CHECK(log.back().label == label<proto::Process::SetMask>());
    }
    CHECK(handled == 2);
}

VDSO_TEST("an interrupted wait: restart, EINTR, or again") {
    open_descriptor(0, proto::FileKind::Fifo);
    for (int const kind : {0, 1, 2}) {
        log.clear();
        handled = 0;
        int reads = 0;
        bool taken = false;
        server = [&](Message const& message) {
            if (message.label == label<proto::File::Read>()) {
                return reads++ == 0 ? Answer{0, abi::Error::Interrupted, {}} : Answer{0, abi::Error::None, {3, 0}};
            }
            if (message.label == label<proto::Process::TakeSignal>() && !taken) {
                taken = true;
                return kind == 2
                           ? delivered(0, 0, 0)
                           : delivered(14, address(reinterpret_cast<void*>(&handler)), kind == 0 ? 0x10000000U : 0U);
            }
            if (message.label == label<proto::Process::TakeSignal>()) { return delivered(0, 0, 0); }
            return Answer{0, abi::Error::None, {0, 0}};
        };
        char data[8];
        CHECK(call(3, 0, address(data), 8) == (kind == 1 ? -4 : 3));
        CHECK(reads == (kind == 1 ? 1 : 2));
        CHECK(handled == (kind == 2 ? 0 : 1));
    }
    // A signal that comes before the wait begins: no message is sent for it.
    log.clear();
    int reads = 0;
    area().signal_pending = 1;
    server = [&](Message const& message) {
        if (message.label == label<proto::File::Read>()) {
            ++reads;
            return Answer{0, abi::Error::None, {1, 0}};
        }
        return delivered(0, 0, 0);
    };
    char data[8];
    CHECK(call(3, 0, address(data), 8) == 1);
    CHECK(reads == 1);
    REQUIRE(log.size() >= 2);
    CHECK(log[0].label == label<proto::Process::TakeSignal>());
}

VDSO_TEST("poll: asks, arms, waits, disarms") {
    open_descriptor(4, proto::FileKind::Fifo);
    struct {
        int descriptor;
        short events, found;
    } record[2] = {{4, 1, 0}, {9, 1, 0}};
    int arms = 0;
    bool woken = false;
    server = [&](Message const& message) {
        if (message.label == label<proto::File::PollArm>()) {
            ++arms;
            return Answer{0, abi::Error::None, {0}};
        }
        if (message.label == label<proto::File::Poll>()) { return Answer{0, abi::Error::None, {woken ? 1U : 0U}}; }
        if (message.label == 0) {
            CHECK(message.target == linux_process::slot::wake);
            woken = true;
        }
        return Answer{};
    };
    CHECK(call(168, address(record), 1, 0) == 0);
    CHECK(arms == 0);
    CHECK(call(168, address(record), 1, static_cast<Word>(-1)) == 1);
    CHECK(record[0].found == 1);
    CHECK(arms == 1);
    CHECK(call(168, address(record), 2, 0) == 2);
    CHECK(record[1].found == 0x20);
    Word sets[32] = {1U << 4};
    CHECK(call(142, 5, address(sets), 0, 0, 0) == 1);
    CHECK(sets[0] == 1U << 4);
    sets[0] = 1U << 9;
    CHECK(call(142, 10, address(sets), 0, 0, 0) == -9);
}

VDSO_TEST("pipe puts both ends where they belong") {
    open_descriptor(1, proto::FileKind::Regular);
    server = [&](Message const& message) {
        return message.label == label<proto::VfsSession::Pipe>() ? Answer{0, abi::Error::None, {}, 2} : Answer{};
    };
    int ends[2] = {};
    CHECK(call(331, address(ends), 0x80000) == 0);
    CHECK(ends[0] == 0);
    CHECK(ends[1] == 2);
    REQUIRE(log.size() == 3); // 0 and 2 are no neighbours: arrives elsewhere, moved
    CHECK(log[1].label == cnode_move);
    CHECK(log[2].label == cnode_move);
    log.clear();
    CHECK(call(42, address(ends)) == 0);
    CHECK(ends[0] == 3);
    CHECK(ends[1] == 4);
    CHECK(log.size() == 1);
    for (Word number = 0; number < 10; ++number) { CHECK(table().descriptors[number].reserved == 0); }
}
