// netns with stacks that are none: it is asked and answers as in the guest.
#pragma once
#include "../../../servers/netns/netlink_message.hpp"
#include "../../../servers/netns/netns_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>

namespace {

namespace nl = netns::netlink;

/// No processes: remembers what was asked for.
struct FakeStacks final : netns::Stacks {
    struct Stack {
        bool running = false;
        std::vector<std::byte> configuration = std::vector<std::byte>(proto::stack::configuration_bytes);
        proto::stack::StatusPage status{};
        int signals = 0;
    };
    std::vector<std::unique_ptr<Stack>> stacks{};
    std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> attached; ///< ring, stack, peer
    int rings = 0;
    bool memory = true, card;
    abi::Word badge = 0; ///< of the last stack's Network capability

    explicit FakeStacks(bool with_card) : card{with_card} { stacks.push_back(nullptr); }
    ipc::Result<std::uint32_t> start(abi::Word network_badge, bool) override {
        if (!memory) { return ipc::fail(ipc::Error::NoMemory); }
        badge = network_badge;
        stacks.push_back(std::make_unique<Stack>());
        stacks.back()->running = true;
        return static_cast<std::uint32_t>(stacks.size() - 1);
    }
    void stop(std::uint32_t number) override { stacks[number]->running = false; }
    int restarts = 0;
    ipc::Result<void> restart(std::uint32_t) override {
        if (!memory) { return ipc::fail(ipc::Error::NoMemory); }
        ++restarts;
        return {};
    }
    ipc::Cap<proto::NetworkStack> control(std::uint32_t) override { return {}; }
    std::span<std::byte> configuration(std::uint32_t number) override { return stacks[number]->configuration; }
    proto::stack::StatusPage const& status(std::uint32_t number) override { return stacks[number]->status; }
    void signal(std::uint32_t number, abi::Word) override { ++stacks[number]->signals; }
    ipc::Result<netns::HardwareAddress> find_card() override {
        if (!card) { return ipc::fail(ipc::Error::NoDevice); }
        return netns::HardwareAddress{0x52, 0x54, 0, 0x12, 0x34, 0x56};
    }
    ipc::Result<std::uint32_t> make_ring() override { return static_cast<std::uint32_t>(++rings); }
    void remove_ring(std::uint32_t) override { --rings; }
    ipc::Result<std::uint32_t> attach(std::uint32_t ring, std::uint32_t number, std::uint32_t peer) override {
        attached.emplace_back(ring, number, peer);
        return 0U;
    }
    void set_peer(std::uint32_t, std::uint32_t, std::uint32_t) override {}
    void detach(std::uint32_t number, std::uint32_t) override {
        std::erase_if(attached, [&](auto const& entry) { return std::get<1>(entry) == number; });
    }
};

struct Fixture {
    explicit Fixture(bool card = false) : stacks{card} {
        world.as(number, [] { static_cast<void>(ipc::bind_no_senders(0)); });
    }
    ipc::host::World world;
    FakeStacks stacks;
    netns::NetnsServer server{stacks};
    std::size_t number = world.serve<proto::Namespace, proto::File, proto::Network, proto::Socket>(server);
    ipc::Cap<proto::Namespace> first = world.client<proto::Namespace>(number, ipc::first_namespace_badge);

    ipc::Cap<proto::Namespace> create() {
        return *ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
    }
    ipc::Cap<proto::Network> enter(ipc::Cap<proto::Namespace> space) {
        return ipc::call<proto::Namespace::Enter>(space, proto::Namespace::every_operation)->as<proto::Network>();
    }
    std::string table(ipc::Cap<proto::Network> network, proto::NetworkTable which) {
        std::string text(4000, '\0');
        auto const done =
            ipc::call<proto::Network::Table>(network, which, 0U, ipc::WriteBuffer{text.data(), text.size()});
        REQUIRE(done);
        text.resize(done->count);
        return text;
    }
    ipc::Cap<proto::Socket> netlink(ipc::Cap<proto::Network> network) {
        auto const made = ipc::call<proto::Network::Socket>(network, 16U, 3U, 0U);
        REQUIRE(made);
        return made->as<proto::Socket>();
    }
    /// The errno of the acknowledgement.
    int request(ipc::Cap<proto::Socket> socket, std::vector<std::byte> const& message, std::uint32_t flags = 0) {
        auto const sent = ipc::call<proto::Socket::Send>(socket, flags, proto::SocketAddress{},
                                                         ipc::ReadBuffer{message.data(), message.size()});
        REQUIRE(sent);
        std::vector<std::byte> answer(8192);
        auto const got = ipc::call<proto::Socket::Receive>(socket, proto::message_flag::dont_wait,
                                                           ipc::WriteBuffer{answer.data(), answer.size()});
        REQUIRE(got);
        nl::Header header;
        std::memcpy(&header, answer.data(), sizeof header);
        REQUIRE(header.type == nl::error);
        int error = 0;
        std::memcpy(&error, answer.data() + sizeof header, sizeof error);
        return -error;
    }
};

} // namespace
