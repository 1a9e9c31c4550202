#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {

constexpr Address base = 0x20000000;

struct Spaces {
    Kernel kernel;
    Word space = kernel.make(AddressSpace), table = kernel.make(PageTable), frame = kernel.make(Frame);

    Spaces() { REQUIRE(kernel.invoke(table, PageTableMap, {base}, {space}).error() == Error::None); }
    Error map(Word which, Address address, Word rights = 3) {
        return kernel.invoke(which, FrameMap, {address, rights, 0}, {space}).error();
    }
    Word rights(Address address, Word which = 0) {
        return kernel.invoke(which == 0 ? space : which, AddressSpaceQuery, {address}).first;
    }
    void* reach(Address address, Word right, Word which = 0) {
        return arch::user_to_kernel(kernel.object<kernel::AddressSpace>(which == 0 ? space : which).hardware, address,
                                    right);
    }
};

} // namespace

TEST_CASE("mapping: where, with what rights, and what is refused") {
    Spaces spaces;
    CHECK(spaces.map(spaces.frame, base + 0x5000, 2) == Error::None);
    CHECK(spaces.rights(base + 0x5000) == 2);
    CHECK(spaces.reach(base + 0x5000, right::write) == nullptr);
    CHECK(spaces.reach(base + 0x5000, right::read) != nullptr);
    CHECK(spaces.map(spaces.frame, base + 0x5000) == Error::DeleteFirst);
    CHECK(spaces.map(spaces.frame, base + 0x6000) == Error::None);
    CHECK(spaces.map(spaces.frame, base + 0x6001) == Error::AlignmentError);
    CHECK(spaces.map(spaces.frame, base + 0x400000) == Error::FailedLookup);
    CHECK(spaces.map(spaces.frame, user_end) == Error::RangeError);
    CHECK(spaces.map(spaces.frame, 0xfffff000) == Error::RangeError);
    CHECK(spaces.kernel.invoke(spaces.frame, FrameMap, {base, 3, 0}, {spaces.frame}).error() ==
          Error::InvalidCapability);
    Word const weak = spaces.kernel.mint(spaces.frame, 0, right::read);
    CHECK(spaces.map(weak, base + 0x7000) == Error::None);
    CHECK(spaces.rights(base + 0x7000) == 2);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceProtect, {base + 0x5000, 3, 3}).first == 3);
    CHECK(spaces.rights(base + 0x5000) == 3);
    CHECK(spaces.rights(base + 0x7000) == 2);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceProtect, {base + 0x5000, 1, 0}).first == 1);
    CHECK(spaces.rights(base + 0x5000) == 0);
    CHECK(spaces.map(spaces.frame, base + 0x5000) == Error::DeleteFirst);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceProtect, {base + 0x5000, 1, 3}).first == 1);
    CHECK(spaces.rights(base + 0x5000) == 3);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceUnmap, {base, 1024}).first == 3);
    CHECK(spaces.rights(base + 0x6000) == 0);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceUnmap, {base + 1, 1}).error() == Error::AlignmentError);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceUnmap, {0xbffff000, 2}).error() == Error::RangeError);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceUnmap, {0, user_end >> 12}).first == 0);
}

TEST_CASE("revoking or deleting: who loses what") {
    Spaces spaces;
    Word const copy = spaces.kernel.mint(spaces.frame, 0);
    CHECK(spaces.map(spaces.frame, base) == Error::None);
    CHECK(spaces.map(copy, base + 0x1000) == Error::None);
    CHECK(spaces.map(copy, base + 0x2000) == Error::None);
    Word const copy_of_copy = spaces.kernel.mint(copy, 0);
    CHECK(spaces.map(copy_of_copy, base + 0x3000) == Error::None);
    CHECK(spaces.kernel.revoke(copy) == Error::None);
    CHECK(spaces.rights(base) == 3);
    CHECK(spaces.rights(base + 0x1000) == 0);
    CHECK(spaces.rights(base + 0x2000) == 0);
    CHECK(spaces.rights(base + 0x3000) == 3);
    CHECK_FALSE(spaces.kernel.slot(copy_of_copy).is_empty());
    CHECK(spaces.kernel.remove(copy_of_copy) == Error::None);
    CHECK(spaces.rights(base + 0x3000) == 3); // a mapping outlives the capability it was made with
    CHECK(spaces.kernel.revoke(spaces.frame) == Error::None);
    CHECK(spaces.rights(base) == 0);
    CHECK(spaces.rights(base + 0x3000) == 0);
    CHECK(spaces.kernel.slot(copy).is_empty());
}

