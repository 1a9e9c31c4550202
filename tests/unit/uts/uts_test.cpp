// The uts server's logic over the loopback: the example for the unit test of a namespace server.
#include "../../../servers/uts/uts_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>

namespace {

struct Fixture {
    ipc::host::World world;
    uts::UtsServer server{"cella"};
    std::size_t number = world.serve<proto::Namespace, proto::File, proto::Uts>(server);
    ipc::Cap<proto::Namespace> first = world.client<proto::Namespace>(number, ipc::first_namespace_badge);
    Fixture() {
        world.as(number, [] { REQUIRE(ipc::bind_no_senders(0)); });
    }
    ipc::Cap<proto::Session> enter(ipc::Cap<proto::Namespace> space) {
        auto session = ipc::call<proto::Namespace::Enter>(space, proto::Namespace::every_operation);
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
    auto const space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
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
    auto const space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
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
    CHECK(ipc::call<proto::Namespace::Create>(session.as<proto::Namespace>(), ipc::OptionalCap<proto::Namespace>{}, 0U,
                                              0U)
              .error() == ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Uts::SetHostname>(first.as<proto::Uts>(), proto::HostName{"x"}).error() ==
          ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Namespace::Destroy>(first).error() == ipc::Error::NotPermitted);
    CHECK(name(session) == "cella");
    auto const only_identify = ipc::call<proto::Namespace::Attenuate>(first, proto::Namespace::program_operations);
    REQUIRE(only_identify);
    CHECK(ipc::call<proto::Namespace::Identify>(*only_identify));
    CHECK(ipc::call<proto::Namespace::Enter>(*only_identify, proto::Namespace::every_operation).error() ==
          ipc::Error::NotPermitted);
}

TEST_CASE_FIXTURE(Fixture, "destroying a namespace ends its sessions") {
    auto const space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
    REQUIRE(space);
    auto const session = enter(*space);
    REQUIRE(ipc::call<proto::Namespace::Destroy>(*space));
    CHECK(server.namespace_count() == 1);
    CHECK_FALSE(ipc::call<proto::Uts::Hostname>(session.as<proto::Uts>()));
}

TEST_CASE_FIXTURE(Fixture, "inode numbers are Linux's for the first namespace and never twice for others") {
    auto const identity = ipc::call<proto::Namespace::Identify>(first);
    REQUIRE(identity);
    CHECK(identity->inode == 0xEFFFFFFE);
    CHECK(identity->user == 0xEFFFFFFD);
    CHECK(identity->parent == 0);
    auto const one = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 77U, 0U);
    auto const two = ipc::call<proto::Namespace::Create>(*one, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
    auto const inner = ipc::call<proto::Namespace::Identify>(*two);
    CHECK(inner->parent == ipc::call<proto::Namespace::Identify>(*one)->inode);
    CHECK(inner->inode != inner->parent);
    CHECK(inner->user == 77); // its parent's, since none was named
}

TEST_CASE_FIXTURE(Fixture, "the user namespace is held as long as the namespace it owns") {
    uts::UtsServer other; // stands for proc, whose namespace it is
    auto const user = world.client<proto::Namespace>(world.serve<proto::Namespace, proto::File, proto::Uts>(other), 5);
    auto const round = [&] {
        auto const space =
            ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{user}, 77U, 0U);
        REQUIRE(space);
        auto const held = world.capability_count();
        ipc::release_slot(space->slot);
        world.pump();
        CHECK(server.namespace_count() == 1);
        return held;
    };
    round();
    auto const before = world.capability_count();
    CHECK(round() == before + 3); // the caller's, the server's of the new namespace, and the one of the user namespace
    CHECK(world.capability_count() == before);
}

TEST_CASE_FIXTURE(Fixture, "one namespace too many is refused and changes nothing") {
    server.set_limit(3);
    std::vector<ipc::Cap<proto::Namespace>> made;
    for (int i = 0; i < 2; ++i) {
        made.push_back(*ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U));
    }
    auto const capabilities = world.capability_count();
    auto const refused = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
    CHECK(refused.error() == ipc::Error::NoSpace);
    CHECK(server.namespace_count() == 3);
    CHECK(world.capability_count() == capabilities);
    ipc::release_slot(made[0].slot);
    world.pump();
    CHECK(ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U));
}

