// lwIP's periodic work, done only while there is something it could find to do: an idle stack sleeps.
#pragma once
#include <cstdint>

namespace netstack {

class StackTimers {
public:
    /// Does what is due.
    void run(std::uint64_t now);
    /// When run() is wanted next, in milliseconds; 0: not before something happens.
    [[nodiscard]] std::uint64_t next(std::uint64_t now);
    /// A job is wanted that was not when next() was last asked: ask it again.
    [[nodiscard]] bool more_wanted() const;
    /// A fragment came in: its datagram may have to be given up.
    static void fragment_seen();

private:
    std::uint64_t tcp_ = 0, neighbours_ = 0, neighbours6_ = 0, reassembly_ = 0, connections_ = 0, release_ = 0;
};

} // namespace netstack
