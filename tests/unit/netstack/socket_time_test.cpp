// SO_RCVTIMEO, SO_SNDTIMEO and SO_LINGER at a stack: who waits too long hears EAGAIN, or EINPROGRESS for connect(2).
#include "fixture.hpp"

namespace {
constexpr std::uint32_t receive_time = 20, send_time = 21;

void set_time(ipc::Cap<proto::Socket> socket, std::uint32_t option, std::int32_t milliseconds) {
    std::int32_t const words[] = {milliseconds / 1000, milliseconds % 1000 * 1000};
    proto::SocketOption value;
    value.length = sizeof words;
    std::memcpy(value.data, words, sizeof words);
    REQUIRE(ipc::call<proto::Socket::SetOption>(socket, 1U, option, value));
    auto const told = ipc::call<proto::Socket::GetOption>(socket, 1U, option);
    REQUIRE(told);
    CHECK(told->length == sizeof words);
    CHECK(std::memcmp(told->data, words, sizeof words) == 0);
}
void let_wait(ipc::Cap<proto::Socket> socket) {
    REQUIRE(ipc::call<proto::File::SetFlags>(socket.as<proto::File>(), 2U));
}
} // namespace

TEST_CASE("a receive, a read, an accept and a connect end when their time is over") {
    Fixture fixture;
    auto const datagrams = fixture.open(datagram), listener = fixture.open(stream), client = fixture.open(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(datagrams, internet(0, 53)));
    for (auto const socket : {datagrams, listener, client}) { let_wait(socket); }
    set_time(datagrams, receive_time, 200);
    char text[10];
    CHECK(receive(datagrams, text, sizeof text).error() == Error::Deferred);
    auto const first = fixture.world.deferred();
    fixture.pass(150);
    CHECK_FALSE(first.answered());
    CHECK(fixture.status.deadline_low != 0); // netns knows when the stack wants to be woken
    fixture.pass(50);
    REQUIRE(first.answered());
    CHECK(first.result<proto::Socket::Receive>().error() == Error::Again);

    CHECK(ipc::call<proto::File::Read>(datagrams.as<proto::File>(), 0U, ipc::WriteBuffer{text, sizeof text}).error() ==
          Error::Deferred);
    auto const second = fixture.world.deferred();
    fixture.pass(100);
    CHECK(send(datagrams, "now", 3, internet(loopback, 53))->count == 3);
    REQUIRE(second.answered());
    CHECK(second.result<proto::File::Read>()->count == 3);
    fixture.pass(1000); // and nothing is left to end

    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 80)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 1U));
    set_time(listener, receive_time, 100);
    CHECK(ipc::call<proto::Socket::Accept>(listener, 0U).error() == Error::Deferred);
    auto const accepting = fixture.world.deferred();
    fixture.pass(100);
    REQUIRE(accepting.answered());
    CHECK(accepting.result<proto::Socket::Accept>().error() == Error::Again);
    // What is accepted has the times of where it was accepted (tcp(7)).
    auto const friendly = fixture.open(stream);
    CHECK(ipc::call<proto::Socket::Connect>(friendly, internet(loopback, 80)).error() == Error::InProgress);
    auto const accepted = ipc::call<proto::Socket::Accept>(listener, 0U);
    REQUIRE(accepted);
    auto const server = std::get<0>(*accepted).as<proto::Socket>();
    auto const inherited = ipc::call<proto::Socket::GetOption>(server, 1U, receive_time);
    REQUIRE(inherited);
    std::int32_t time[2] = {};
    std::memcpy(time, inherited->data, sizeof time);
    CHECK((time[0] == 0 && time[1] == 100000));
    fixture.close(friendly); // first: who closes first keeps its port for a while
    fixture.pass(100);
    fixture.close(server);

    set_time(client, send_time, 300);
    CHECK(ipc::call<proto::Socket::Connect>(client, internet(0x0a000002, 80)).error() == Error::Deferred); // nobody
    auto const connecting = fixture.world.deferred();
    fixture.pass(250);
    CHECK_FALSE(connecting.answered());
    fixture.pass(50);
    REQUIRE(connecting.answered());
    CHECK(connecting.result<proto::Socket::Connect>().error() == Error::InProgress);
    for (auto const socket : {datagrams, listener, client}) { fixture.close(socket); }
}

TEST_CASE("a write that has moved a part gives that part, a caller who has gone is forgotten") {
    Fixture fixture;
    auto const listener = fixture.open(stream), client = fixture.open(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 80)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 1U));
    CHECK(ipc::call<proto::Socket::Connect>(client, internet(loopback, 80)).error() == Error::InProgress);
    auto const accepted = ipc::call<proto::Socket::Accept>(listener, 0U);
    REQUIRE(accepted);
    let_wait(client);
    set_time(client, send_time, 100);
    std::vector<char> const much(4 << 20, 'x');
    CHECK(send(client, much.data(), much.size()).error() == Error::Deferred);
    auto const writing = fixture.world.deferred();
    fixture.pass(100);
    REQUIRE(writing.answered());
    auto const part = writing.result<proto::Socket::Send>();
    REQUIRE(part);
    CHECK((part->count > 0 && part->count < much.size()));
    CHECK(send(client, much.data(), much.size()).error() == Error::Deferred);
    fixture.world.abandon_deferred();
    fixture.pass(1000);
    fixture.close(client);
    fixture.pass(100);
    fixture.close(std::get<0>(*accepted).as<proto::Socket>());
    fixture.close(listener);
}

TEST_CASE("a connection that lingers for no time is reset when it is closed; others end in order") {
    for (bool const resets : {true, false}) {
        Fixture fixture;
        auto const listener = fixture.open(stream), client = fixture.open(stream);
        REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 80)));
        REQUIRE(ipc::call<proto::Socket::Listen>(listener, 1U));
        CHECK(ipc::call<proto::Socket::Connect>(client, internet(loopback, 80)).error() == Error::InProgress);
        auto const accepted = ipc::call<proto::Socket::Accept>(listener, 0U);
        REQUIRE(accepted);
        auto const server = std::get<0>(*accepted).as<proto::Socket>();
        std::uint32_t const words[] = {1, resets ? 0U : 5U};
        proto::SocketOption value;
        value.length = sizeof words;
        std::memcpy(value.data, words, sizeof words);
        REQUIRE(ipc::call<proto::Socket::SetOption>(client, 1U, 13U, value));
        auto const told = ipc::call<proto::Socket::GetOption>(client, 1U, 13U);
        REQUIRE(told);
        CHECK((told->length == sizeof words && std::memcmp(told->data, words, sizeof words) == 0));
        value.length = 4;
        CHECK(ipc::call<proto::Socket::SetOption>(client, 1U, 13U, value).error() == Error::Invalid);
        fixture.close(client);
        fixture.pass(500);
        REQUIRE(ipc::call<proto::File::SetFlags>(server.as<proto::File>(), 0x802U));
        char text[10];
        auto const end = receive(server, text, sizeof text);
        if (resets) {
            CHECK(end.error() == Error::ConnectionReset);
        } else {
            REQUIRE(end);
            CHECK(std::get<0>(*end).transfer.count == 0);
        }
        fixture.close(server);
        fixture.close(listener);
    }
}
