#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

TEST_CASE("Copy, Mint, Move, Mutate, Delete") {
    Kernel kernel;
    Word const endpoint = kernel.make(Endpoint);
    Word const to = kernel.slots(8);
    CHECK(kernel.invoke(cnode, CNodeCopy, {to, 0, endpoint, 0, right::write}, {cnode}).error() == Error::None);
    CHECK(kernel.slot(to).capability.word1 == right::write);
    CHECK(kernel.invoke(cnode, CNodeCopy, {to, 0, endpoint, 0, right::all}, {cnode}).error() == Error::DeleteFirst);
    CHECK(kernel.invoke(cnode, CNodeMint, {to + 1, 0, endpoint, 0, right::all, 77}, {cnode}).error() == Error::None);
    CHECK(kernel.slot(to + 1).capability.badge() == 77);
    CHECK(kernel.invoke(cnode, CNodeMint, {to + 2, 0, to + 1, 0, right::all, 78}, {cnode}).error() ==
          Error::IllegalOperation);
    CHECK(kernel.invoke(cnode, CNodeMint, {to + 2, 0, endpoint, 0, right::all, 1u << 28}, {cnode}).error() ==
          Error::RangeError);
    CHECK(kernel.invoke(cnode, CNodeMove, {to + 2, 0, to + 1, 0}, {cnode}).error() == Error::None);
    CHECK(kernel.slot(to + 1).is_empty());
    CHECK(kernel.invoke(cnode, CNodeMove, {to + 3, 0, to + 1, 0}, {cnode}).error() == Error::FailedLookup);
    CHECK(kernel.invoke(cnode, CNodeMutate, {to + 3, 0, to, 0, 5}, {cnode}).error() == Error::None);
    CHECK(kernel.slot(to + 3).capability.badge() == 5);
    CHECK(kernel.remove(to + 3) == Error::None);
    CHECK(kernel.remove(to + 3) == Error::None);
    CHECK(kernel.invoke(cnode, CNodeDelete, {4096, 0}).error() == Error::FailedLookup);
}

TEST_CASE("rights are never gained by copying") {
    Kernel kernel;
    Word const endpoint = kernel.make(Endpoint);
    Word const weak = kernel.mint(endpoint, 0, right::read);
    Word const copy = kernel.mint(weak, 0, right::all);
    CHECK(kernel.slot(copy).capability.word1 == right::read);
    CHECK(kernel.system_call(kernel.root(), Syscall::Call, copy).error() == Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::Send, copy).error() == Error::InvalidCapability);
}

TEST_CASE("Revoke takes descendants only") {
    Kernel kernel;
    Word const endpoint = kernel.make(Endpoint);
    Word const one = kernel.mint(endpoint, 1), two = kernel.mint(endpoint, 2);
    Word const one_copy = kernel.mint(one, 0), one_copy_copy = kernel.mint(one_copy, 0);
    CHECK(kernel.revoke(one_copy) == Error::None);
    CHECK_FALSE(kernel.slot(one_copy_copy).is_empty());
    CHECK(kernel.revoke(one) == Error::None);
    CHECK(kernel.slot(one_copy).is_empty());
    CHECK(kernel.slot(one_copy_copy).is_empty());
    CHECK_FALSE(kernel.slot(one).is_empty());
    CHECK_FALSE(kernel.slot(two).is_empty());
    CHECK(kernel.revoke(endpoint) == Error::None);
    CHECK(kernel.slot(one).is_empty());
    CHECK(kernel.slot(two).is_empty());
    CHECK_FALSE(kernel.slot(endpoint).is_empty());
}

TEST_CASE("guards and two levels") {
    Kernel kernel;
    Word const inner = kernel.make(CNode, 4);
    Word const outer = kernel.make(CNode, 4);
    Word const endpoint = kernel.make(Endpoint);
    Word const guarded = kernel.slots(1);
    // inner behind a guard of 4 bits of value 9
    CHECK(kernel.invoke(cnode, CNodeMint, {guarded, 0, inner, 0, right::all, 9u << 5 | 4}, {cnode}).error() ==
          Error::None);
    CHECK(kernel.invoke(outer, CNodeMove, {3, 0, guarded, 0}, {cnode}).error() == Error::None);
    CHECK(kernel.invoke(inner, CNodeCopy, {7, 0, endpoint, 0, right::all}, {cnode}).error() == Error::None);
    // outer radix 4, guard 4, inner radix 4: depth 12
    CHECK(kernel.invoke(outer, CNodeMint, {0x398, 12, 0x397, 12, right::all, 3}, {outer}).error() == Error::None);
    CHECK(kernel.invoke(outer, CNodeDelete, {0x387, 12}).error() == Error::FailedLookup);
    CHECK(kernel.invoke(outer, CNodeDelete, {0x397, 13}).error() == Error::FailedLookup);
    CHECK(kernel.invoke(outer, CNodeDelete, {0x397, 11}).error() == Error::FailedLookup);
    CHECK(kernel.invoke(outer, CNodeDelete, {0x398, 12}).error() == Error::None);
    CHECK(kernel.invoke(outer, CNodeMutate, {4, 0, 3, 0, 20u << 5 | 4}, {outer}).error() == Error::RangeError);
    // As the CSpace of a thread: a guard of 20 zero bits and radix 4 leave 8 bits for the inner one.
    Client const client = kernel.make_client();
    CHECK(kernel.invoke(client.capability, ThreadSetCSpace, {20}, {outer}).error() == Error::None);
    CHECK(kernel::lookup(*client.thread, 0x397) == kernel.slot(inner).capability.slots() + 7);
    CHECK(kernel::lookup(*client.thread, 0x387) == nullptr);
    CHECK(kernel::lookup(*client.thread, 0x1397) == nullptr);
}

