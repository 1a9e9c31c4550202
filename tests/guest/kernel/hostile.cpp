// What a program may do with its registers must not disturb the kernel: each of these once was somebody's hole.
#include "kernel_test.hpp"

namespace test {

namespace {

Word done = 0;

Word quiet_system_call_with(Word set_flags) {
    // An invocation that fails at once, entered with these flags set.
    Word raw = MessageInfo{1, 0}.with(Syscall::Call).raw;
    Word capability = 0, first = 0, second = 0, scratch = 0;
    asm volatile("pushl %%ebp\n\txorl %%ebp, %%ebp\n\tmovl $1f, %%edx\n\tpushfl\n\torl %%ecx, (%%esp)\n\tleal "
                 "4(%%esp), %%ecx\n\t"
                 "popfl\n\tsysenter\n1:\tpushl $0x202\n\tpopfl\n\tpopl %%ebp"
                 : "+a"(raw), "+b"(capability), "+S"(first), "+D"(second), "+c"(set_flags), "=&d"(scratch)
                 :
                 : "cc", "memory");
    return static_cast<Word>(MessageInfo{raw}.status());
}

void flags_thread(Word flags) {
    if (quiet_system_call_with(flags) == static_cast<Word>(Error::InvalidCapability)) signal(done);
}

void segment_thread(Word selector) {
    // Refused at once, and by the slow path; a call by the fast path is in messages.cpp. They may come back reset or not.
    for (Word operation : {static_cast<Word>(Syscall::Call), static_cast<Word>(Syscall::NonBlockingSend)}) {
        Word raw = MessageInfo{1, 0}.with(static_cast<Syscall>(operation)).raw, capability = 0, first = 0, second = 0,
             scratch = 0;
        asm volatile(
            "movl %%ecx, %%ds\n\tmovl %%ecx, %%es\n\tpushl %%ebp\n\txorl %%ebp, %%ebp\n\tmovl %%esp, %%ecx\n\t"
            "movl $1f, %%edx\n\tsysenter\n1:\tpopl %%ebp\n\tmovl %6, %%ecx\n\tmovl %%ecx, %%ds\n\tmovl %%ecx, %%es"
            : "+a"(raw), "+b"(capability), "+S"(first), "+D"(second), "=c"(scratch)
            : "4"(selector), "i"(abi::selector::user_data)
            : "edx", "cc", "memory");
    }
    signal(done);
}

void stack_segment_thread(Word selector) {
    // An exception with an SS of a TLS segment; then the segment goes away while the thread is stopped.
    asm volatile("movl %0, %%ss\n\tud2" : : "r"(selector));
    signal(done);
}

void gs_thread(Word) {
    for (;;) {
        yield();
        signal(done);
    }
}

Word random_state = 12345;
Word random() {
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 3 ^ random_state << 13;
}

} // namespace

void test_hostile() {
    Word const own = abi::boot_slot::address_space;
    done = make(ObjectType::Notification);
    Word const endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply);
    // NT, DF, AC, IOPL, RF and VM cannot be or do no harm.
    for (Word flags : {0x4000u, 0x400u, 0x40000u, 0x34400u}) {
        Started const thread = start(own, flags_thread, flags, 100, true, endpoint);
        wait(done);
        stop(thread);
    }
    // TF: the trap after sysenter comes in the kernel, and is nobody's.
    {
        Started const thread = start(own, flags_thread, 0x100, 100, true, endpoint);
        wait(done);
        stop(thread);
    }
    // Segments.
    static Word tls_word = 4;
    for (Word selector : {0x33u, 0x30u, 0u, 3u, 0x93u, 0x73u, 0x7bu}) {
        Started const thread = start(own, segment_thread, selector, 100, true, endpoint);
        CHECK(invoke(thread.thread, Invocation::ThreadSetTls, {0, reinterpret_cast<Word>(&tls_word), 0, 1}).good());
        wait(done);
        stop(thread);
    }
    {
        Started const thread = start(own, stack_segment_thread, 0x33, 100, true, endpoint);
        CHECK(invoke(thread.thread, Invocation::ThreadSetTls, {0, 0, 0xfffff, 1}).good());
        Answer const fault = receive(endpoint, reply);
        CHECK(fault.info.label() == static_cast<Word>(abi::Fault::Exception) && fault.first == 6);
        Word const eip = buffer().message[2] + 2, esp = buffer().message[3];
        CHECK(invoke(thread.thread, Invocation::ThreadSetTls, {0, 0, 0, 0}).good());
        buffer().message[2] = 0x202;
        send_reply(reply, 0, eip, esp, 3);
        wait(done);
        stop(thread);
    }
    // Every selector that there is, in FS and GS, by WriteRegisters and by a TLS entry that goes away.
    {
        Started const thread = start(own, gs_thread, 0, 100, true, endpoint);
        for (Word selector = 0; selector < 0x200; ++selector) {
            CHECK(invoke(thread.thread, Invocation::ThreadSuspend).good());
            Answer const registers = invoke(thread.thread, Invocation::ThreadReadRegisters);
            CHECK(registers.good());
            Word const eip = registers.first, esp = registers.second;
            Word w[12];
            for (Word index = 2; index < 12; ++index) w[index] = buffer().message[index];
            CHECK(invoke(thread.thread, Invocation::ThreadWriteRegisters,
                         {1, eip, esp, 0xffffffff & ~0x500u, w[3], w[4], w[5], w[6], w[7], w[8], w[9], selector,
                          selector * 3 + 1})
                      .good());
            wait(done);
            wait(done);
        }
        stop(thread);
    }
    // Random registers.
    {
        Started const thread = start(own, gs_thread, 0, 100, true, endpoint);
        for (Word round = 0; round < 300; ++round) {
            CHECK(invoke(thread.thread, Invocation::ThreadSuspend).good());
            CHECK(invoke(thread.thread, Invocation::ThreadWriteRegisters,
                         {1, random(), random(), random(), random(), random(), random(), random(), random(), random(),
                          random(), random(), random()})
                      .good());
            receive(endpoint, reply);
        }
        stop(thread);
    }
    remove(endpoint);
}

} // namespace test
