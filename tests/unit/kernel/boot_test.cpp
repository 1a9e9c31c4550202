#include "fixture.hpp"
#include <cstring>

using namespace test;

TEST_CASE("boot makes root with everything in its place") {
    Kernel kernel;
    Thread& root = kernel.root();
    CHECK(root.priority == 255);
    CHECK(root.context.values.eip == 0x00400000);
    void const* const directory = root.address_space.capability.object<kernel::AddressSpace>().hardware;
    auto* const data = static_cast<unsigned char*>(arch::user_to_kernel(directory, 0x00401000, right::write));
    REQUIRE(data != nullptr);
    CHECK(data[0xfff] == 0x77);
    CHECK(arch::user_to_kernel(directory, 0x00400000, right::write) == nullptr);
    CHECK(arch::user_to_kernel(directory, 0x00400000, right::read) != nullptr);
    CHECK(*static_cast<unsigned char*>(arch::user_to_kernel(directory, 0x00403000, right::read)) == 0);
    CHECK(arch::user_to_kernel(directory, root.context.values.esp - 4, right::write) != nullptr);
    auto const& info = *static_cast<BootInfo const*>(arch::user_to_kernel(directory, boot_info_address, right::read));
    CHECK(info.magic == boot_info_magic);
    CHECK(info.module_count == 1);
    CHECK(std::strcmp(info.modules[0].name, "image") == 0);
    CHECK(std::strcmp(info.command_line, "mode=test") == 0);
    CHECK(info.image_end == 0x00404000);
    CHECK(kernel.slot(info.first_free_slot).is_empty());
    CHECK_FALSE(kernel.slot(info.first_free_slot - 1).is_empty());
    for (Word i = 0; i < info.untyped_count; ++i) {
        auto const& capability = kernel.slot(boot_slot::first_untyped + i).capability;
        CHECK(capability.is(kernel::CapabilityType::Untyped));
        CHECK(capability.pointer() == info.untypeds[i].physical);
        CHECK(capability.untyped_size_bits() == info.untypeds[i].size_bits);
    }
}

TEST_CASE("a system call on nothing, and of no kind, is refused") {
    Kernel kernel;
    CHECK(kernel.invoke(4000, Invocation::CNodeDelete).error() == Error::InvalidCapability);
    CHECK(kernel.invoke(0xffffffff, Invocation::CNodeDelete).error() == Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), static_cast<Syscall>(0), 2).error() == Error::InvalidArgument);
    CHECK(kernel.system_call(kernel.root(), static_cast<Syscall>(15), 2).error() == Error::InvalidArgument);
    CHECK(kernel.system_call(kernel.root(), Syscall::Send, 2).error() == Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::Receive, 2).error() == Error::InvalidCapability);
    CHECK(kernel.invoke(cnode, static_cast<Invocation>(999)).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(boot_slot::debug, Invocation::DebugCheck).first == 0);
}
