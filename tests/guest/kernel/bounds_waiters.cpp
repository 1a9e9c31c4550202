// Bounds, part 2: ten thousand threads that wait at one endpoint, and the copy of 64 KiB.
#include "bounds.hpp"

extern "C" void waiter_entry();
// A thread without stack and buffer: its registers are the system call.
asm(".text\nwaiter_entry: movl $1f, %edx\n\tsysenter\n1: jmp 1b\n");

namespace test {

namespace {

constexpr Word waiters = 10'000, root_cnode = abi::boot_slot::cnode;
Word threads = 0, lent = 0; ///< CNode with the threads; the context that each runs on until it waits
Word endpoint = 0, reply = 0, finished = 0, next_thread_slot = 0;

/// Lets thread `index` make this system call with these registers; it runs at once, for root's priority is lower.
void let_wait(Word index, Syscall operation, Word capability) {
    Word const slot = next_thread_slot;
    MUST(invoke(root_cnode, Invocation::CNodeCopy, {slot, 0, index, 0, abi::right::all}, {threads}));
    MUST(invoke(slot, Invocation::ThreadSuspend)); // its last wait may have ended
    MUST(invoke(lent, Invocation::SchedContextBind, {}, {slot}));
    MUST(invoke(slot, Invocation::ThreadWriteRegisters,
                {1, reinterpret_cast<Word>(waiter_entry), 0, 0x202, MessageInfo{64, 0}.with(operation).raw, capability,
                 0, 0, 0, 0, 0, 0, 0}));
    MUST(invoke(lent, Invocation::SchedContextUnbind));
    remove(slot);
}

void client(Word) {
    static char data[65536];
    buffer().read_address = reinterpret_cast<Word>(data), buffer().read_length = sizeof data;
    system_call(Syscall::Call, endpoint, MessageInfo{64, 0, 0, MessageInfo::read_buffer});
    signal(finished);
}

void measure_bulk() {
    static char data[65536];
    for (Word at = 0; at < sizeof data; at += abi::page_size) static_cast<char volatile*>(data)[at] = 1;
    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply), finished = make(ObjectType::Notification);
    Started const started = start(make_space(), client, 0, 200);
    Answer const request = receive(endpoint, reply);
    CHECK(request.info.has_read_buffer());
    begin_stretch();
    Answer const read = invoke(reply, Invocation::ReplyBulkRead, {0, reinterpret_cast<Word>(data), 65536});
    end_stretch("bulk_copy_64_kib");
    CHECK(read.good() && read.first == 65536);
    send_reply(reply, 0);
    wait(finished);
    stop(started);
    remove(endpoint);
}

} // namespace

void measure_waiters() {
    measure_bulk();
    endpoint = make(ObjectType::Endpoint), threads = make_large_node(), lent = make(ObjectType::SchedContext);
    MUST(invoke(abi::boot_slot::sched_control, Invocation::SchedControlConfigure, {10000, 10000}, {lent}));
    next_thread_slot = next_slot();
    Word const memory = make(ObjectType::Untyped, 24), badges[] = {mint(endpoint, 1), mint(endpoint, 2)};
    for (Word done = 0; done < waiters; done += 1000)
        MUST(invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Thread), 0, done, 1000},
                    {threads}));
    for (Word i = 0; i < waiters; ++i) {
        Word const slot = next_thread_slot;
        MUST(invoke(root_cnode, Invocation::CNodeCopy, {slot, 0, i, 0, abi::right::all}, {threads}));
        MUST(invoke(slot, Invocation::ThreadConfigure, {0, root_guard}, {root_cnode, abi::boot_slot::address_space}));
        MUST(invoke(slot, Invocation::ThreadSetPriority, {60}));
        remove(slot);
    }
    MUST(invoke(abi::boot_slot::thread, Invocation::ThreadSetPriority, {50}));
    for (Word i = 0; i < waiters; ++i) let_wait(i, Syscall::Send, badges[i % 2]);
    begin_stretch();
    Answer const canceled = invoke(root_cnode, Invocation::CNodeCancelBadgedSends, {badges[0], 0});
    end_stretch("cancel_badge_of_5000_in_10000");
    MUST(canceled);
    for (Word i = 0; i < waiters; i += 2) let_wait(i, Syscall::Send, badges[0]);
    remove(badges[0]), remove(badges[1]);
    begin_stretch();
    Answer const deleted = invoke(root_cnode, Invocation::CNodeDelete, {endpoint, 0});
    end_stretch("delete_endpoint_10000_waiters");
    MUST(deleted);

    endpoint = make(ObjectType::Endpoint);
    for (Word i = 0; i < waiters; ++i) let_wait(i, Syscall::Call, endpoint);
    begin_stretch();
    Answer const nobody = system_call(Syscall::NonBlockingReceive, endpoint, MessageInfo{});
    end_stretch("receive_refuses_10000_calls");
    CHECK(nobody.error() == Error::WouldBlock);

    Word const notification = make(ObjectType::Notification);
    for (Word i = 0; i < waiters; ++i) let_wait(i, Syscall::Receive, notification);
    begin_stretch();
    Answer const ended = invoke(root_cnode, Invocation::CNodeDelete, {notification, 0});
    end_stretch("delete_notification_10000_waiters");
    MUST(ended);
    for (Word i = 0; i < waiters; ++i) let_wait(i, Syscall::Receive, endpoint);
    begin_stretch();
    Answer const revoked = invoke(root_cnode, Invocation::CNodeRevoke, {memory, 0});
    end_stretch("revoke_memory_of_10000_threads");
    MUST(revoked);
}

} // namespace test
