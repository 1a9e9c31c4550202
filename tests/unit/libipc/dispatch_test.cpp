// Errors, unknown operations, deferral, forwarding.
#include "sample.hpp"

namespace {
struct Stranger {
    static constexpr abi::Word number = 201;
    using First = ipc::Method<Stranger, 1, ipc::Unit()>;
    using methods = ipc::Methods<First>;
};
} // namespace

TEST_CASE_FIXTURE(Bench, "errors are the reply's label") {
    for (auto const error :
         {ipc::Error::NoEntry, ipc::Error::Quota, ipc::Error::RestartSystemCall, ipc::Error::Background}) {
        CHECK(ipc::call<Sample::Fail>(client, static_cast<std::uint32_t>(error)).error() == error);
    }
}

TEST_CASE_FIXTURE(Bench, "an operation or protocol that the server does not know is not implemented") {
    CHECK(ipc::call<Stranger::First>(client.as<Stranger>()).error() == ipc::Error::NotImplemented);
    CHECK(ipc::call<ipc::Method<Sample, 63, ipc::Unit()>>(client).error() == ipc::Error::NotImplemented);
    CHECK(server.calls == 0);
}

TEST_CASE_FIXTURE(Bench, "the kernel's errors come back as such") {
    CHECK(ipc::call<Sample::Nothing>(ipc::Cap<Sample>{0}).error() == ipc::from_kernel(abi::Error::InvalidCapability));
}

TEST_CASE_FIXTURE(Bench, "Elsewhere carries a capability and words") {
    server.elsewhere = world.add(std::make_shared<ipc::host::HostNotification>());
    auto const result = ipc::call<Sample::Elsewhere>(client, std::string_view{"/rest/of/it"});
    REQUIRE(result.error() == ipc::Error::Elsewhere);
    auto reply = ipc::last_reply();
    auto const directory = reply.read<ipc::OptionalCap<Sample>>();
    auto const rest = reply.read<ipc::Text<180>>();
    REQUIRE(directory);
    REQUIRE(rest);
    CHECK(rest->view() == "rest/of/it");
    CHECK(world.capability(directory->slot)->object == world.capability(server.elsewhere)->object);
    CHECK(reply.read<std::uint32_t>().error() == ipc::Error::BadMessage);
    auto const slot = ipc::slots().take();
    CHECK(ipc::call_into<Sample::Elsewhere>(slot, client, std::string_view{"/x"}).error() == ipc::Error::Elsewhere);
    CHECK(world.capability(slot)->object == world.capability(server.elsewhere)->object);
}

TEST_CASE_FIXTURE(Bench, "a deferred call is answered later, its buffers still open") {
    std::string out(4, '.');
    CHECK(ipc::call<Sample::Wait>(client, ipc::WriteBuffer{out.data(), out.size()}).error() == ipc::Error::Deferred);
    auto const first = world.deferred();
    CHECK(ipc::call<Sample::Wait>(client, ipc::WriteBuffer{nullptr, 0}).error() == ipc::Error::Deferred);
    auto const second = world.deferred();
    REQUIRE(server.waiting.size() == 2);
    CHECK(server.waiting[0].reply != server.waiting[1].reply);
    CHECK(server.waiting[0].badge == 42);
    CHECK_FALSE(first.answered());
    world.as(number, [&] {
        CHECK(ipc::pending(server.waiting[0]));
        CHECK(ipc::copy_out(server.waiting[0], 1, std::as_bytes(std::span{"abcdefgh", 8})).count == 3);
        ipc::reply<Sample::Wait>(server.waiting[0], 5U);
        ipc::discard(server.waiting[1]);
    });
    REQUIRE(first.answered());
    CHECK(first.result<Sample::Wait>() == 5U);
    CHECK(out == ".abc");
    CHECK(second.result<Sample::Wait>().error() == ipc::Error::Interrupted);
    // The Reply objects are used again.
    CHECK(ipc::call<Sample::Nothing>(client));
    world.as(number, [&] { CHECK(ipc::runtime().reply_objects() == 2); });
}

TEST_CASE_FIXTURE(Bench, "a caller that has gone is not pending") {
    CHECK(ipc::call<Sample::Wait>(client, ipc::WriteBuffer{nullptr, 0}).error() == ipc::Error::Deferred);
    world.abandon_deferred();
    world.as(number, [&] {
        CHECK_FALSE(ipc::pending(server.waiting[0]));
        ipc::reply<Sample::Wait>(server.waiting[0], 5U);
    });
}

TEST_CASE_FIXTURE(Bench, "forwarding: another server answers the caller, with the caller's buffers") {
    SampleServer second;
    auto const other = world.serve<Sample>(second);
    auto const there = world.client<Sample>(other, 9);
    CHECK(ipc::call<Sample::Forward>(client, there, std::string_view{"/m/rest"}) == 16U);
    CHECK(second.paths == std::vector<std::string>{"/rest"});
    CHECK(ipc::call<Sample::Nothing>(client));
}

TEST_CASE("long messages from one server to another keep the first server's arguments") {
    ipc::host::World world;
    struct Relay : SampleServer {
        ipc::Cap<Sample> next;
        using SampleServer::on;
        ipc::Result<std::tuple<ipc::Text<16>, ipc::Text<40>>> on(Sample::Texts, ipc::Sender&, ipc::Text<40> const& a,
                                                                 ipc::Text<16> const& b) {
            CHECK(ipc::call<Sample::Texts>(next, std::string_view{"other"}, std::string_view{"texts"}));
            return std::tuple{b, a};
        }
    } relay;
    SampleServer last;
    auto const first = world.serve<Sample>(relay);
    relay.next = world.client<Sample>(world.serve<Sample>(last), 1);
    auto const result =
        ipc::call<Sample::Texts>(world.client<Sample>(first, 1), std::string_view{"one"}, std::string_view{"two"});
    REQUIRE(result);
    CHECK(std::get<0>(*result).view() == "two");
    CHECK(std::get<1>(*result).view() == "one");
}
