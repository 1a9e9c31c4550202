// A device's rate limit: a token bucket, and the frames that wait for it.
#pragma once
#include "lwip/pbuf.h"
#include <cstdint>
#include <deque>

namespace netstack {

/// Bytes that may be sent: `rate` a second, at most `burst` at once. Time in nanoseconds. A frame longer than the burst may go when
/// the bucket is full, and is paid for afterwards.
class TokenBucket {
public:
    /// False: not now.
    bool take(std::uint32_t bytes, std::uint32_t rate, std::uint32_t burst, std::uint64_t now);
    /// Nanoseconds until take() of as many may succeed, counted from the last take(), if nothing else is taken.
    [[nodiscard]] std::uint64_t wait(std::uint32_t bytes, std::uint32_t rate, std::uint32_t burst) const;
    /// What a rate's burst is if nobody says: a tenth of a second of it, and never less than one frame.
    static std::uint32_t default_burst(std::uint32_t rate);

private:
    std::int64_t tokens_ = 0; ///< millionths of a byte
    std::uint64_t filled_ = 0;
    bool started_ = false; ///< begins full
};

class Shaper {
public:
    static constexpr std::size_t frames_maximum = 256;
    static constexpr std::uint32_t bytes_maximum = 256 << 10;

    Shaper() = default;
    Shaper(Shaper const&) = delete;
    Shaper& operator=(Shaper const&) = delete;
    ~Shaper();

    /// The frame may leave at once: nobody waits before it.
    bool pass(std::uint32_t bytes, std::uint32_t rate, std::uint32_t burst, std::uint64_t now);
    /// Keeps a frame, taking it. False: full; not taken.
    bool keep(pbuf* frame);
    /// The next frame that may leave, for the caller to send and free; null: none now. Rate 0: all may.
    pbuf* next(std::uint32_t rate, std::uint32_t burst, std::uint64_t now);
    /// When next() is wanted, from the last call of pass() or next(), in nanoseconds; 0: nobody waits.
    [[nodiscard]] std::uint64_t wait(std::uint32_t rate, std::uint32_t burst) const;
    [[nodiscard]] std::size_t waiting() const { return frames_.size(); }

private:
    TokenBucket bucket_;
    std::deque<pbuf*> frames_;
    std::uint32_t bytes_ = 0;
};

} // namespace netstack
