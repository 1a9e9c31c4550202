#include "fixture.hpp"

using namespace test;
using enum ObjectType;

namespace {
Error retype(Kernel& kernel, Word untyped, ObjectType type, Word bits, Word first, Word count) {
    return kernel.invoke(untyped, Invocation::UntypedRetype, {static_cast<Word>(type), bits, first, count}, {cnode})
        .error();
}
} // namespace

TEST_CASE("Retype makes every type of object, zeroed") {
    Kernel kernel;
    for (Word type = 0; type < static_cast<Word>(Count); ++type) {
        Word const bits = type == static_cast<Word>(Untyped) ? 12 : type == static_cast<Word>(CNode) ? 4 : 0;
        Word const slot = kernel.make(static_cast<ObjectType>(type), bits);
        CHECK_FALSE(kernel.slot(slot).is_empty());
    }
    Word const frame = kernel.make(Frame);
    auto const* const bytes =
        static_cast<unsigned char*>(arch::to_virtual(kernel.slot(frame).capability.frame_physical()));
    CHECK(bytes[0] == 0);
    CHECK(bytes[4095] == 0);
}

TEST_CASE("Retype refuses what it must, and changes nothing") {
    Kernel kernel;
    Word const untyped = kernel.make(Untyped, 14);
    Word const slot = kernel.slots(8);
    CHECK(kernel.invoke(untyped, Invocation::UntypedRetype, {11, 0, slot, 1}, {cnode}).error() ==
          Error::InvalidArgument);
    CHECK(retype(kernel, untyped, Untyped, 3, slot, 1) == Error::RangeError);
    CHECK(retype(kernel, untyped, Untyped, 30, slot, 1) == Error::RangeError);
    CHECK(retype(kernel, untyped, CNode, 0, slot, 1) == Error::RangeError);
    CHECK(retype(kernel, untyped, CNode, 17, slot, 1) == Error::RangeError);
    CHECK(retype(kernel, untyped, Frame, 0, slot, 0) == Error::RangeError);
    CHECK(retype(kernel, untyped, Frame, 0, 4095, 2) == Error::RangeError);
    CHECK(retype(kernel, untyped, Frame, 0, 0xffffffff, 2) == Error::RangeError);
    CHECK(retype(kernel, untyped, Frame, 0, slot, 5) == Error::NotEnoughMemory);
    CHECK(retype(kernel, untyped, LargeFrame, 0, slot, 1) == Error::NotEnoughMemory);
    CHECK(retype(kernel, untyped, Frame, 0, untyped, 1) == Error::DeleteFirst);
    CHECK(kernel.invoke(untyped, Invocation::UntypedRetype, {9, 0, slot, 1}, {untyped}).error() ==
          Error::InvalidCapability);
    CHECK(kernel.invoke(untyped, Invocation::UntypedInspect).first == 1 << 14);
    CHECK(retype(kernel, untyped, Frame, 0, slot, 4) == Error::None);
    CHECK(retype(kernel, untyped, Endpoint, 0, slot + 4, 1) == Error::NotEnoughMemory);
    for (Word i = 0; i < 4; ++i) CHECK(kernel.remove(slot + i) == Error::None);
    CHECK(retype(kernel, untyped, Endpoint, 0, slot + 4, 1) == Error::None);
    CHECK(kernel.invoke(untyped, Invocation::UntypedInspect).first == (1 << 14) - 32);
}

TEST_CASE("memory comes back after Revoke, to the byte, and new objects are zeroed again") {
    Kernel kernel;
    Word const before = kernel.free_bytes();
    Word const untyped = kernel.make(Untyped, 16);
    for (int round = 0; round < 3; ++round) {
        Word const slot = kernel.slots(16);
        REQUIRE(retype(kernel, untyped, Frame, 0, slot, 16) == Error::None);
        auto* const bytes =
            static_cast<unsigned char*>(arch::to_virtual(kernel.slot(slot + 3).capability.frame_physical()));
        CHECK(bytes[100] == 0);
        bytes[100] = 1;
        CHECK(kernel.revoke(untyped) == Error::None);
        for (Word i = 0; i < 16; ++i) CHECK(kernel.slot(slot + i).is_empty());
        CHECK(kernel.invoke(untyped, Invocation::UntypedInspect).first == 1 << 16);
    }
    CHECK(kernel.remove(untyped) == Error::None);
    CHECK(kernel.free_bytes() >= before);
}

TEST_CASE("device memory is neither zeroed nor made into kernel objects") {
    Kernel kernel;
    auto const& info = *static_cast<BootInfo const*>(
        arch::user_to_kernel(kernel.root().address_space.capability.object<kernel::AddressSpace>().hardware,
                             boot_info_address, right::read));
    Word device = 0;
    for (Word i = 0; i < info.untyped_count; ++i)
        if (info.untypeds[i].is_device && info.untypeds[i].physical == arch::host::memory_start)
            device = boot_slot::first_untyped + i;
    REQUIRE(device != 0);
    Word const slot = kernel.slots(4);
    CHECK(retype(kernel, device, Endpoint, 0, slot, 1) == Error::InvalidArgument);
    CHECK(retype(kernel, device, CNode, 1, slot, 1) == Error::InvalidArgument);
    CHECK(retype(kernel, device, Frame, 0, slot, 4) == Error::None);
    CHECK(kernel.slot(slot).capability.frame_is_device());
    auto const* const elf =
        static_cast<unsigned char*>(arch::to_virtual(kernel.slot(slot).capability.frame_physical()));
    CHECK(elf[1] == 'E');
}

TEST_CASE("zeroing is preempted, goes on, and is not trusted after other use of the memory") {
    Kernel kernel;
    machine.preempt_every = 1;
    Word const untyped = kernel.make(Untyped, 22);
    Word const slot = kernel.slots(8);
    REQUIRE(retype(kernel, untyped, LargeFrame, 0, slot, 1) == Error::None);
    CHECK(machine.preemption_points > 500);
    auto* const bytes = static_cast<unsigned char*>(arch::to_virtual(kernel.slot(slot).capability.frame_physical()));
    CHECK(bytes[(1 << 22) - 1] == 0);
    CHECK(kernel.invoke(untyped, Invocation::UntypedInspect).first == 0);
}

TEST_CASE("an Untyped capability is copied only without children, and the source is used up") {
    Kernel kernel;
    Word const untyped = kernel.make(Untyped, 14);
    Word const copy = kernel.slots(2);
    CHECK(kernel.invoke(cnode, Invocation::CNodeCopy, {copy, 0, untyped, 0, right::all}, {cnode}).error() ==
          Error::None);
    CHECK(kernel.invoke(cnode, Invocation::CNodeCopy, {copy + 1, 0, untyped, 0, right::all}, {cnode}).error() ==
          Error::RevokeFirst);
    Word const slot = kernel.slots(1);
    CHECK(retype(kernel, untyped, Frame, 0, slot, 1) == Error::NotEnoughMemory);
    CHECK(retype(kernel, copy, Frame, 0, slot, 1) == Error::None);
    CHECK(kernel.revoke(untyped) == Error::None);
    CHECK(kernel.slot(copy).is_empty());
    CHECK(kernel.slot(slot).is_empty());
}
