// How long a socket's calls wait at the most: SO_RCVTIMEO and SO_SNDTIMEO of socket(7), for the servers that own sockets.
#pragma once
#include "socket.hpp"
#include <cstring>

namespace proto {

class SocketTimes {
public:
    static constexpr std::uint64_t for_ever = ~std::uint64_t{0};

    /// SO_RCVTIMEO or SO_SNDTIMEO, in the old or the new form (asm-generic/socket.h).
    static constexpr bool is_one(std::uint32_t option) {
        return option == receive_old || option == send_old || option == receive_new || option == send_new;
    }
    /// is_one(option). Zero: for ever; a time before zero: not at all, as Linux has it. Invalid; Domain.
    ipc::Error set(std::uint32_t option, SocketOption const& value) {
        Time time{};
        if (is_old(option)) {
            OldTime old{};
            if (value.length < sizeof old) { return ipc::Error::Invalid; }
            std::memcpy(&old, value.data, sizeof old);
            time = {old.seconds, old.microseconds};
        } else {
            if (value.length < sizeof time) { return ipc::Error::Invalid; }
            std::memcpy(&time, value.data, sizeof time);
        }
        if (time.microseconds < 0 || time.microseconds >= 1000000) { return ipc::Error::Domain; }
        // More than a hundred years is for ever: sums with a deadline must hold.
        bool const none = (time.seconds == 0 && time.microseconds == 0) || time.seconds > 0xbfffffff;
        of(option) = none               ? for_ever
                     : time.seconds < 0 ? 0
                                        : static_cast<std::uint64_t>(time.seconds) * 1000000000 +
                                              static_cast<std::uint64_t>(time.microseconds) * 1000;
        return ipc::Error::None;
    }
    [[nodiscard]] SocketOption get(std::uint32_t option) {
        std::uint64_t const time = of(option) == for_ever ? 0 : of(option) / 1000;
        Time const whole{static_cast<std::int64_t>(time / 1000000), static_cast<std::int64_t>(time % 1000000)};
        SocketOption value;
        if (is_old(option)) {
            OldTime const old{static_cast<std::int32_t>(whole.seconds), static_cast<std::int32_t>(whole.microseconds)};
            value.length = sizeof old;
            std::memcpy(value.data, &old, sizeof old);
        } else {
            value.length = sizeof whole;
            std::memcpy(value.data, &whole, sizeof whole);
        }
        return value;
    }
    /// When a call that begins to wait at `now` has waited long enough, in nanoseconds. for_ever: never.
    static constexpr std::uint64_t deadline(std::uint64_t now, std::uint64_t time) {
        return time == for_ever ? for_ever : now + time;
    }

    std::uint64_t receive = for_ever, send = for_ever; ///< nanoseconds

    static constexpr std::uint32_t receive_old = 20, send_old = 21, receive_new = 66, send_new = 67;

private:
    struct OldTime {
        std::int32_t seconds, microseconds;
    };
    struct Time {
        std::int64_t seconds, microseconds;
    };
    static constexpr bool is_old(std::uint32_t option) { return option == receive_old || option == send_old; }
    std::uint64_t& of(std::uint32_t option) { return option == receive_old || option == receive_new ? receive : send; }
};

} // namespace proto