TEST_CASE("page tables: one place at a time, unmapping takes all mappings") {
    Spaces spaces;
    CHECK(spaces.map(spaces.frame, base) == Error::None);
    CHECK(spaces.map(spaces.frame, base + 0x3ff000) == Error::None);
    CHECK(spaces.kernel.invoke(spaces.table, PageTableMap, {base + 0x400000}, {spaces.space}).error() ==
          Error::IllegalOperation);
    Word const other = spaces.kernel.make(PageTable), slot = spaces.kernel.slots(1);
    CHECK(spaces.kernel.invoke(other, PageTableMap, {base}, {spaces.space}).error() == Error::DeleteFirst);
    CHECK(spaces.kernel.invoke(other, PageTableMap, {user_end}, {spaces.space}).error() == Error::RangeError);
    CHECK(spaces.kernel.invoke(cnode, CNodeCopy, {slot, 0, other, 0, 15}, {cnode}).error() == Error::IllegalOperation);
    machine.preempt_every = 1;
    CHECK(spaces.kernel.invoke(spaces.table, PageTableUnmap).error() == Error::None);
    CHECK(spaces.rights(base) == 0);
    CHECK(spaces.kernel.invoke(spaces.table, PageTableMap, {base + 0x800000}, {spaces.space}).error() == Error::None);
    CHECK(spaces.rights(base + 0x800000) == 0);
    CHECK(spaces.map(spaces.frame, base + 0xbff000) == Error::None);
    // The table stays mapped when its capability goes, and ends with the space.
    CHECK(spaces.kernel.remove(spaces.table) == Error::None);
    CHECK(spaces.rights(base + 0xbff000) == 3);
    CHECK(spaces.kernel.remove(spaces.space) == Error::None);
    CHECK_FALSE(kernel::has_children(spaces.kernel.slot(spaces.frame)));
}

TEST_CASE("large frames") {
    Spaces spaces;
    Word const large = spaces.kernel.make(LargeFrame);
    CHECK(spaces.map(large, base + 0x1000) == Error::AlignmentError);
    CHECK(spaces.map(large, base) == Error::DeleteFirst);
    CHECK(spaces.map(large, base + 0x400000) == Error::None);
    CHECK(spaces.map(spaces.frame, base + 0x400000) == Error::DeleteFirst);
    CHECK(spaces.rights(base + 0x512000) == 3);
    Word const copy = spaces.kernel.make(AddressSpace);
    CHECK(spaces.kernel
              .invoke(copy, AddressSpaceCopyRange, {base + 0x400000, base + 0x400000, 1024, 2, 1}, {spaces.space})
              .first == 1024);
    CHECK(spaces.rights(base + 0x512000) == 2);
    CHECK(spaces.rights(base + 0x512000, copy) == 2);
    CHECK(spaces.kernel.invoke(spaces.space, AddressSpaceUnmap, {base + 0x400000, 1024}).first == 1);
    CHECK(spaces.rights(base + 0x512000) == 0);
    CHECK(spaces.kernel.revoke(large) == Error::None);
    CHECK(spaces.rights(base + 0x512000, copy) == 0);
}

