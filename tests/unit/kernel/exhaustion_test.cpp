// What can run out: memory of an Untyped and slots. Every invocation that needs one is made to fail by it; the error says
// which, nothing has changed, and nothing is lost.
#include "fixture.hpp"
#include <vector>

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {

std::vector<Word> capabilities() {
    std::vector<Word> all;
    for (kernel::Slot const* slot = cpu().derivation.next(); slot != nullptr; slot = slot->next())
        all.insert(all.end(),
                   {reinterpret_cast<Word>(slot), slot->capability.word0, slot->capability.word1, slot->next_word});
    return all;
}

struct Refused {
    Kernel& kernel;
    std::vector<Word> before = capabilities();
    Word threads = cpu().thread_count;
    void check(Error found, Error expected, int line) {
        CAPTURE(line);
        CHECK(found == expected);
        CHECK(capabilities() == before);
        CHECK(cpu().thread_count == threads);
        kernel.check();
    }
};
#define REFUSED(call, error)                                                                                           \
    do {                                                                                                               \
        Refused refused{kernel};                                                                                       \
        Error const found = (call);                                                                                    \
        refused.check(found, Error::error, __LINE__);                                                                  \
    } while (false)

} // namespace

TEST_CASE("each object type when memory has run out, and when the slot is taken") {
    for (Word type = 0; type < static_cast<Word>(ObjectType::Count); ++type) {
        if (type == static_cast<Word>(LargeFrame)) continue; // larger than the memory here
        CAPTURE(type);
        Kernel kernel;
        Word const bits = type == 0 ? 12 : 4, memory_bits = type >= 3 && type <= 5 ? 14 : 16,
                   memory = kernel.make(Untyped, memory_bits), node = kernel.make(CNode, 12);
        auto make = [&](Word slot, Word count) {
            return kernel.invoke(memory, UntypedRetype, {type, bits, slot, count}, {node}).error();
        };
        Word made = 0;
        while (made < 4095 && make(made, 1) == Error::None) ++made;
        CHECK(made > 2);
        REFUSED(make(made, 1), NotEnoughMemory);
        REFUSED(make(0, 1), DeleteFirst);
        REFUSED(make(4096, 1), RangeError);
        REFUSED(make(4095, 2), RangeError);
        REFUSED(make(made, 1025), RangeError);
        CHECK(kernel.revoke(memory) == Error::None);
        CHECK(kernel.invoke(memory, UntypedInspect).first == Word{1} << memory_bits);
        // Several at once: all or none.
        REFUSED(make(0, made + 1), NotEnoughMemory);
        CHECK(make(0, made) == Error::None);
        CHECK(kernel.revoke(memory) == Error::None);
        CHECK(kernel.invoke(memory, UntypedInspect).first == Word{1} << memory_bits);
    }
}

TEST_CASE("no slot for a copy, a line, ports, a received capability") {
    Kernel kernel;
    Word const node = kernel.make(CNode, 2), endpoint = kernel.make(Endpoint), reply = kernel.make(Reply),
               filler = kernel.make(ObjectType::Notification);
    for (Word i = 0; i < 4; ++i)
        REQUIRE(kernel.invoke(node, CNodeCopy, {i, 0, filler, 0, 15}, {cnode}).error() == Error::None);
    for (Word slot : {0u, 3u}) {
        REFUSED(kernel.invoke(node, CNodeCopy, {slot, 0, endpoint, 0, 15}, {cnode}).error(), DeleteFirst);
        REFUSED(kernel.invoke(node, CNodeMint, {slot, 0, endpoint, 0, 15, 4}, {cnode}).error(), DeleteFirst);
        REFUSED(kernel.invoke(node, CNodeMove, {slot, 0, endpoint, 0}, {cnode}).error(), DeleteFirst);
        REFUSED(kernel.invoke(node, CNodeMutate, {slot, 0, endpoint, 0, 4}, {cnode}).error(), DeleteFirst);
        REFUSED(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, slot}, {node}).error(), DeleteFirst);
        REFUSED(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {4, 5, slot}, {node}).error(),
                DeleteFirst);
    }
    REFUSED(kernel.invoke(node, CNodeCopy, {4, 0, endpoint, 0, 15}, {cnode}).error(), FailedLookup);
    REFUSED(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, 4}, {node}).error(), RangeError);
    REFUSED(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {4, 5, 4}, {node}).error(), RangeError);

    // The capability is lost, the message is not; the receiver is told.
    Client const sender = kernel.make_client();
    kernel.run(*sender.thread);
    sender.thread->ipc_buffer->capabilities[0] = filler;
    for (Word slot : {0u, endpoint, 0x00ffffffu}) {
        kernel.root().ipc_buffer->receive_slot = slot;
        auto const before = capabilities();
        kernel.system_call(*sender.thread, Syscall::Send, endpoint, MessageInfo{70, 1, 1}, 99);
        Answer const message = kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, reply);
        CHECK(message.label() == 70);
        CHECK(message.first == 99);
        CHECK(kernel.root().ipc_buffer->capabilities[0] == 0);
        CHECK(capabilities() == before);
    }
    // With a slot it arrives.
    kernel.root().ipc_buffer->receive_slot = kernel.slots();
    kernel.system_call(*sender.thread, Syscall::Send, endpoint, MessageInfo{70, 1, 1}, 99);
    kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, reply);
    CHECK(kernel.root().ipc_buffer->capabilities[0] == kernel.root().ipc_buffer->receive_slot);
}

TEST_CASE("no page table, a page in use, a notification with 512 endpoints") {
    Kernel kernel;
    Word const space = kernel.make(AddressSpace), frame = kernel.make(Frame), table = kernel.make(PageTable),
               second = kernel.make(PageTable);
    REFUSED(kernel.invoke(frame, FrameMap, {0x20000000, 3, 0}, {space}).error(), FailedLookup);
    REQUIRE(kernel.invoke(table, PageTableMap, {0x20000000}, {space}).error() == Error::None);
    REFUSED(kernel.invoke(second, PageTableMap, {0x20000000}, {space}).error(), DeleteFirst);
    REQUIRE(kernel.invoke(frame, FrameMap, {0x20000000, 3, 0}, {space}).error() == Error::None);
    REFUSED(kernel.invoke(frame, FrameMap, {0x20000000, 3, 0}, {space}).error(), DeleteFirst);
    Word const notification = kernel.make(ObjectType::Notification);
    Word last = 0;
    for (Word i = 0; i < 512; ++i)
        REQUIRE(kernel.invoke(cnode, CNodeBindNoSenders, {last = kernel.make(Endpoint), 0}, {notification}).error() ==
                Error::None);
    Word const one_more = kernel.make(Endpoint);
    REFUSED(kernel.invoke(cnode, CNodeBindNoSenders, {one_more, 0}, {notification}).error(), RangeError);
    CHECK(kernel.invoke(cnode, CNodeBindNoSenders, {last, 0}, {notification}).error() == Error::None); // again
    CHECK(kernel.remove(last) == Error::None);
    CHECK(kernel.invoke(cnode, CNodeBindNoSenders, {one_more, 0}, {notification}).error() == Error::None);
}
