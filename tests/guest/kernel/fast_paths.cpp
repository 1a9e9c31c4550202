// The fast paths of sysenter: messages of every length, and that each thread finds its own registers after a call.
#include "kernel_test.hpp"

namespace test {

namespace {

Word endpoint = 0, reply = 0, done = 0;
Word done_bits[2];
Word volatile server_faults = 0;

/// Answers with the message, each word one more; spoils on the way what belongs to others.
void increment(Word) {
    Answer request = receive(endpoint, reply);
    for (;;) {
        Word const length = request.info.length();
        if (&buffer() != reinterpret_cast<abi::IpcBuffer*>(buffer().self)) server_faults = server_faults + 1;
        for (Word index = 2; index < length; ++index) buffer().message[index] += 1;
        Word selector = 0;
        asm volatile("movl %%gs, %0" : "=r"(selector));
        if (selector != 0) server_faults = server_faults + 1;
        asm volatile("fldpi\n\tpxor %%xmm5, %%xmm5\n\tfstp %%st(0)" : : : "memory");
        request = reply_receive(endpoint, reply, length, request.first + 1, request.second + 1, length);
    }
}

/// Calls with `length` words and compares the answer; ebp must come back too (the stub pops its own).
void exchange(Word client, Word length) {
    for (Word index = 2; index < length; ++index) buffer().message[index] = index * 1000 + length;
    Answer const answer = call(client, 70 + length, length * 7, length * 9, length);
    CHECK(answer.good() && answer.info.length() == length && answer.info.label() == length);
    CHECK(answer.first == length * 7 + 1 && answer.second == length * 9 + 1);
    for (Word index = 2; index < length; ++index) CHECK(buffer().message[index] == index * 1000 + length + 1);
}

/// A value in each of GS, x87 and SSE stays over calls.
void keep_registers(Word self) {
    Word const number = self == 0 ? 0x3fc00000u : 0xc0100000u; // 1.5 and -2.25 as floats
    Word const pattern[4] = {self, 2, 3, 4};
    asm volatile("flds %0\n\tmovups %1, %%xmm6" : : "m"(number), "m"(pattern));
    for (Word round = 0; round < 50; ++round) {
        Answer const answer = call(endpoint, 64, round, self);
        Word value = 0, result = 0, seen[4] = {};
        asm volatile("movl %%gs:0, %0\n\tfsts %1\n\tmovups %%xmm6, %2" : "=r"(value), "=m"(result), "=m"(seen));
        CHECK(answer.first == round + 1 && value == 2000 + self && result == number && seen[0] == self && seen[3] == 4);
        if (round % 3 == self) yield();
    }
    signal(done_bits[self]);
}

/// A call with segments that the kernel must not use, nor pass on.
void call_with_segments(Word selector) {
    Word raw = MessageInfo{64, 2}.with(Syscall::Call).raw, target = endpoint, first = 5, second = 6, scratch = selector;
    asm volatile(
        "movl %%ecx, %%ds\n\tmovl %%ecx, %%es\n\tmovl %%ecx, %%fs\n\tmovl %%ecx, %%gs\n\tmovl %%esp, %%ecx\n\tmovl "
        "$1f, %%edx\n\t"
        "sysenter\n1:\tmovl %6, %%ecx\n\tmovl %%ecx, %%ds\n\tmovl %%ecx, %%es\n\tmovl %7, %%ecx\n\tmovl %%ecx, %%fs\n\t"
        "xorl %%ecx, %%ecx\n\tmovl %%ecx, %%gs"
        : "+a"(raw), "+b"(target), "+S"(first), "+D"(second), "+c"(scratch)
        : "c"(selector), "i"(abi::selector::user_data), "i"(abi::selector::ipc_buffer)
        : "edx", "cc", "memory");
    CHECK(MessageInfo{raw}.status() == Error::None && first == 6 && second == 7);
}

/// The thread's CSpace becomes one of two levels, the first CNode of the second being what it had: every pointer names what it did.
/// Returns the first level's slot.
Word put_behind_a_level(Word thread) {
    constexpr Word guard = 8, radix = 4;
    Word const outer = make(ObjectType::CNode, radix);
    CHECK(invoke(outer, Invocation::CNodeMint,
                 {0, 0, abi::boot_slot::cnode, 0, abi::right::all, root_guard - guard - radix}, {abi::boot_slot::cnode})
              .good());
    CHECK(invoke(thread, Invocation::ThreadSetCSpace, {guard}, {outer}).good());
    return outer;
}

void with_server(Word space, bool passive, bool two_levels = false) {
    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply), done = make(ObjectType::Notification);
    server_faults = 0;
    Started const server = start(space, increment, 0, 200, !passive);
    Word const lent = make(ObjectType::SchedContext);
    CHECK(invoke(abi::boot_slot::sched_control, Invocation::SchedControlConfigure, {1000, 1000}, {lent}).good());
    if (passive) CHECK(invoke(lent, Invocation::SchedContextBind, {}, {server.thread}).good());
    Word const client = mint(endpoint, 99);
    Word const outer = two_levels ? put_behind_a_level(server.thread) : 0;
    exchange(client, 0);
    if (passive) CHECK(invoke(lent, Invocation::SchedContextUnbind).good());
    for (Word length = 0; length <= abi::message_words; ++length) exchange(client, length);
    for (Word selector : {0x7bu, 0u, 0x93u, 0x73u}) call_with_segments(selector);