TEST_CASE("CopyRange copies for fork") {
    Spaces spaces;
    Word const frames = spaces.kernel.slots(300);
    REQUIRE(spaces.kernel.invoke(spaces.kernel.untyped(), UntypedRetype, {9, 0, frames, 300}, {cnode}).error() ==
            Error::None);
    for (Word i = 0; i < 300; ++i)
        REQUIRE(spaces.map(frames + i, base + i * 0x3000 % 0x400000, i % 2 == 0 ? 3 : 2) == Error::None);
    Word const child = spaces.kernel.make(AddressSpace), child_table = spaces.kernel.make(PageTable);
    Answer answer = spaces.kernel.invoke(child, AddressSpaceCopyRange, {base - 0x400000, base - 0x400000, 3072, 2, 0},
                                         {spaces.space});
    CHECK(answer.first == 1024); // up to where a page table is wanted
    CHECK(answer.second == 0);
    CHECK(spaces.kernel.invoke(child_table, PageTableMap, {base}, {child}).error() == Error::None);
    machine.preempt_every = 2;
    answer = spaces.kernel.invoke(child, AddressSpaceCopyRange, {base - 0x400000, base - 0x400000, 3072, 2, 1},
                                  {spaces.space});
    CHECK(answer.error() == Error::None);
    CHECK(answer.first == 3072);
    CHECK(answer.second == 300);
    for (Word i = 0; i < 300; ++i) {
        CHECK(spaces.rights(base + i * 0x3000, child) == 2);
        CHECK(spaces.rights(base + i * 0x3000) == 2);
    }
    CHECK(spaces.reach(base, right::read, child) == spaces.reach(base, right::read));
    answer = spaces.kernel.invoke(child, AddressSpaceCopyRange, {base, base, 1024, 3, 0}, {spaces.space});
    CHECK(answer.first == 0); // occupied
    // Copy-on-write ends by Protect for whom the page is its own now.
    CHECK(spaces.kernel.invoke(child, AddressSpaceProtect, {base, 1, 3}).first == 1);
    CHECK(spaces.rights(base, child) == 3);
    CHECK(spaces.kernel.invoke(child, AddressSpaceUnmap, {base, 1024}).first == 300);
    CHECK(spaces.kernel.revoke(frames) == Error::None);
    CHECK(spaces.rights(base) == 0);
    // To another place in the table, and across the end of it.
    answer =
        spaces.kernel.invoke(child, AddressSpaceCopyRange, {base + 0x3000, base + 0x100000, 10, 3, 0}, {spaces.space});
    CHECK(answer.first == 10);
    CHECK(answer.second == 4);
    CHECK(spaces.reach(base + 0x100000, right::read, child) == spaces.reach(base + 0x3000, right::read));
    CHECK(spaces.kernel.invoke(child, AddressSpaceCopyRange, {base, 0xbffff000, 2, 3, 0}, {spaces.space}).error() ==
          Error::RangeError);
}

TEST_CASE("a space ends with all that is in it, and its memory comes back") {
    Kernel kernel;
    Word const untyped = kernel.make(Untyped, 20);
    auto retype = [&](ObjectType type, Word slot, Word count) {
        REQUIRE(kernel.invoke(untyped, UntypedRetype, {static_cast<Word>(type), 0, slot, count}, {cnode}).error() ==
                Error::None);
    };
    Word const slot = kernel.slots(100);
    retype(AddressSpace, slot, 1);
    retype(PageTable, slot + 1, 2);
    retype(Frame, slot + 3, 80);
    for (Word i = 0; i < 2; ++i)
        REQUIRE(kernel.invoke(slot + 1 + i, PageTableMap, {base + i * 0x400000}, {slot}).error() == Error::None);
    for (Word i = 0; i < 80; ++i)
        REQUIRE(kernel.invoke(slot + 3 + i, FrameMap, {base + i * 0x9000, 3, 0}, {slot}).error() == Error::None);
    SUBCASE("at once") {}
    SUBCASE("with preemption everywhere") { machine.preempt_every = 1; }
    SUBCASE("the capabilities first") {
        for (Word i = 1; i < 83; ++i) REQUIRE(kernel.remove(slot + i) == Error::None);
    }
    SUBCASE("the space first") { REQUIRE(kernel.remove(slot) == Error::None); }
    CHECK(kernel.revoke(untyped) == Error::None);
    CHECK(kernel.invoke(untyped, UntypedInspect).first == 1 << 20);
}
