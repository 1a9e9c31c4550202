// The queue of everything in proc that waits for a time: a binary heap over the one timer that the clock driver gives.
#pragma once
#include "process.hpp"
#include <vector>

namespace proc {

class TimerQueue {
public:
    /// (Re)arms the timer for that time.
    void arm(Timer& timer, std::uint64_t deadline) {
        cancel(timer);
        timer.deadline = deadline;
        timer.index = static_cast<std::int32_t>(heap_.size());
        heap_.push_back(&timer);
        rise(static_cast<std::size_t>(timer.index));
    }
    void cancel(Timer& timer) {
        if (timer.index < 0) return;
        auto const place = static_cast<std::size_t>(timer.index);
        timer.index = -1;
        Timer* last = heap_.back();
        heap_.pop_back();
        if (last == &timer) return;
        put(place, last);
        rise(place);
        sink(static_cast<std::size_t>(last->index));
    }
    /// Deadline of the first, 0: none.
    [[nodiscard]] std::uint64_t next() const { return heap_.empty() ? 0 : heap_.front()->deadline; }
    /// The first if it is due, taken out; else null.
    Timer* take_due(std::uint64_t now) {
        if (heap_.empty() || heap_.front()->deadline > now) return nullptr;
        Timer* timer = heap_.front();
        cancel(*timer);
        return timer;
    }
    [[nodiscard]] std::size_t size() const { return heap_.size(); }

private:
    void put(std::size_t place, Timer* timer) {
        heap_[place] = timer;
        timer->index = static_cast<std::int32_t>(place);
    }
    void rise(std::size_t place) {
        Timer* timer = heap_[place];
        for (; place > 0 && heap_[(place - 1) / 2]->deadline > timer->deadline; place = (place - 1) / 2)
            put(place, heap_[(place - 1) / 2]);
        put(place, timer);
    }
    void sink(std::size_t place) {
        Timer* timer = heap_[place];
        for (;;) {
            std::size_t child = 2 * place + 1;
            if (child >= heap_.size()) break;
            if (child + 1 < heap_.size() && heap_[child + 1]->deadline < heap_[child]->deadline) ++child;
            if (heap_[child]->deadline >= timer->deadline) break;
            put(place, heap_[child]);
            place = child;
        }
        put(place, timer);
    }
    std::vector<Timer*> heap_;
};

} // namespace proc
