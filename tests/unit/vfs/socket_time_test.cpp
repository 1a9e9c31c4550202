// SO_RCVTIMEO and SO_SNDTIMEO on AF_UNIX sockets: who waits longer than that hears EAGAIN, or what it has moved.
#include "world.hpp"

using namespace test;
using Type = LocalSocket::Type;

namespace {

constexpr std::uint32_t receive_old = 20, send_old = 21, receive_new = 66;

proto::SocketOption old_time(std::int32_t seconds, std::int32_t microseconds) {
    std::int32_t const words[] = {seconds, microseconds};
    proto::SocketOption value;
    value.length = sizeof words;
    std::memcpy(value.data, words, sizeof words);
    return value;
}
proto::SocketOption new_time(std::int64_t seconds, std::int64_t microseconds) {
    std::int64_t const words[] = {seconds, microseconds};
    proto::SocketOption value;
    value.length = sizeof words;
    std::memcpy(value.data, words, sizeof words);
    return value;
}

struct TimedSockets : World {
    std::array<LocalSocket*, 2> pair(Type type) {
        auto const slots = files.socket_pair(*root, static_cast<std::uint32_t>(type));
        REQUIRE(slots.has_value());
        return {Vfs::socket_of(file((*slots)[0])), Vfs::socket_of(file((*slots)[1]))};
    }
    Error set(LocalSocket* socket, std::uint32_t option, proto::SocketOption const& value) {
        return files.set_socket_option(*socket, 1, option, value);
    }
    /// Time goes on; the alarm goes off if it is due.
    void pass(std::uint64_t nanoseconds) {
        port.boot += nanoseconds;
        if (port.alarm == 0 || port.alarm > port.boot) { return; }
        port.alarm = 0; // the clock forgets an alarm that went off
        files.alarm();
    }
    void close(LocalSocket* socket) { World::close(socket->file); }
};

constexpr std::uint64_t millisecond = 1000000;

} // namespace

TEST_CASE("times of a socket: told as they were set, in both forms") {
    TimedSockets w;
    auto const [a, b] = w.pair(Type::Stream);
    auto const told = [&](std::uint32_t option) { return *w.files.socket_option(*a, 1, option); };
    auto const same = [](proto::SocketOption const& one, proto::SocketOption const& other) {
        return one.length == other.length && std::memcmp(one.data, other.data, one.length) == 0;
    };
    CHECK(same(told(receive_old), old_time(0, 0)));
    CHECK(w.set(a, receive_old, old_time(3, 250000)) == Error::None);
    CHECK(same(told(receive_old), old_time(3, 250000)));
    CHECK(same(told(receive_new), new_time(3, 250000)));
    CHECK(same(told(send_old), old_time(0, 0)));
    CHECK(w.set(a, receive_new, new_time(0, 1)) == Error::None);
    CHECK(same(told(receive_old), old_time(0, 1)));
    CHECK(w.set(a, receive_old, old_time(0, 1000000)) == Error::Domain);
    CHECK(w.set(a, receive_old, old_time(0, -1)) == Error::Domain);
    proto::SocketOption cut = old_time(1, 0);
    cut.length = 7;
    CHECK(w.set(a, receive_old, cut) == Error::Invalid);
    cut = new_time(1, 0);
    cut.length = 15;
    CHECK(w.set(a, receive_new, cut) == Error::Invalid);
    CHECK(same(told(receive_old), old_time(0, 1))); // refusals changed nothing
    CHECK(w.set(a, receive_new, new_time(std::int64_t{1} << 60, 0)) == Error::None);
    CHECK(same(told(receive_old), old_time(0, 0))); // for ever
    w.close(a);
    w.close(b);
}

