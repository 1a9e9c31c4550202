#include "timer_queue.hpp"
#include <algorithm>

namespace vfs {

void TimerQueue::set_alarm() {
    std::uint64_t first = 0;
    for (Timed const* timed : waiting_) {
        if (first == 0 || timed->deadline() < first) { first = timed->deadline(); }
    }
    if (first == alarm_) { return; }
    alarm_ = first;
    port_.set_alarm(first);
}

void TimerQueue::insert(Timed& timed) {
    waiting_.push_back(&timed);
    set_alarm();
}

void TimerQueue::remove(Timed& timed) {
    if (std::erase(waiting_, &timed) != 0) { set_alarm(); }
}

void TimerQueue::due() {
    std::uint64_t const now = port_.since_boot();
    // One at a time: what one does may end another.
    for (;;) {
        auto const found = std::find_if(waiting_.begin(), waiting_.end(),
                                        [&](Timed const* timed) { return timed->deadline() <= now; });
        if (found == waiting_.end()) { break; }
        Timed* const timed = *found;
        waiting_.erase(found);
        timed->expire(now);
    }
    alarm_ = 0; // it has gone off, perhaps too early
    set_alarm();
}

} // namespace vfs
