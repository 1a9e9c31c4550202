// A socket's life: joining, readiness, shutdown, end. Its messages are in local_socket_messages.cpp.
#include "local_socket.hpp"
#include "open_file.hpp"
#include <algorithm>

namespace vfs {
namespace {
constexpr std::uint32_t readable = poll_event::in | poll_event::read_normal,
                        writes = poll_event::out | poll_event::write_normal;
constexpr std::uint32_t ended_events =
    readable | writes | poll_event::hang_up | poll_event::read_hang_up | poll_event::error;
} // namespace

LocalSocket::LocalSocket(Host& host, Type type_, Ref<QuotaDomain> domain)
    : type{type_}, host_{host}, ring_{host.pages(), std::move(domain)} {
    host.socket_made(*this);
}

LocalSocket::~LocalSocket() {
    if (!closed_) { closed(); }
    host_.socket_ended(*this);
}

void LocalSocket::join(LocalSocket& one, LocalSocket& other) {
    for (auto const& [self, peer] : {std::pair{&one, &other}, std::pair{&other, &one}}) {
        self->set_peer(peer);
        self->state = State::Connected;
        self->peer_name = peer->name;
    }
}

void LocalSocket::set_peer(LocalSocket* other) {
    if (peer_ != nullptr) { std::erase(peer_->senders_, this); }
    peer_ = other;
    peer_left_ = false;
    if (other != nullptr) { other->senders_.push_back(this); }
}

bool LocalSocket::writable() const {
    if (state == State::Listening) { return false; }
    if (peer_ == nullptr || (shut_ & 2) != 0) { return true; }
    return peer_->ring_.used() * 4 <= Ring::capacity && (is_stream() || peer_->admits(*this, 0)) &&
           peer_->writers_.empty();
}

std::uint32_t LocalSocket::poll() const {
    std::uint32_t events = 0;
    if (error_ != Error::None) { events |= poll_event::error; }
    if (shut_ == 3) { events |= poll_event::hang_up; }
    if (!receives()) { events |= readable | poll_event::read_hang_up; }
    if (!messages_.empty() || !backlog.empty()) { events |= readable; }
    if (connects() && state == State::Unconnected) { events |= poll_event::hang_up; }
    if (writable()) { events |= writes; }
    return events;
}

Result<std::uint32_t> LocalSocket::control(std::uint32_t request, Caller& caller) {
    constexpr std::uint32_t waiting_input = 0x541B, waiting_output = 0x5411; // SIOCINQ, SIOCOUTQ
    std::uint32_t value = 0;
    switch (request) {
    case waiting_input:
        if (state == State::Listening) { return fail(Error::Invalid); }
        value = is_stream() ? ring_.used() : messages_.empty() ? 0 : messages_.front().length;
        break;
    case waiting_output: value = peer_ != nullptr ? peer_->ring_.used() : 0; break;
    default: return fail(Error::NotTerminal);
    }
    if (caller.copy_out(0, std::as_bytes(std::span{&value, 1})).count < sizeof value) { return fail(Error::Fault); }
    return 0;
}

Error LocalSocket::shutdown(std::uint32_t how) {
    if (how > 2) { return Error::Invalid; }
    constexpr std::uint8_t bits[] = {1, 2, 3}, mirrored[] = {2, 1, 3};
    Ref<LocalSocket> const self{this}, other{connects() ? peer_ : nullptr};
    auto const stop = [](LocalSocket& socket, std::uint8_t which) {
        socket.shut_ |= which;
        if ((which & 1) != 0) {
            socket.end_readers();
            socket.end_writers(socket.broken_pipe());
        }
    };
    stop(*this, bits[how]);
    if (other) {
        stop(*other, mirrored[how]);
        other->announce(ended_events);
    }
    announce(ended_events);
    return Error::None;
}

void LocalSocket::end_readers() {
    if (!messages_.empty() || readers_.empty()) { return; }
    for (Reader const& reader : readers_.take_all()) {
        bool known = false;
        auto result = ended(known);
        if (reader.done != 0) {
            result = Incoming{};
            result->transfer.count = reader.done;
        }
        finish(reader, known || reader.done != 0 ? std::move(result) : Result<Incoming>{Incoming{}});
    }
}

void LocalSocket::end_writers(Error error) {
    for (Writer const& writer : writers_.take_all()) {
        host_.port().finish_transfer(writer.waiter,
                                     writer.done != 0 ? Result<Transfer>{Transfer{writer.done, 0}} : fail(error));
    }
}

std::uint64_t LocalSocket::wait_begins(std::uint64_t time) {
    if (time == proto::SocketTimes::for_ever) { return time; }
    auto const ends = host_.port().since_boot() + time;
    if (ends < deadline_) {
        host_.timers().remove(*this);
        deadline_ = ends;
        host_.timers().insert(*this);
    }
    return ends;
}

void LocalSocket::expire(std::uint64_t now) {
    Ref<LocalSocket> const self{this};
    Port& port = host_.port();
    deadline_ = proto::SocketTimes::for_ever;
    // What a call has moved so far is what it gives; a call that has moved nothing gives EAGAIN (socket(7)).
    auto const end = [&](auto& queue, auto give) {
        auto waiting = queue.take_all(); // outlives the answers: it may hold the last references to other sockets
        for (auto& call : waiting) {
            if (call.deadline <= now) {
                give(call);
            } else {
                deadline_ = std::min(deadline_, call.deadline);
                queue.push(std::move(call));
            }
        }
    };
    end(readers_, [&](Reader const& reader) {
        Incoming part;
        part.transfer.count = reader.done;
        finish(reader, reader.done != 0 ? Result<Incoming>{std::move(part)} : fail(Error::Again));
    });
    end(writers_, [&](Writer const& writer) {
        port.finish_transfer(writer.waiter,
                             writer.done != 0 ? Result<Transfer>{Transfer{writer.done, 0}} : fail(Error::Again));
    });
    end(accepters, [&](Accepter const& accepter) { port.finish_accept(accepter.waiter, fail(Error::Again)); });
    end(connecters, [&](Connecter const& connecter) { port.finish_unit(connecter.waiter, Error::Again); });
    if (deadline_ != proto::SocketTimes::for_ever) { host_.timers().insert(*this); }
}

void LocalSocket::drop_messages() {
    ring_.consume(ring_.used());
    for (Message const& message : messages_.take_all()) { static_cast<void>(message); }
}

void LocalSocket::closed() {
    if (closed_) { return; }
    closed_ = true;
    file = nullptr;
    host_.timers().remove(*this);
    // Everything that is let go below may hold the last reference to this one or to another socket.
    Ref<LocalSocket> const other{connects() ? peer_ : nullptr};
    bool const unread = !messages_.empty();
    host_.unname(*this);
    shut_ = 3;
    Port& port = host_.port();
    for (Accepter const& accepter : accepters.take_all()) { port.discard(accepter.waiter); }
    for (Connecter const& connecter : connecters.take_all()) {
        port.finish_unit(connecter.waiter, Error::ConnectionRefused);
    }
    for (Ref<LocalSocket> const& waiting : backlog.take_all()) {
        if (LocalSocket* const client = waiting->peer_) { client->error_ = Error::ConnectionReset; }
        waiting->closed();
    }
    for (Reader const& reader : readers_.take_all()) { port.discard(reader.waiter); }
    end_writers(connects() ? broken_pipe() : Error::ConnectionRefused);
    set_peer(nullptr);
    for (LocalSocket* sender : std::exchange(senders_, {})) {
        sender->peer_ = nullptr;
        sender->peer_left_ = true;
        if (!connects()) { sender->announce(writes); }
    }
    drop_messages();
    if (other) {
        if (unread && other->error_ == Error::None) { other->error_ = Error::ConnectionReset; }
        other->shut_ = 3;
        other->end_readers();
        other->end_writers(broken_pipe());
        other->announce(ended_events);
    }
}

} // namespace vfs
