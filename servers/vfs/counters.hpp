// eventfd(2) and timerfd_create(2): files that count, and are read 8 bytes at a time.
#pragma once
#include "fifo.hpp"
#include "proto/event_set.hpp"
#include "special_file.hpp"
#include "timer_queue.hpp"

namespace vfs {

/// A read takes the count, and waits for one.
class Counter : public SpecialFile {
public:
    Result<Transfer> read(Caller& caller, bool nonblock) override;
    void closed() override;

protected:
    explicit Counter(Port& port) : port_{port} {}
    /// What a read takes now; 0: it waits.
    virtual std::uint64_t take() = 0;
    virtual void give_back(std::uint64_t count) = 0;
    virtual void taken() {}
    void serve_readers();
    Port& port_;

private:
    Fifo<Waiter> readers_;
};

class EventFile final : public Counter {
public:
    EventFile(Port& port, std::uint64_t count, bool semaphore) : Counter{port}, count_{count}, semaphore_{semaphore} {}
    Result<Transfer> write(Caller& caller, bool nonblock) override;
    [[nodiscard]] std::uint32_t poll() const override;
    [[nodiscard]] proto::FileKind protocol_kind() const override { return proto::FileKind::Event; }
    void closed() override;

private:
    struct Writer {
        Waiter waiter;
        std::uint64_t value;
    };
    static constexpr std::uint64_t maximum = ~std::uint64_t{0} - 1;
    std::uint64_t take() override;
    void give_back(std::uint64_t count) override { count_ += count; }
    void taken() override;
    std::uint64_t count_;
    bool const semaphore_;
    Fifo<Writer> writers_;
};

/// One that repeats stands still from its time until it is read or looked at, and then counts what it missed: however short its
/// interval, nobody is kept busy by it.
class TimerFile final : public Counter, public Timed {
public:
    TimerFile(Port& port, TimerQueue& queue, std::uint32_t clock_number)
        : Counter{port}, clock{clock_number}, queue_{queue} {}
    Result<Transfer> write(Caller&, bool) override { return fail(Error::Invalid); }
    [[nodiscard]] std::uint32_t poll() const override;
    [[nodiscard]] proto::FileKind protocol_kind() const override { return proto::FileKind::Timer; }
    void closed() override;
    /// As proto::Timer.
    proto::TimerValue set(bool absolute, proto::TimerValue const& value);
    [[nodiscard]] proto::TimerValue get();
    [[nodiscard]] std::uint64_t deadline() const override { return deadline_; }
    void expire(std::uint64_t now) override;

    std::uint32_t const clock; ///< as timerfd_create(2) was told

private:
    std::uint64_t take() override;
    void give_back(std::uint64_t count) override { ticks_ += count; }
    /// Counts what has passed since it expired, and runs on.
    void catch_up();
    TimerQueue& queue_;
    std::uint64_t deadline_ = 0, interval_ = 0, ticks_ = 0; ///< deadline since boot, 0: none
    bool expired_ = false;                                  ///< it repeats, and stands still
};

} // namespace vfs
