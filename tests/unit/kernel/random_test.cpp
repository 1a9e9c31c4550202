// Random system calls of three threads, with random preemption: no invariant may break, and the kernel must not die.
#include "fixture.hpp"
#include <random>

using namespace test;
using enum ObjectType;

namespace {

/// Returns the number of system calls made before the threads had taken all means from themselves.
int storm(unsigned seed, int rounds) {
    Kernel kernel;
    std::mt19937 random{seed};
    auto below = [&](Word limit) { return static_cast<Word>(random() % limit); };
    Word const untyped = kernel.make(Untyped, 20);
    // The CSpace of the storm: 64 slots, with the Untyped itself, a CNode capability of itself, controls and a few objects.
    Word const node = kernel.make(CNode, 6);
    auto put = [&](Word index, Word from) {
        REQUIRE(kernel.invoke(node, Invocation::CNodeCopy, {index, 0, from, 0, 15}, {cnode}).error() == Error::None);
    };
    put(1, node), put(2, boot_slot::sched_control), put(3, boot_slot::irq_control);
    REQUIRE(kernel.invoke(node, Invocation::CNodeMove, {4, 0, untyped, 0}, {cnode}).error() == Error::None);
    Client clients[3];
    for (Word i = 0; i < 3; ++i) {
        clients[i] = kernel.make_client(50 + i);
        put(5 + i, clients[i].capability);
        put(8 + i, clients[i].space);
        REQUIRE(kernel.invoke(clients[i].capability, Invocation::ThreadSetCSpace, {26}, {node}).error() == Error::None);
    }
    // Root watches only: stopped, so that the others run.
    constexpr Word labels[] = {1,  1,  1,  1,  10, 10, 11, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30, 31,
                               32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 43, 44, 45, 46, 50, 51, 52, 53, 60,
                               60, 61, 62, 62, 63, 64, 65, 66, 67, 70, 71, 72, 73, 90, 91, 92, 93};
    machine.preempt_every = below(4);
    int made = 0;
    for (int round = 0; round < rounds; ++round) {
        Client& client = clients[below(3)];
        ::kernel::Thread& thread = *client.thread;
        if (thread.state == ThreadState::Inactive || below(50) == 0) kernel::suspend(thread), kernel::resume(thread);
        if (thread.cspace_root.is_empty() || thread.ipc_buffer == nullptr || !kernel::is_runnable(thread)) {
            if (kernel::is_waiting(thread)) kernel::cancel_wait(thread), kernel::wake(thread, Error::Interrupted);
            machine.tick_on_interrupt = true;
            kernel::handle_tick();
            if (!kernel::is_runnable(thread) || thread.ipc_buffer == nullptr || thread.cspace_root.is_empty())
                continue; // stormed itself away
        }
        auto word = [&]() -> Word {
            switch (below(8)) {
            case 0: return below(4) * 0x400000 + 0x20000000 + below(4) * 0x1000;
            case 1: return below(16);
            case 2: return random();
            case 3: return 0;
            default: return below(64);
            }
        };
        for (Word i = 2; i < 14; ++i) thread.ipc_buffer->message[i] = word();
        for (Word& capability : thread.ipc_buffer->capabilities) capability = below(64);
        thread.ipc_buffer->receive_slot = below(64);
        auto const call = below(3) != 0 ? Syscall::Call : static_cast<Syscall>(below(8));
        Word const label = below(10) == 0 ? below(120) : labels[below(std::size(labels))];
        MessageInfo const info{label, below(14), below(4), below(4) * MessageInfo::read_buffer};
        Word first = word(), second = word();
        Word const pointer = below(64);
        if (label == 1) { // a Retype that has a chance
            first = below(11), second = below(3) == 0 ? 12 : 3;
            thread.ipc_buffer->message[2] = below(64), thread.ipc_buffer->message[3] = 1 + below(3);
            thread.ipc_buffer->capabilities[0] = 1;
        }
        kernel.run(thread);
        if (thread.restart) { // a preempted call comes first
            ::kernel::leave_kernel();
            kernel.check();
            continue;
        }
        thread.context.set_message(info.with(call).raw, below(4) != 0 ? pointer : (label == 1 ? 4 : 1), first, second);
        thread.context.values.ebp = below(64);
        kernel::handle_syscall(thread);
        ++made;
        kernel.check();
        if (below(20) == 0) {
            kernel::handle_tick();
            kernel.check();
        }
    }
    // Whatever they have done to each other, revoking their memory gives back every byte.
    machine.preempt_every = below(3);
    REQUIRE(kernel.revoke(kernel.untyped()) == Error::None);
    REQUIRE(kernel.free_bytes() == Word{1} << kernel.invoke(kernel.untyped(), Invocation::UntypedInspect).second);
    REQUIRE(cpu().thread_count == 1);
    REQUIRE(cpu().zombie_first == nullptr);
    return made;
}

} // namespace

TEST_CASE("storms of random system calls") {
    int made = 0;
    for (unsigned seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        made += storm(seed, 800);
    }
    MESSAGE("system calls made: " << made);
    CHECK(made > 10000);
}
