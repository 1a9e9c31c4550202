// What a stack needs of the machine it runs on: time, and bells to ring. The guest's is in main.cpp; tests have their own.
#pragma once
#include <cstdint>

namespace netstack {

struct Platform {
    virtual std::uint64_t nanoseconds() = 0; ///< monotonic
    /// Time stamps: what nanoseconds() is made of, cheaper.
    virtual std::uint64_t stamp() = 0;
    virtual std::uint64_t stamp_of(std::uint64_t nanoseconds) = 0;
    virtual std::uint32_t random() = 0;
    /// Where ring pair `number` lies, `proto::stack::ring_bytes` long; null: it is not there.
    virtual void* ring_memory(std::uint32_t number) = 0;
    virtual void ring_peer(std::uint32_t number) = 0; ///< signals whoever is at the ring pair's other end
    virtual void ring_self() = 0;                     ///< the stack's own: frames are left to be looked at
    virtual void ring_netns() = 0;                    ///< signals netns: the status page has news

protected:
    ~Platform() = default;
};

/// Set once before anything else.
inline Platform* platform_instance = nullptr;
inline Platform& platform() { return *platform_instance; }
inline std::uint64_t now_milliseconds() { return platform().nanoseconds() / 1000000; }

} // namespace netstack
