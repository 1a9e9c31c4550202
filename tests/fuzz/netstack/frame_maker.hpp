// Frames of every protocol that a stack reads, mostly right and somewhere wrong, out of a number: so that a few bytes of a fuzz
// target's input are many frames.
#pragma once
#include "stack_world.hpp"

namespace fuzz {

class FrameMaker {
public:
    /// Equal seeds make equal frames in stacks that are in equal states.
    explicit FrameMaker(std::uint32_t seed) : state_{seed * 2654435761U + 0x9e3779b9U} {}
    /// A frame for that device of a StackWorld.
    Frame make(std::size_t device);
    std::uint32_t below(std::uint32_t bound) { return next() % bound; }
    bool one_in(std::uint32_t bound) { return below(bound) == 0; }

private:
    std::uint32_t next();
    std::uint32_t ip_address();
    std::uint16_t port();
    void ethernet(std::size_t device, std::uint16_t type);
    void arp();
    void internet(bool quoted);
    void internet6();
    void finish_internet(std::size_t start);
    void transport(std::uint8_t protocol, std::size_t header, bool version6);
    void icmp();
    void icmp6();
    void tcp();
    void tcp_options();
    void udp();
    void payload(std::size_t most);
    void put8(std::uint32_t value) { frame_.push_back(static_cast<std::uint8_t>(value)); }
    void put16(std::uint32_t value) {
        put8(value >> 8);
        put8(value);
    }
    void put32(std::uint32_t value) {
        put16(value >> 16);
        put16(value);
    }
    /// own: more often than not this stack's.
    void put_address6(bool own);
    void store16(std::size_t at, std::uint32_t value) {
        frame_[at] = static_cast<std::uint8_t>(value >> 8);
        frame_[at + 1] = static_cast<std::uint8_t>(value);
    }
    /// The Internet checksum of what lies from `start` on, and of `sum` more.
    [[nodiscard]] std::uint16_t checksum(std::size_t start, std::uint32_t sum) const;

    std::uint32_t state_;
    Frame frame_;
    std::size_t joined_ = 0; ///< 1 + number of the connection that the segment belongs to, 0: none
};

} // namespace fuzz
