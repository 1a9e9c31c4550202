#include "pipe.hpp"
#include "open_file.hpp"
#include <algorithm>
#include <cstring>

namespace vfs {

Pipe::~Pipe() {
    for (Waiting const& waiting : reading_) { port_.discard(waiting.waiter); }
    for (Waiting const& waiting : writing_) { port_.discard(waiting.waiter); }
    for (Opening const& opening : opening_) { port_.discard(opening.waiter); }
}

void Pipe::purge(std::deque<Waiting>& queue) {
    std::erase_if(queue, [&](Waiting const& waiting) {
        bool const gone = !port_.waiting(waiting.waiter);
        if (gone) { port_.discard(waiting.waiter); }
        return gone;
    });
}

Result<Transfer> Pipe::read(Caller& caller, std::uint32_t length, bool nonblock) {
    if (length == 0) { return Transfer{}; }
    if (ring_.used() == 0 && !writing_.empty()) { take_from_writers(); }
    if (ring_.used() == 0) {
        if (writers_ == 0) { return Transfer{}; }
        if (nonblock) { return fail(Error::Again); }
        if (!reading_.empty()) { purge(reading_); }
        reading_.push_back({caller.defer(), length, 0});
        return fail(Error::Deferred);
    }
    bool const was_writable = poll_writer() != 0;
    Transfer const total =
        ring_.show(0, std::min(length, ring_.used()), [&](std::uint32_t offset, std::span<std::byte const> piece) {
            return caller.copy_out(offset, piece);
        });
    if (total.count != 0) {
        ring_.consume(total.count);
        std::uint32_t const left = ring_.used();
        if (!writing_.empty()) { take_from_writers(); }
        if (ring_.used() > left) { tell_readers(); }
        if (!was_writable && poll_writer() != 0) { tell_writers(); }
    }
    return total;
}

void Pipe::take_from_writers() {
    while (!writing_.empty()) {
        Waiting& first = writing_.front();
        if (!port_.waiting(first.waiter)) {
            port_.discard(first.waiter);
            writing_.pop_front();
            continue;
        }
        std::uint32_t const rest = first.length - first.done;
        if (ring_.room() == 0 || (first.length <= atomic && ring_.room() < rest)) { return; }
        Transfer const part =
            ring_.fill(std::min(rest, ring_.room()), [&](std::uint32_t offset, std::span<std::byte> target) {
                return port_.copy_in(first.waiter, first.done + offset, target);
            });
        first.done += part.count;
        if (first.done < first.length && part.fault == 0) { return; } // full
        port_.finish_transfer(first.waiter, Transfer{first.done, part.fault});
        writing_.pop_front();
    }
}

Transfer Pipe::hand_over(Caller& caller, std::uint32_t length) {
    static std::array<std::byte, 4096> bounce;
    Transfer total{};
    while (!reading_.empty() && total.count < length) {
        Waiting const reader = reading_.front();
        std::uint32_t given = 0;
        abi::Address fault = 0;
        bool gone = false;
        while (given < reader.length && total.count < length) {
            std::uint32_t const wanted =
                std::min({reader.length - given, length - total.count, static_cast<std::uint32_t>(bounce.size())});
            Transfer const in = caller.copy_in(total.count, std::span{bounce}.first(wanted));
            Transfer const out =
                in.count != 0 ? port_.copy_out(reader.waiter, given, std::span{bounce}.first(in.count)) : Transfer{};
            given += out.count;
            total.count += out.count;
            if (out.count < in.count) {
                fault = out.fault;
                gone = out.fault == 0;
                break;
            }
            if (in.count < wanted) {
                total.fault = in.fault;
                break;
            }
        }
        if (gone || (given == 0 && fault == 0 && total.fault == 0)) {
            if (given == 0 || !port_.waiting(reader.waiter)) {
                // It was interrupted. What was copied to it meanwhile cannot have been more than this round's bytes.
                total.count -= given;
                port_.discard(reader.waiter);
                reading_.pop_front();
                continue;
            }
        }
        if (given != 0 || fault != 0) {
            port_.finish_transfer(reader.waiter, Transfer{given, fault});
            reading_.pop_front();
        }
        if (total.fault != 0) { break; }
    }
    return total;
}

Result<Transfer> Pipe::write(Caller& caller, std::uint32_t length, bool nonblock) {
    if (readers_ == 0) { return fail(Error::BrokenPipe); }
    if (length == 0) { return Transfer{}; }
    Transfer total{};
    if (!reading_.empty()) { // then nothing is in the ring
        total = hand_over(caller, length);
        if (total.fault != 0 || total.count == length) { return total; }
    }
    if (!writing_.empty()) { purge(writing_); }
    std::uint32_t const rest = length - total.count;
    bool const whole = length <= atomic;
    if (writing_.empty() && !(whole && ring_.room() < rest) && ring_.room() != 0) {
        Transfer const part =
            ring_.fill(std::min(rest, ring_.room()), [&](std::uint32_t offset, std::span<std::byte> target) {
                return caller.copy_in(total.count + offset, target);
            });
        total.count += part.count;
        total.fault = part.fault;
        if (part.count != 0) { tell_readers(); }
        if (total.fault != 0 || total.count == length) { return total; }
    }
    if (nonblock) {
        if (total.count == 0) { return fail(Error::Again); }
        return total;
    }
    writing_.push_back({caller.defer(), length, total.count});
    return fail(Error::Deferred);
}

void Pipe::tell_readers() {
    for (std::size_t i = 0; i < files_.size(); ++i) {
        if (files_[i]->input == this) { files_[i]->tell(port_, poll_event::in | poll_event::read_normal); }
    }
}

void Pipe::tell_writers() {
    for (std::size_t i = 0; i < files_.size(); ++i) {
        if (files_[i]->output == this) { files_[i]->tell(port_, poll_event::out | poll_event::write_normal); }
    }
}

std::uint32_t Pipe::poll_reader() const {
    std::uint32_t events = 0;
    if (ring_.used() != 0 || !writing_.empty()) { events |= poll_event::in | poll_event::read_normal; }
    if (writers_ == 0) { events |= poll_event::hang_up; }
    return events;
}

std::uint32_t Pipe::poll_writer() const {
    if (readers_ == 0) { return poll_event::out | poll_event::write_normal | poll_event::error; }
    return writing_.empty() && capacity - ring_.used() >= atomic ? poll_event::out | poll_event::write_normal : 0;
}

void Pipe::attach(OpenFile* file, bool reads, bool writes) {
    readers_ += reads ? 1 : 0;
    writers_ += writes ? 1 : 0;
    files_.push_back(file);
    for (std::size_t i = 0; i < opening_.size();) {
        Opening const opening = opening_[i];
        if ((opening.for_reader && reads) || (!opening.for_reader && writes) || !port_.waiting(opening.waiter)) {
            opening_.erase(opening_.begin() + static_cast<std::ptrdiff_t>(i));
            if (port_.waiting(opening.waiter)) {
                port_.finish_open(opening.waiter, opening.opened);
            } else {
                port_.discard(opening.waiter);
                abandoned_.push_back(opening.badge);
            }
        } else {
            ++i;
        }
    }
}

void Pipe::wait_for_open(Waiter waiter, Opened opened, bool for_reader, Badge badge) {
    opening_.push_back({waiter, opened, for_reader, badge});
}

std::vector<Badge> Pipe::take_abandoned() {
    std::erase_if(opening_, [&](Opening const& opening) {
        bool const gone = !port_.waiting(opening.waiter);
        if (gone) {
            port_.discard(opening.waiter);
            abandoned_.push_back(opening.badge);
        }
        return gone;
    });
    return std::exchange(abandoned_, {});
}

void Pipe::detach(OpenFile* file, bool reads, bool writes) {
    std::erase(files_, file);
    readers_ -= reads ? 1 : 0;
    writers_ -= writes ? 1 : 0;
    if (reads && readers_ == 0) {
        while (!writing_.empty()) {
            Waiting const writer = writing_.front();
            writing_.pop_front();
            if (writer.done != 0) {
                port_.finish_transfer(writer.waiter, Transfer{writer.done, 0});
            } else {
                port_.finish_transfer(writer.waiter, fail(Error::BrokenPipe));
            }
        }
        // A FIFO that nobody reads or writes any more is empty.
    }
    if (writes && writers_ == 0) {
        while (!reading_.empty()) {
            Waiting const reader = reading_.front();
            reading_.pop_front();
            port_.finish_transfer(reader.waiter, Transfer{});
        }
    }
    if (readers_ == 0 && writers_ == 0) { ring_.consume(ring_.used()); }
    for (std::size_t i = 0; i < files_.size(); ++i) { files_[i]->tell(port_, ~0U); }
}

} // namespace vfs
