#include "shaper.hpp"
#include <algorithm>

namespace netstack {

namespace {
constexpr std::int64_t unit = 1000000; ///< of a byte, in tokens_
}

std::uint32_t TokenBucket::default_burst(std::uint32_t rate) {
    constexpr std::uint32_t longest_frame = 20000;
    return std::max(rate / 10, longest_frame);
}

bool TokenBucket::take(std::uint32_t bytes, std::uint32_t rate, std::uint32_t burst, std::uint64_t now) {
    if (burst == 0) { burst = default_burst(rate); }
    auto const full = std::int64_t{burst} * unit;
    if (!started_) {
        started_ = true;
        tokens_ = full;
        filled_ = now;
    }
    // At most an hour at a time, which fills any bucket that can be told from none.
    auto const microseconds = std::min<std::uint64_t>((now - filled_) / 1000, 3600000000U);
    filled_ = microseconds < 3600000000U ? filled_ + microseconds * 1000 : now;
    tokens_ = std::min(full, tokens_ + static_cast<std::int64_t>(microseconds) * rate);
    if (tokens_ < std::int64_t{std::min(bytes, burst)} * unit) { return false; }
    tokens_ -= std::int64_t{bytes} * unit;
    return true;
}

std::uint64_t TokenBucket::wait(std::uint32_t bytes, std::uint32_t rate, std::uint32_t burst) const {
    if (burst == 0) { burst = default_burst(rate); }
    auto const missing = std::int64_t{std::min(bytes, burst)} * unit - tokens_;
    if (missing <= 0 || rate == 0) { return 1; }
    return (static_cast<std::uint64_t>(missing) / rate + 1) * 1000;
}

Shaper::~Shaper() {
    for (auto* const frame : frames_) { pbuf_free(frame); }
}

bool Shaper::pass(std::uint32_t bytes, std::uint32_t rate, std::uint32_t burst, std::uint64_t now) {
    return frames_.empty() && bucket_.take(bytes, rate, burst, now);
}

bool Shaper::keep(pbuf* frame) {
    if (frames_.size() >= frames_maximum || bytes_ + frame->tot_len > bytes_maximum) { return false; }
    bytes_ += frame->tot_len;
    frames_.push_back(frame);
    return true;
}

pbuf* Shaper::next(std::uint32_t rate, std::uint32_t burst, std::uint64_t now) {
    if (frames_.empty() || (rate != 0 && !bucket_.take(frames_.front()->tot_len, rate, burst, now))) { return nullptr; }
    auto* const frame = frames_.front();
    frames_.pop_front();
    bytes_ -= frame->tot_len;
    return frame;
}

std::uint64_t Shaper::wait(std::uint32_t rate, std::uint32_t burst) const {
    return frames_.empty() ? 0 : bucket_.wait(frames_.front()->tot_len, rate, burst);
}

} // namespace netstack