TEST_CASE("a CSpace of two levels follows its first CNode") {
    Kernel kernel;
    Word const outer = kernel.make(CNode, 4), inner = kernel.make(CNode, 4), other = kernel.make(CNode, 5);
    auto put = [&](Word leaf, Word guard_bits) {
        return kernel.invoke(outer, CNodeMint, {0, 0, leaf, 0, right::all, guard_bits}, {cnode}).error();
    };
    auto clear = [&] { return kernel.invoke(outer, CNodeDelete, {0, 0}).error(); };
    Client const client = kernel.make_client();
    auto found = [&](Word pointer) { return kernel::lookup(*client.thread, pointer); };
    kernel::Slot* const first = kernel.slot(inner).capability.slots();
    // 8 bits of guard and 4 of radix, then 16 and 4.
    CHECK(put(inner, 16) == Error::None);
    CHECK(kernel.invoke(client.capability, ThreadSetCSpace, {8}, {outer}).error() == Error::None);
    CHECK(client.thread->leaf_size == 16);
    CHECK(found(5) == first + 5);
    CHECK(found(15) == first + 15);
    CHECK(found(16) == nullptr);
    // The slot is emptied, filled with another, with the same behind another guard, and as it was.
    CHECK(clear() == Error::None);
    CHECK(found(5) == nullptr);
    CHECK(put(other, 15) == Error::None);
    CHECK(found(5) == kernel.slot(other).capability.slots() + 5);
    CHECK(found(16) == kernel.slot(other).capability.slots() + 16);
    CHECK(clear() == Error::None);
    CHECK(put(inner, 15) == Error::None);
    CHECK(found(5) == nullptr); // one bit is left over
    CHECK(clear() == Error::None);
    CHECK(put(inner, 16) == Error::None);
    CHECK(found(5) == first + 5);
    // The CNode goes while it is there; then the first level, too.
    CHECK(kernel.revoke(inner) == Error::None);
    CHECK(found(5) == nullptr);
    CHECK(put(inner, 16) == Error::None);
    CHECK(kernel.remove(outer) == Error::None);
    CHECK(client.thread->leaf_size == 16); // the thread's own capability keeps it
    CHECK(found(5) == first + 5);
    CHECK(kernel.invoke(client.capability, ThreadSetCSpace, {28}, {inner}).error() == Error::None);
    CHECK(client.thread->leaf_slot == nullptr);
    CHECK(found(5) == first + 5);
}

TEST_CASE("CopyRange and DeleteRange") {
    Kernel kernel;
    Word const source = kernel.make(CNode, 8), destination = kernel.make(CNode, 8);
    Word const endpoint = kernel.make(Endpoint), table = kernel.make(PageTable), untyped = kernel.make(Untyped, 12);
    for (Word i = 0; i < 200; i += 2)
        CHECK(kernel.invoke(source, CNodeCopy, {i, 0, endpoint, 0, right::all}, {cnode}).error() == Error::None);
    CHECK(kernel.invoke(source, CNodeMove, {201, 0, table, 0}, {cnode}).error() == Error::None);
    CHECK(kernel.invoke(source, CNodeMove, {203, 0, untyped, 0}, {cnode}).error() == Error::None);
    CHECK(kernel.invoke(destination, CNodeCopy, {10, 0, endpoint, 0, right::all}, {cnode}).error() == Error::None);
    machine.preempt_every = 1;
    Answer answer = kernel.invoke(destination, CNodeCopyRange, {8, 0, 240}, {source});
    CHECK(answer.error() == Error::None);
    CHECK(answer.first == 99);
    CHECK(kernel.invoke(destination, CNodeCopyRange, {100, 0, 157}, {source}).error() == Error::RangeError);
    CHECK(kernel.invoke(destination, CNodeCopyRange, {0, 0xffffffff, 2}, {source}).error() == Error::RangeError);
    CHECK(kernel.invoke(destination, CNodeDeleteRange, {0, 256}).error() == Error::None);
    for (Word i = 0; i < 256; ++i) CHECK(kernel.slot(destination).capability.slots()[i].is_empty());
    CHECK(kernel.invoke(destination, CNodeDeleteRange, {1, 256}).error() == Error::RangeError);
}
