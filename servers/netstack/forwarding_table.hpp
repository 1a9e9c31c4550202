// What a bridge knows of the stations behind its ports (IEEE 802.1D, 7.9): learned from the source of every frame, forgotten
// after the ageing time or when the port goes.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>

namespace netstack {

using HardwareAddress = std::array<std::uint8_t, 6>;

class ForwardingTable {
public:
    static constexpr std::uint64_t ageing_milliseconds = 300000;
    static constexpr std::size_t maximum = 1024; ///< a station that invents addresses fills the table, not the memory

    /// `source` was seen on `port`.
    void learn(HardwareAddress const& source, std::uint32_t port, std::uint64_t now) {
        if ((source[0] & 1) != 0) { return; } // no station is a group
        auto const key = key_of(source);
        if (auto const found = stations_.find(key); found != stations_.end()) {
            found->second = {port, now};
            return;
        }
        if (stations_.size() >= maximum && now >= full_until_) { forget_old(now); }
        if (stations_.size() < maximum) { stations_[key] = {port, now}; }
    }
    /// The port that leads there, 0: not known, ask everywhere.
    [[nodiscard]] std::uint32_t find(HardwareAddress const& destination, std::uint64_t now) const {
        auto const found = stations_.find(key_of(destination));
        return found != stations_.end() && now - found->second.seen < ageing_milliseconds ? found->second.port : 0;
    }
    void forget_port(std::uint32_t port) {
        std::erase_if(stations_, [&](auto const& entry) { return entry.second.port == port; });
    }
    void forget_old(std::uint64_t now) {
        std::erase_if(stations_, [&](auto const& entry) { return now - entry.second.seen >= ageing_milliseconds; });
        auto oldest = now;
        for (auto const& entry : stations_) { oldest = std::min(oldest, entry.second.seen); }
        full_until_ = oldest + ageing_milliseconds;
    }
    [[nodiscard]] std::size_t size() const { return stations_.size(); }

private:
    struct Station {
        std::uint32_t port;
        std::uint64_t seen;
    };
    static std::uint64_t key_of(HardwareAddress const& address) {
        std::uint64_t key = 0;
        for (auto const byte : address) { key = key << 8 | byte; }
        return key;
    }
    std::unordered_map<std::uint64_t, Station> stations_;
    std::uint64_t full_until_ = 0; ///< before, none of a full table's stations is old: nobody needs to look
};

} // namespace netstack
