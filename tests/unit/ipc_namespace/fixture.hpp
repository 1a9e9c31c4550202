// The ipc server over the loopback, with a clock and memory that the test holds.
#pragma once
#include "../../../servers/ipc/ipc_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>
#include <string>

using ipc::Error;
using Namespace = proto::Namespace;
using V = proto::SystemV;

inline constexpr std::uint32_t make = 01000, only_new = 02000, now_or_never = 04000;

struct FakePort : sysv::Port {
    struct Pages : sysv::Storage {
        explicit Pages(int& count) : alive{count} { ++alive; }
        ~Pages() override { --alive; }
        int& alive;
    };
    std::uint64_t time = 1'000'000'000, armed = 0;
    int storages = 0;
    bool refuse = false;
    std::uint64_t monotonic() override { return time; }
    std::int64_t wall_seconds() override { return static_cast<std::int64_t>(1'700'000'000 + time / 1'000'000'000); }
    void arm(std::uint64_t deadline) override { armed = deadline; }
    sysv::Result<std::shared_ptr<sysv::Storage>> make_storage(std::uint32_t) override {
        if (refuse) { return ipc::fail(Error::NoMemory); }
        return std::make_shared<Pages>(storages);
    }
    sysv::Result<ipc::Cap<ipc::Frame>> page(sysv::Storage&, std::uint32_t, bool) override {
        return ipc::fail(Error::NoMemory);
    }
};

struct Fixture {
    ipc::host::World world;
    FakePort port;
    sysv::IpcServer server{port, 1 << 20};
    std::size_t number = world.serve<Namespace, proto::File, V, proto::MessageQueue, proto::Directory>(server);
    ipc::Cap<Namespace> first = world.client<Namespace>(number, ipc::first_namespace_badge);
    Fixture() {
        world.as(number, [] { REQUIRE(ipc::bind_no_senders(0)); });
    }
    /// A session as proc gives it to a process.
    ipc::Cap<V> enter(ipc::Cap<Namespace> space, std::uint32_t user, std::uint64_t capabilities = 0,
                      std::int32_t process = 100) {
        auto const session = ipc::call<Namespace::Enter>(space, Namespace::every_operation);
        REQUIRE(session);
        proto::SessionCredentials credentials{};
        credentials.user = credentials.group = user;
        credentials.user_space = user_space;
        credentials.capabilities = capabilities;
        credentials.process = process;
        REQUIRE(ipc::call<Namespace::Vouch>(first, ipc::OptionalCap<proto::Session>{*session}, credentials));
        return session->as<V>();
    }
    std::uint32_t user_space = 0;
    ipc::Cap<V> root = enter(first, 0, ~0ULL);
    ipc::Cap<Namespace> create(std::uint32_t quota = 0) {
        auto made = ipc::call<Namespace::Create>(first, ipc::OptionalCap<Namespace>{}, 0U, quota);
        REQUIRE(made);
        return *made;
    }
    template <class P>
    void drop(ipc::Cap<P> capability) {
        ipc::release_slot(capability.slot);
        world.pump();
    }
    std::string table(ipc::Cap<V> session, std::uint32_t which) {
        char text[4096];
        auto const part = ipc::call<V::Table>(session, which, 0U, ipc::WriteBuffer{text, sizeof text});
        REQUIRE(part);
        return {text, part->count};
    }
};

inline Error error_of(auto const& result) { return result ? Error::None : result.error(); }
