// The uts server's logic over the loopback: the example for the unit test of a namespace server.
#include "../../../servers/uts/uts_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>

namespace {

struct Fixture {
    ipc::host::World world;
    uts::UtsServer server;
    std::size_t number = world.serve<proto::Namespace, proto::Uts>(server);
    ipc::Cap<proto::Namespace> first = world.client<proto::Namespace>(number, ipc::first_namespace_badge);
    Fixture() {
        world.as(number, [] { REQUIRE(ipc::bind_no_senders(0)); });
    }
    ipc::Cap<proto::Session> enter(ipc::Cap<proto::Namespace> space) {
        auto session = ipc::call<proto::Namespace::Enter>(space);
        REQUIRE(session);
        return *session;
    }
    std::string name(ipc::Cap<proto::Session> session) {
        auto host = ipc::call<proto::Uts::Hostname>(session.as<proto::Uts>());
        REQUIRE(host);
        return std::string{host->view()};
    }
    void set(ipc::Cap<proto::Session> session, std::string_view name) {
        REQUIRE(ipc::call<proto::Uts::SetHostname>(session.as<proto::Uts>(), proto::HostName{name}));
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a new namespace has its parent's names and then its own") {
    auto const outside = enter(first);
    set(outside, "host");
    auto const space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U);
    REQUIRE(space);
    auto const inside = enter(*space);
    CHECK(name(inside) == "host");
    set(inside, "container");
    CHECK(name(inside) == "container");
    CHECK(name(outside) == "host");
    CHECK(ipc::call<proto::Namespace::Identify>(*space)->inode != ipc::call<proto::Namespace::Identify>(first)->inode);
    CHECK(ipc::call<proto::Namespace::Identify>(inside.as<proto::Namespace>())->inode ==
          ipc::call<proto::Namespace::Identify>(*space)->inode);
}

TEST_CASE_FIXTURE(Fixture, "a namespace lives as long as somebody reaches it") {
    auto const space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U);
    REQUIRE(space);
    auto const session = enter(*space);
    auto const fork = ipc::call<proto::Namespace::ForkSession>(session.as<proto::Namespace>());
    REQUIRE(fork);
    CHECK(server.namespace_count() == 2);
    ipc::release_slot(space->slot);
    ipc::release_slot(session.slot);
    world.pump();
    CHECK(server.namespace_count() == 2);
    CHECK(name(*fork) == "cella");
    ipc::release_slot(fork->slot);
    world.pump();
    CHECK(server.namespace_count() == 1);
}

TEST_CASE_FIXTURE(Fixture, "refusals change nothing") {
    auto const session = enter(first);
    CHECK(ipc::call<proto::Namespace::Create>(session.as<proto::Namespace>(), ipc::OptionalCap<proto::Namespace>{}, 0U)
              .error() == ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Uts::SetHostname>(first.as<proto::Uts>(), proto::HostName{"x"}).error() ==
          ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Namespace::Destroy>(first).error() == ipc::Error::NotPermitted);
    CHECK(name(session) == "cella");
    auto const only_identify = ipc::call<proto::Namespace::Attenuate>(first, 1U << proto::Namespace::Identify::number);
    REQUIRE(only_identify);
    CHECK(ipc::call<proto::Namespace::Identify>(*only_identify));
    CHECK(ipc::call<proto::Namespace::Enter>(*only_identify).error() == ipc::Error::NotPermitted);
}

TEST_CASE_FIXTURE(Fixture, "destroying a namespace ends its sessions") {
    auto const space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U);
    REQUIRE(space);
    auto const session = enter(*space);
    REQUIRE(ipc::call<proto::Namespace::Destroy>(*space));
    CHECK(server.namespace_count() == 1);
    CHECK_FALSE(ipc::call<proto::Uts::Hostname>(session.as<proto::Uts>()));
}
