// What has a time at which something is to be done: timers, calls that wait no longer than they were told.
#pragma once
#include "port.hpp"
#include <vector>

namespace vfs {

/// All times are nanoseconds since boot.
class Timed {
public:
    [[nodiscard]] virtual std::uint64_t deadline() const = 0;
    /// Its time has come; it is not in the queue any more.
    virtual void expire(std::uint64_t now) = 0;

protected:
    ~Timed() = default;
};

/// All that are waited for; the port's alarm is set for the first.
class TimerQueue {
public:
    explicit TimerQueue(Port& port) : port_{port} {}
    /// Not in it yet. Its deadline stays as it is until it is removed.
    void insert(Timed& timed);
    /// No effect if it is not in it.
    void remove(Timed& timed);
    /// The alarm went off.
    void due();

private:
    void set_alarm();
    Port& port_;
    std::vector<Timed*> waiting_;
    std::uint64_t alarm_ = 0;
};

} // namespace vfs