TEST_CASE_FIXTURE(Fixture, "a program's session does what it allows and leads nowhere else") {
    auto const read_only = ipc::call<proto::Namespace::Enter>(first, std::uint64_t{1} << proto::Uts::Hostname::number);
    REQUIRE(read_only);
    CHECK(name(*read_only) == "cella");
    CHECK(ipc::call<proto::Uts::SetHostname>(read_only->as<proto::Uts>(), proto::HostName{"x"}).error() ==
          ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Namespace::Of>(read_only->as<proto::Namespace>()).error() == ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Namespace::ForkSession>(read_only->as<proto::Namespace>()).error() ==
          ipc::Error::NotPermitted);
    auto const program = ipc::call<proto::Namespace::Attenuate>(first, proto::Namespace::program_operations);
    REQUIRE(program);
    CHECK(ipc::call<proto::Namespace::List>(*program, 0U).error() == ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Namespace::Vouch>(*program, ipc::OptionalCap<proto::Session>{*read_only},
                                             proto::SessionCredentials{})
              .error() == ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Namespace::Attenuate>(*program, proto::Namespace::every_operation).error() ==
          ipc::Error::NotPermitted);
    ipc::OptionalCap<proto::Namespace> const descriptor{*program};
    CHECK(ipc::call<proto::Namespace::Recover>(*program, descriptor).error() == ipc::Error::NotPermitted);
    auto const whole = ipc::call<proto::Namespace::Recover>(first, descriptor); // as setns does
    REQUIRE(whole);
    CHECK(ipc::call<proto::Namespace::Enter>(*whole, proto::Namespace::every_operation));
}

TEST_CASE_FIXTURE(Fixture, "a namespace is also the file that /proc/PID/ns shows") {
    auto const program = ipc::call<proto::Namespace::Attenuate>(first, proto::Namespace::program_operations);
    REQUIRE(program);
    auto const file = program->as<proto::File>();
    auto const status = ipc::call<proto::File::Stat>(file);
    REQUIRE(status);
    CHECK(status->inode == 0xEFFFFFFE);
    CHECK(status->mode == 0100444);
    char text[64];
    auto const length = ipc::call<proto::File::Name>(file, ipc::WriteBuffer{text, sizeof text});
    REQUIRE(length);
    CHECK(std::string_view{text, *length} == "uts:[4026531838]");
    auto const type = ipc::call<proto::File::Ioctl>(file, 0xb703U, 0U, ipc::ReadBuffer{}, ipc::WriteBuffer{});
    CHECK(type == 0x04000000U);
    CHECK(ipc::call<proto::File::Read>(file, 0U, ipc::WriteBuffer{text, sizeof text}).error() == ipc::Error::Invalid);
    auto const again = ipc::call<proto::File::Reopen>(file, 0U);
    REQUIRE(again);
    CHECK(ipc::call<proto::Namespace::Identify>(std::get<0>(*again).as<proto::Namespace>())->inode == 0xEFFFFFFE);
    CHECK(ipc::call<proto::Namespace::Enter>(std::get<0>(*again).as<proto::Namespace>(),
                                             proto::Namespace::every_operation)
              .error() == ipc::Error::NotPermitted);
}

TEST_CASE_FIXTURE(Fixture, "the control capability lists every namespace, in the order of their inode numbers") {
    for (int i = 0; i < 5; ++i) {
        REQUIRE(ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U));
    }
    std::uint32_t after = 0, count = 0;
    for (;;) {
        auto const next = ipc::call<proto::Namespace::List>(first, after);
        if (!next) {
            CHECK(next.error() == ipc::Error::NoData);
            break;
        }
        CHECK(next->inode > after);
        CHECK(next->pins == 1);
        after = next->inode;
        ++count;
    }
    CHECK(count == 6);
}

TEST_CASE_FIXTURE(Fixture, "an instance takes no session of the one before for its own") {
    auto const old_session = enter(first);
    auto const old_space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
    REQUIRE(old_space);
    uts::UtsServer again{"again"};
    again.set_generation(1);
    auto const second = world.serve<proto::Namespace, proto::File, proto::Uts>(again);
    world.as(second, [] { REQUIRE(ipc::bind_no_senders(0)); });
    auto const renewed = world.client<proto::Namespace>(second, ipc::first_namespace_badge);
    for (int i = 0; i < 8; ++i) { set(enter(renewed), "secret"); } // the old badges would be among these
    auto const gone = ipc::from_kernel(abi::Error::InvalidCapability);
    auto const at_second = [&](ipc::CapabilityPointer slot) {
        return world.client<proto::Uts>(second, world.capability(slot)->badge);
    };
    CHECK(ipc::call<proto::Uts::Hostname>(at_second(old_session.slot)).error() == gone);
    CHECK(ipc::call<proto::Namespace::Identify>(at_second(old_session.slot).as<proto::Namespace>()).error() == gone);
    CHECK(ipc::call<proto::Namespace::Enter>(at_second(old_space->slot).as<proto::Namespace>(),
                                             proto::Namespace::every_operation)
              .error() == gone);
    CHECK(name(enter(renewed)) == "secret");
    CHECK(name(old_session) == "cella");
}