TEST_CASE("a reader waits as long as its socket says, and no data is lost by it") {
    TimedSockets w;
    auto const [a, b] = w.pair(Type::Stream);
    CHECK(w.set(b, receive_old, old_time(0, 20000)) == Error::None);
    FakeCaller first{"", 10}, second{"", 10};
    CHECK(b->file->read(first).error() == Error::Deferred);
    w.pass(10 * millisecond);
    CHECK(b->file->read(second).error() == Error::Deferred);
    w.pass(9 * millisecond);
    CHECK_FALSE(w.port.finished.contains(first.token));
    w.pass(1 * millisecond);
    REQUIRE(w.port.finished.contains(first.token));
    CHECK(w.port.finished.at(first.token).error() == Error::Again);
    CHECK_FALSE(w.port.finished.contains(second.token));
    CHECK(w.write(a->file, "data") == 4);
    CHECK(w.port.finished.at(second.token)->count == 4);
    w.pass(100 * millisecond);
    CHECK(w.port.alarm == 0); // nobody waits any more
    // The other end has no such time.
    FakeCaller patient{"", 10};
    CHECK(a->file->read(patient).error() == Error::Deferred);
    w.pass(10000 * millisecond);
    CHECK_FALSE(w.port.finished.contains(patient.token));
    // A time before zero is no time at all.
    CHECK(w.set(b, receive_old, old_time(-1, 0)) == Error::None);
    FakeCaller hasty{"", 10};
    CHECK(b->file->read(hasty).error() == Error::Deferred);
    w.pass(0);
    CHECK(w.port.finished.at(hasty.token).error() == Error::Again);
    w.close(a);
    w.close(b);
}

TEST_CASE("MSG_WAITALL and a long write give what they have moved by then") {
    TimedSockets w;
    auto const [a, b] = w.pair(Type::Stream);
    CHECK(w.set(a, send_old, old_time(1, 0)) == Error::None);
    CHECK(w.set(b, receive_old, old_time(2, 0)) == Error::None);
    CHECK(w.write(a->file, "part") == 4);
    FakeCaller all{"", 100};
    CHECK(b->receive(all, 100, proto::message_flag::wait_all, false, LocalSocket::Style::Datagram).error() ==
          Error::Deferred);
    w.pass(2000 * millisecond);
    REQUIRE(w.port.finished_receives.contains(all.token));
    CHECK(w.port.finished_receives.at(all.token)->transfer.count == 4);
    FakeCaller writer{std::string(300000, 'x'), 0}, late{std::string(10, 'y'), 0};
    CHECK(a->file->write(writer).error() == Error::Deferred);
    CHECK(a->file->write(late).error() == Error::Deferred);
    w.pass(1000 * millisecond);
    CHECK(w.port.finished.at(writer.token)->count == LocalSocket::Ring::capacity);
    CHECK(w.port.finished.at(late.token).error() == Error::Again);
    w.close(a);
    w.close(b);
}

TEST_CASE("accept and connect wait as long as their socket says; a closed listener is not waited for") {
    TimedSockets w;
    auto const make = [&] { return Vfs::socket_of(w.file(*w.files.create_socket(*w.root, 1))); };
    auto const text = LocalName::address("/l");
    std::span<std::byte const> const address{reinterpret_cast<std::byte const*>(text.data()), text.size()};
    LocalSocket *const listener = make(), *const client = make(), *const late = make();
    CHECK(w.files.bind_socket(*w.root, *listener, address) == Error::None);
    CHECK(w.files.listen_socket(*w.root, *listener, 0) == Error::None);
    CHECK(w.set(listener, receive_old, old_time(1, 0)) == Error::None);
    CHECK(w.set(late, send_old, old_time(1, 0)) == Error::None);
    FakeCaller accepting{"", 0}, connecting{"", 0}, again{"", 0};
    CHECK(w.files.accept_socket(*listener, 0, accepting).error() == Error::Deferred);
    w.pass(1000 * millisecond);
    REQUIRE(w.port.finished_accepts.contains(accepting.token));
    CHECK(w.port.finished_accepts.at(accepting.token).error() == Error::Again);
    FakeCaller now{"", 0};
    CHECK(w.files.connect_socket(*w.root, *client, address, now) == Error::None);
    CHECK(w.files.connect_socket(*w.root, *late, address, connecting) == Error::Deferred);
    w.pass(1000 * millisecond);
    CHECK(w.port.finished_units.at(connecting.token) == Error::Again);
    CHECK(w.files.connect_socket(*w.root, *late, address, again) == Error::Deferred);
    w.close(listener);
    CHECK(w.port.finished_units.at(again.token) == Error::ConnectionRefused);
    w.pass(1000 * millisecond);
    CHECK(w.port.alarm == 0);
    w.close(client);
    w.close(late);
}
