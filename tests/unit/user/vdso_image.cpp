// The image and its surroundings: see vdso_image.hpp.
#include "vdso_image.hpp"

namespace vdso_image {

std::vector<Message> log;
std::function<Answer(Message const&)> server;

namespace {
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
} // namespace

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

namespace {
struct Registers {
    Word eax, ebx, ecx, edx, esi, edi, ebp, esp_before, esp_after;
};
Registers registers;
} // namespace

[[gnu::noinline]] std::int32_t call(Word number, Word a, Word b, Word c, Word d, Word e, Word f) {
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

} // namespace vdso_image
