#include "counters.hpp"
#include "open_file.hpp"
#include <algorithm>

namespace vfs {
namespace {
constexpr std::uint32_t readable = poll_event::in | poll_event::read_normal,
                        writes = poll_event::out | poll_event::write_normal;
} // namespace

Result<Transfer> Counter::read(Caller& caller, bool nonblock) {
    if (caller.write_length < sizeof(std::uint64_t)) { return fail(Error::Invalid); }
    std::uint64_t const count = take();
    if (count == 0) {
        if (nonblock) { return fail(Error::Again); }
        readers_.erase_if([&](Waiter const& waiter) {
            bool const gone = !port_.waiting(waiter);
            if (gone) { port_.discard(waiter); }
            return gone;
        });
        readers_.push(caller.defer());
        return fail(Error::Deferred);
    }
    Transfer out = caller.copy_out(0, std::as_bytes(std::span{&count, 1}));
    if (out.count < sizeof count) {
        give_back(count);
        out.count = 0;
    } else {
        taken();
    }
    return out;
}

void Counter::serve_readers() {
    while (!readers_.empty()) {
        Waiter const waiter = readers_.front();
        if (!port_.waiting(waiter)) {
            port_.discard(readers_.pop());
            continue;
        }
        std::uint64_t const count = take();
        if (count == 0) { return; }
        Transfer out = port_.copy_out(waiter, 0, std::as_bytes(std::span{&count, 1}));
        if (out.count < sizeof count) {
            give_back(count);
            out.count = 0;
        }
        static_cast<void>(readers_.pop());
        port_.finish_transfer(waiter, out);
        if (out.count != 0) { taken(); }
    }
}

void Counter::closed() {
    for (Waiter const& waiter : readers_.take_all()) { port_.discard(waiter); }
}

std::uint64_t EventFile::take() {
    std::uint64_t const taken = semaphore_ ? std::min<std::uint64_t>(count_, 1) : count_;
    count_ -= taken;
    return taken;
}

void EventFile::taken() {
    while (!writers_.empty() &&
           (!port_.waiting(writers_.front().waiter) || writers_.front().value <= maximum - count_)) {
        Writer const writer = writers_.pop();
        if (!port_.waiting(writer.waiter)) {
            port_.discard(writer.waiter);
            continue;
        }
        count_ += writer.value;
        port_.finish_transfer(writer.waiter, Transfer{sizeof writer.value, 0});
        tell(port_, readable);
    }
    if (count_ < maximum) { tell(port_, writes); }
}

Result<Transfer> EventFile::write(Caller& caller, bool nonblock) {
    std::uint64_t value = 0;
    if (caller.read_length < sizeof value) { return fail(Error::Invalid); }
    Transfer const in = caller.copy_in(0, std::as_writable_bytes(std::span{&value, 1}));
    if (in.count < sizeof value) { return Transfer{0, in.fault}; }
    if (value == ~std::uint64_t{0}) { return fail(Error::Invalid); }
    if (value > maximum - count_) {
        if (nonblock) { return fail(Error::Again); }
        writers_.push({caller.defer(), value});
        return fail(Error::Deferred);
    }
    count_ += value;
    if (value != 0) {
        serve_readers();
        tell(port_, readable);
    }
    return in;
}

std::uint32_t EventFile::poll() const { return (count_ != 0 ? readable : 0) | (count_ < maximum ? writes : 0); }

void EventFile::closed() {
    Counter::closed();
    for (Writer const& writer : writers_.take_all()) { port_.discard(writer.waiter); }
}

void TimerFile::expire(std::uint64_t) {
    ++ticks_;
    expired_ = interval_ != 0;
    if (!expired_) { deadline_ = 0; }
    serve_readers();
    if (ticks_ != 0) { tell(port_, readable); }
}

void TimerFile::catch_up() {
    if (!std::exchange(expired_, false)) { return; }
    std::uint64_t const passed = (port_.since_boot() - deadline_) / interval_; // beside the one that is counted
    ticks_ += passed;
    deadline_ += (passed + 1) * interval_;
    queue_.insert(*this);
}

std::uint64_t TimerFile::take() {
    catch_up();
    return std::exchange(ticks_, 0);
}

std::uint32_t TimerFile::poll() const { return ticks_ != 0 ? readable : 0; }

void TimerFile::closed() {
    queue_.remove(*this);
    Counter::closed();
}

proto::TimerValue TimerFile::get() {
    catch_up();
    std::uint64_t const now = port_.since_boot();
    return {interval_, deadline_ == 0 ? 0 : deadline_ > now ? deadline_ - now : 1};
}

proto::TimerValue TimerFile::set(bool absolute, proto::TimerValue const& value) {
    constexpr std::uint64_t longest = std::uint64_t{1} << 62;
    proto::TimerValue const old = get();
    queue_.remove(*this);
    ticks_ = 0;
    interval_ = std::min(value.interval, longest);
    deadline_ = 0;
    if (value.value != 0) {
        std::uint64_t const wanted = std::min(value.value, longest);
        deadline_ = absolute ? wanted : port_.since_boot() + wanted;
        queue_.insert(*this);
    }
    return old;
}

} // namespace vfs