    for (Word index = 0; index < 2; ++index) done_bits[index] = mint(done, 1 + index);
    static Word tls_words[2] = {2000, 2001};
    Started threads[2];
    for (Word index = 0; index < 2; ++index) {
        threads[index] = start(index == 0 ? abi::boot_slot::address_space : make_space(), keep_registers, index);
        CHECK(invoke(threads[index].thread, Invocation::ThreadSuspend).good());
        CHECK(invoke(threads[index].thread, Invocation::ThreadSetTls,
                     {0, reinterpret_cast<Word>(&tls_words[index]), 0xfffff, 1})
                  .good());
        Answer const registers = invoke(threads[index].thread, Invocation::ThreadReadRegisters);
        Word const eip = registers.first, esp = registers.second;
        CHECK(invoke(threads[index].thread, Invocation::ThreadWriteRegisters,
                     {1, eip, esp, 0x202, 0, 0, 0, 0, 0, 0, 0, 0, abi::selector::tls_first})
                  .good());
    }
    // The server's call is answered while root waits here; each thread signals once.
    for (Word seen = 0; seen != 3;) seen |= wait(done).badge;
    CHECK(server_faults == 0);
    stop(threads[0]), stop(threads[1]), stop(server);
    if (two_levels) remove(outer);
    remove(done_bits[0]), remove(done_bits[1]), remove(client), remove(lent), remove(endpoint), remove(reply),
        remove(done);
}

Word volatile refusal = 0;

/// Answers until that is refused, then faults.
void serve_until_refused(Word) {
    Answer request = receive(endpoint, reply);
    while (request.good()) request = reply_receive(endpoint, reply, 2, request.first + 1, request.second + 1);
    refusal = static_cast<Word>(request.error());
    asm volatile("ud2");
}

/// A server whose second level goes while it waits finds nothing any more; nothing stale is used.
void second_level_goes() {
    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply);
    Word const caught = make(ObjectType::Endpoint), caught_reply = make(ObjectType::Reply);
    Started const server = start(make_space(), serve_until_refused, 0, 200, true, caught);
    Word const outer = put_behind_a_level(server.thread);
    CHECK(call(endpoint, 64, 5, 6).first == 6);
    CHECK(invoke(outer, Invocation::CNodeDelete, {0, 0}).good());
    Started const caller = start(
        make_space(), [](Word) { call(endpoint, 64, 7, 8); }, 0, 150);
    Answer const fault = receive(caught, caught_reply);
    CHECK(fault.info.label() == static_cast<Word>(abi::Fault::Exception));
    CHECK(refusal == static_cast<Word>(Error::InvalidCapability));
    stop(caller), stop(server);
    remove(outer), remove(endpoint), remove(reply), remove(caught), remove(caught_reply);
}

/// A refusal of no capability at all is an entry of the trace ring like every other.
void refusals_are_traced() {
    Word const debug = abi::boot_slot::debug;
    Word next = 0;
    for (Answer entries = invoke(debug, Invocation::DebugTrace, {0}); entries.second != next;
         entries = invoke(debug, Invocation::DebugTrace, {next}))
        next = entries.second;
    CHECK(system_call(Syscall::Call, 0, MessageInfo{77, 0}, 3, 4).error() == Error::InvalidCapability);
    Answer const traced = invoke(debug, Invocation::DebugTrace, {next});
    CHECK(traced.first == next && traced.second == next + 1);
    Word const* const entry = buffer().message + 2;
    CHECK(entry[2] == 1 && entry[3] == 77 && entry[4] == static_cast<Word>(Error::InvalidCapability) && entry[5] == 0);
}

} // namespace

void test_fast_paths() {
    refusals_are_traced();
    with_server(abi::boot_slot::address_space, true);
    with_server(make_space(), true);
    with_server(make_space(), false);
    with_server(make_space(), false, true);
    second_level_goes();
}

} // namespace test
