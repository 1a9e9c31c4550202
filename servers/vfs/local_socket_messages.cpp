// What is sent and received through a socket.
#include "local_socket.hpp"
#include "open_file.hpp"
#include <algorithm>

namespace vfs {
namespace {
namespace message_flag = proto::message_flag;
constexpr std::uint32_t readable = poll_event::in | poll_event::read_normal,
                        writes = poll_event::out | poll_event::write_normal;
/// Longest packet, as Linux has it for its default buffer.
constexpr std::uint32_t packet_maximum = LocalSocket::Ring::capacity - 32;
constexpr std::uint32_t control_truncated = 8; // MSG_CTRUNC
} // namespace

Result<Transfer> LocalSocket::read(Caller& caller, bool nonblock) {
    auto const got = receive(caller, caller.write_length, 0, nonblock, Style::Plain);
    if (!got) { return fail(got.error()); }
    return got->transfer;
}

Result<Transfer> LocalSocket::write(Caller& caller, bool nonblock) {
    Outgoing message;
    message.length = caller.read_length;
    message.nonblock = nonblock;
    message.who = file->identity();
    return send(caller, std::move(message), nullptr);
}

bool LocalSocket::admits(LocalSocket const& from, std::uint32_t rest) const {
    if (is_stream()) { return ring_.room() != 0 && messages_.size() < message_maximum; }
    std::uint32_t const most = type == Type::Datagram && peer_ != &from ? stranger_maximum : message_maximum;
    return messages_.size() < most && (ring_.room() >= rest || (messages_.empty() && rest > ring_.room()));
}

template <class CopyIn>
Transfer LocalSocket::admit(LocalSocket& from, Outgoing& message, std::uint32_t done, CopyIn copy_in) {
    std::uint32_t const rest = message.length - done;
    Transfer part = ring_.fill(is_stream() ? std::min(rest, ring_.room()) : rest, copy_in);
    if (is_packet() && part.count < rest) { // whole or not at all
        ring_.unfill(part.count);
        part.count = 0;
        return part;
    }
    if (is_stream() && part.count == 0) { return part; }
    bool const joins = is_stream() && !message.parcel && !messages_.empty() && !messages_.back().parcel &&
                       messages_.back().shown == message.shown && messages_.back().who == message.who;
    if (joins) {
        messages_.back().length += part.count;
    } else {
        if (message.parcel) { message.parcel->sent = true; }
        messages_.push({part.count, message.shown, message.who, std::exchange(message.parcel, {}),
                        is_stream() ? std::string{} : from.name});
    }
    return part;
}

Result<Transfer> LocalSocket::send(Caller& caller, Outgoing message, LocalSocket* to) {
    if (to == nullptr) { to = peer_; }
    if (connects()) {
        if (state != State::Connected) { return fail(Error::NotConnected); }
        if ((shut_ & 2) != 0 || to == nullptr || !to->receives()) { return fail(broken_pipe()); }
        if (error_ != Error::None) { return fail(take_error()); }
    } else {
        if (to == nullptr) {
            if (peer_left_) {
                peer_left_ = false;
                state = State::Unconnected;
                return fail(Error::ConnectionRefused);
            }
            return fail(Error::NotConnected);
        }
        if ((shut_ & 2) != 0 || !to->receives()) { return fail(broken_pipe()); }
        if (to->peer_ != nullptr && to->peer_ != this) { return fail(Error::NotPermitted); }
    }
    if (is_packet() && message.length > packet_maximum) { return fail(Error::MessageTooLong); }
    if (is_stream() && message.length == 0) { return Transfer{}; }
    if (!message.shown && (to->passes_credentials || passes_credentials)) { return fail(Error::Elsewhere); }
    Ref<LocalSocket> const hold{to};
    if (!to->writers_.empty()) {
        to->writers_.erase_if([&](Writer const& writer) {
            bool const gone = !host_.port().waiting(writer.waiter);
            if (gone) { host_.port().discard(writer.waiter); }
            return gone;
        });
    }
    Transfer total{};
    if (to->writers_.empty() && to->admits(*this, message.length)) {
        total = to->admit(*this, message, 0, [&](std::uint32_t offset, std::span<std::byte> target) {
            return caller.copy_in(offset, target);
        });
        if (total.fault == 0 && is_packet() && total.count < message.length) { return fail(Error::NoBufferSpace); }
        if (total.fault == 0 || total.count != 0) {
            to->serve_readers();
            to->announce(readable);
        }
        if (total.fault != 0 || total.count == message.length) { return total; }
    }
    if (message.nonblock) {
        if (total.count == 0) { return fail(Error::Again); }
        return total;
    }
    to->writers_.push(
        {caller.defer(), Ref<LocalSocket>{this}, std::move(message), total.count, to->wait_begins(times.send)});
    return fail(Error::Deferred);
}

template <class CopyOut>
Incoming LocalSocket::give_stream(std::uint32_t length, bool peek, CopyOut copy_out) {
    Incoming got;
    std::uint32_t start = 0;
    std::size_t index = 0;
    got.who = messages_.front().who;
    bool const shown = messages_.front().shown;
    if (!shown) { got.who = {}; }
    while (got.transfer.count < length && index < messages_.size()) {
        Message& first = messages_[index];
        if (passes_credentials && (first.shown != shown || (shown && first.who != got.who))) {
            break;
        } // writers are kept apart
        std::uint32_t const wanted = std::min(length - got.transfer.count, first.length), base = got.transfer.count;
        Transfer const part = ring_.show(start, wanted, [&](std::uint32_t offset, std::span<std::byte const> source) {
            return copy_out(base + offset, source);
        });
        got.transfer.count += part.count;
        got.transfer.fault = part.fault;
        bool const with_parcel = first.parcel && part.count != 0;
        if (with_parcel) { got.parcel = peek ? first.parcel : std::exchange(first.parcel, {}); }
        if (peek) {
            start += part.count;
            ++index;
        } else {
            ring_.consume(part.count);
            first.length -= part.count;
            if (first.length == 0) { static_cast<void>(messages_.pop()); }
        }
        if (part.count < wanted || with_parcel) { break; }
    }
    got.length = got.transfer.count;
    return got;
}

template <class CopyOut>
Incoming LocalSocket::give(std::uint32_t length, std::uint32_t flags, std::uint32_t done, CopyOut copy_out) {
    bool const peek = (flags & message_flag::peek) != 0;
    auto const at = [&](std::uint32_t offset, std::span<std::byte const> source) {
        return copy_out(done + offset, source);
    };
    if (is_stream()) {
        Incoming got = give_stream(length, peek, at);
        got.from = peer_name;
        return got;
    }
    Message& first = messages_.front();
    Incoming got;
    std::uint32_t const wanted = std::min(length, first.length);
    got.transfer = ring_.show(0, wanted, at);
    got.length = first.length;
    got.from = first.from;
    if (first.shown) { got.who = first.who; }
    if (wanted < first.length) { got.flags |= message_flag::truncate; }
    if (got.transfer.count < wanted) { // a page is missing: it stays whole
        got.transfer.count = 0;
        return got;
    }
    if (peek) {
        got.parcel = first.parcel;
        return got;
    }
    ring_.consume(first.length);
    got.parcel = std::move(messages_.pop().parcel);
    return got;
}

Result<Incoming> LocalSocket::ended(bool& known) {
    known = true;
    if (error_ != Error::None) { return fail(take_error()); }
    if (!receives()) { return Incoming{}; }
    known = false;
    return Incoming{};
}

Result<Incoming> LocalSocket::receive(Caller& caller, std::uint32_t length, std::uint32_t flags, bool nonblock,
                                      Style style) {
    if ((flags & message_flag::out_of_band) != 0) { return fail(Error::NotSupported); }
    if (connects() && state != State::Connected) { return fail(is_stream() ? Error::Invalid : Error::NotConnected); }
    if (is_stream() && length == 0) { return Incoming{}; }
    Ref<LocalSocket> const self{this};
    Reader reader{{}, length, 0, flags, style, proto::SocketTimes::for_ever};
    if (!messages_.empty()) {
        Incoming got = give(length, flags, 0, [&](std::uint32_t offset, std::span<std::byte const> source) {
            return caller.copy_out(offset, source);
        });
        if ((flags & message_flag::peek) == 0) { drained(); }
        bool const enough = got.transfer.count == length || got.transfer.fault != 0 || got.parcel || !is_stream() ||
                            nonblock || (flags & message_flag::wait_all) == 0 || (flags & message_flag::peek) != 0;
        if (enough) {
            if (got.parcel && style == Style::Message) { got.parcel_slot = host_.hand_out(got.parcel); }
            if (got.parcel && got.parcel_slot == 0) { got.flags |= control_truncated; }
            got.wants_identity = passes_credentials;
            return got;
        }
        reader.done = got.transfer.count;
    }
    bool known = false;
    auto result = ended(known);
    if (known) {
        if (result) { result->transfer.count = reader.done; }
        return result;
    }
    if (nonblock) { return fail(Error::Again); }
    readers_.erase_if([&](Reader const& old) {
        bool const gone = !host_.port().waiting(old.waiter);
        if (gone) { host_.port().discard(old.waiter); }
        return gone;
    });
    reader.waiter = caller.defer();
    reader.deadline = wait_begins(times.receive);
    readers_.push(reader);
    if (!messages_.empty()) { serve_readers(); } // a writer that waited has filled up again
    return fail(Error::Deferred);
}

void LocalSocket::finish(Reader const& reader, Result<Incoming> result) {
    Port& port = host_.port();
    if (reader.style == Style::Plain) {
        port.finish_transfer(reader.waiter, result ? Result<Transfer>{result->transfer} : fail(result.error()));
        return;
    }
    if (result) {
        if (result->parcel && reader.style == Style::Message) { result->parcel_slot = host_.hand_out(result->parcel); }
        if (result->parcel && result->parcel_slot == 0) { result->flags |= control_truncated; }
        result->wants_identity = passes_credentials;
        result->reader = file != nullptr ? &file->opener : nullptr;
    }
    Slot const parcel = result ? result->parcel_slot : 0;
    port.finish_incoming(reader.waiter, result, reader.style == Style::Message);
    if (parcel != 0) { port.drop(parcel); }
}

void LocalSocket::serve_readers() {
    bool took = false;
    std::uint32_t const before = ring_.used();
    while (!readers_.empty() && !messages_.empty()) {
        Reader& reader = readers_.front();
        Port& port = host_.port();
        if (!port.waiting(reader.waiter)) {
            port.discard(readers_.pop().waiter);
            continue;
        }
        Incoming got = give(reader.length - reader.done, reader.flags, reader.done,
                            [&](std::uint32_t offset, std::span<std::byte const> source) {
                                return port.copy_out(reader.waiter, offset, source);
                            });
        took = took || (reader.flags & message_flag::peek) == 0;
        reader.done += got.transfer.count;
        bool const all =
            (reader.flags & message_flag::wait_all) != 0 && is_stream() && (reader.flags & message_flag::peek) == 0;
        if (all && reader.done < reader.length && got.transfer.fault == 0 && !got.parcel) { break; }
        got.transfer.count = reader.done;
        finish(readers_.pop(), std::move(got));
    }
    if (!took || ring_.used() == before) { return; }
    drained();
    if (!readers_.empty() && !messages_.empty()) { serve_readers(); }
}

void LocalSocket::serve_writers() {
    while (!writers_.empty()) {
        Writer& writer = writers_.front();
        Port& port = host_.port();
        if (!port.waiting(writer.waiter)) {
            port.discard(writers_.pop().waiter);
            continue;
        }
        if (!admits(*writer.from, writer.message.length - writer.done)) { return; }
        Transfer const part =
            admit(*writer.from, writer.message, writer.done, [&](std::uint32_t offset, std::span<std::byte> target) {
                return port.copy_in(writer.waiter, writer.done + offset, target);
            });
        writer.done += part.count;
        if (part.fault == 0 && writer.done < writer.message.length) {
            if (part.count != 0) { continue; }
            if (!messages_.empty()) { return; } // no memory: later
            host_.port().finish_transfer(writers_.pop().waiter, fail(Error::NoBufferSpace));
            continue;
        }
        Writer const done = writers_.pop();
        port.finish_transfer(done.waiter, Transfer{done.done, part.fault});
        announce(readable);
    }
}

void LocalSocket::drained() {
    bool const had_writers = !writers_.empty();
    if (had_writers) { serve_writers(); }
    for (LocalSocket* sender : senders_) {
        if (sender->writable()) { sender->announce(writes); }
    }
}

} // namespace vfs
