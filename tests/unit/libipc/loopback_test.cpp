// The loopback's kernel objects, as far as servers rely on them.
#include "sample.hpp"

TEST_CASE("frames are mapped for real, revoking the memory unmaps them") {
    ipc::host::World world;
    constexpr abi::Address window = 0x40000000;
    auto const frame = ipc::make_object(abi::ObjectType::Frame);
    REQUIRE(frame);
    ipc::object::Frame const object{*frame};
    CHECK(object.map(ipc::own_address_space(), window, abi::right::read | abi::right::write).error() ==
          ipc::from_kernel(abi::Error::FailedLookup));
    auto const table = ipc::make_object(abi::ObjectType::PageTable);
    REQUIRE(table);
    CHECK(ipc::object::PageTable{*table}.map(ipc::own_address_space(), window));
    REQUIRE(object.map(ipc::own_address_space(), window, abi::right::read | abi::right::write));
    CHECK(object.map(ipc::own_address_space(), window, abi::right::read).error() ==
          ipc::from_kernel(abi::Error::DeleteFirst));
    std::memcpy(reinterpret_cast<void*>(std::uintptr_t{window}), "hello", 5);
    CHECK(std::memcmp(world.frame_memory(*frame), "hello", 5) == 0);
    auto const mapping = ipc::own_address_space().query(window);
    REQUIRE(mapping);
    CHECK(mapping->rights == (abi::right::read | abi::right::write));
    CHECK(ipc::own_cnode().revoke(*frame));
    CHECK(ipc::own_address_space().query(window)->rights == 0);
}

TEST_CASE("copying a range of mappings restricts both sides") {
    ipc::host::World world;
    auto const space = ipc::make_object(abi::ObjectType::AddressSpace);
    auto const other = ipc::make_object(abi::ObjectType::AddressSpace);
    for (auto const target : {*space, *other}) {
        CHECK(ipc::object::PageTable{*ipc::make_object(abi::ObjectType::PageTable)}.map(
            ipc::object::AddressSpace{target}, 0x1000));
    }
    ipc::object::Frame const frame{*ipc::make_object(abi::ObjectType::Frame)};
    CHECK(frame.map(ipc::object::AddressSpace{*space}, 0x3000, 3));
    auto const copied = ipc::object::AddressSpace{*other}.copy_range(ipc::object::AddressSpace{*space}, 0, 0, 16,
                                                                     abi::right::read, true);
    REQUIRE(copied);
    CHECK(copied->pages == 16);
    CHECK(copied->mappings == 1);
    CHECK(ipc::object::AddressSpace{*other}.query(0x3000)->rights == abi::right::read);
    CHECK(ipc::object::AddressSpace{*space}.query(0x3000)->rights == abi::right::read);
}

TEST_CASE("untyped memory runs out and comes back") {
    ipc::host::World world;
    auto const chunk = ipc::make_object(abi::ObjectType::Untyped, 14);
    REQUIRE(chunk);
    ipc::object::Untyped const memory{*chunk};
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 4; ++i) { CHECK(ipc::make_object(abi::ObjectType::Frame, 0, memory)); }
        CHECK(ipc::make_object(abi::ObjectType::Frame, 0, memory).error() == ipc::Error::NoMemory);
        CHECK(ipc::own_cnode().revoke(*chunk));
        CHECK(memory.inspect()->free_bytes == 1 << 14);
    }
}

TEST_CASE("threads keep what they are told") {
    ipc::host::World world;
    ipc::object::Thread const thread{*ipc::make_object(abi::ObjectType::Thread)};
    abi::Registers const registers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    CHECK(thread.write_registers(registers, true));
    CHECK(thread.read_registers()->ebp == 10);
    CHECK(thread.state() == abi::ThreadState::Running);
    CHECK(thread.set_name("init"));
    CHECK(world.object<ipc::host::HostThread>(thread.slot)->name == "init");
    CHECK(thread.suspend());
    CHECK(thread.state() == abi::ThreadState::Inactive);
}

TEST_CASE("notifications") {
    ipc::host::World world;
    auto const notification = *ipc::make_object(abi::ObjectType::Notification);
    auto const badged = ipc::slots().take();
    CHECK(ipc::own_cnode().mint(badged, ipc::own_cnode(), notification, abi::right::write, 6));
    CHECK(ipc::poll(notification).error() == ipc::Error::WouldBlock);
    ipc::signal(badged);
    CHECK(ipc::poll(notification) == 6U);
    CHECK(ipc::poll(notification).error() == ipc::Error::WouldBlock);
}

TEST_CASE("ranges of capabilities") {
    ipc::host::World world;
    ipc::object::CNode const node{*ipc::make_object(abi::ObjectType::CNode, 8)};
    auto const notification = *ipc::make_object(abi::ObjectType::Notification);
    CHECK(node.copy(5, ipc::own_cnode(), notification));
    CHECK(node.copy(7, ipc::own_cnode(), notification));
    ipc::object::CNode const second{*ipc::make_object(abi::ObjectType::CNode, 8)};
    CHECK(second.copy_range(1, node, 1, 20) == 2U);
    CHECK(second.delete_range(1, 20));
    CHECK(world.object<ipc::host::HostCNode>(second.slot)->slots.empty());
    CHECK(world.object<ipc::host::HostCNode>(node.slot)->slots.size() == 2);
}
