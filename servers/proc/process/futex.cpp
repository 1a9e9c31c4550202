// futex(2): threads that wait for a word of memory to change, keyed by the memory itself.
#include "core.hpp"

namespace proc {

namespace {
constexpr std::uint32_t wait_operation = 0, wake = 1, requeue = 3, compare_requeue = 4, wake_operation = 5,
                        wait_bitset = 9, wake_bitset = 10;
constexpr std::uint32_t private_flag = 128;

std::size_t bucket_of(MemorySpace::MemoryKey const& key) {
    auto const address = reinterpret_cast<std::uintptr_t>(key.object);
    return static_cast<std::size_t>((address >> 4) ^ (key.offset >> 2)) % 64;
}
} // namespace

std::uint32_t Core::futex_wake(MemorySpace& memory, Address address, std::uint32_t count, std::uint32_t bits) {
    auto const key = memory.key(address);
    if (!key) return 0;
    std::uint32_t woken = 0;
    futexes_[bucket_of(*key)].each([&](Thread& thread) {
        if (woken >= count || thread.futex_object != key->object || thread.futex_offset != key->offset ||
            (thread.futex_bits & bits) == 0)
            return;
        ++woken;
        PendingReply const reply = end_wait(thread);
        replies.futex(reply, std::uint32_t{0});
        answer_after(thread, reply);
    });
    return woken;
}

ipc::Result<std::uint32_t> Core::futex(Thread& thread, std::uint32_t address, std::uint32_t operation,
                                       std::uint32_t value, std::uint64_t deadline, std::uint32_t address2,
                                       std::uint32_t value3) {
    MemorySpace& memory = *thread.process->memory;
    if ((address & 3) != 0) return fail(Error::Invalid);
    switch (operation & ~private_flag) {
    case wait_operation:
    case wait_bitset: {
        std::uint32_t const bits = (operation & ~private_flag) == wait_bitset ? value3 : ~0u;
        if (bits == 0) return fail(Error::Invalid);
        auto const word = memory.read<std::uint32_t>(address);
        if (!word) return fail(word.error());
        if (*word != value) return fail(Error::Again);
        auto const key = memory.key(address);
        if (!key) return fail(key.error());
        if (deadline != ~std::uint64_t{0}) {
            if (deadline <= clock.now()) return fail(Error::TimedOut);
            timers.arm(thread.wait_timer, deadline);
            arm_clock();
        }
        thread.futex_object = key->object;
        thread.futex_offset = key->offset;
        thread.futex_bits = bits;
        thread.blocked = Blocked::Futex;
        futexes_[bucket_of(*key)].add(thread);
        return fail(Error::Deferred);
    }
    case wake: return futex_wake(memory, address, value, ~0u);
    case wake_bitset:
        if (value3 == 0) return fail(Error::Invalid);
        return futex_wake(memory, address, value, value3);
    case requeue:
    case compare_requeue: {
        if ((operation & ~private_flag) == compare_requeue) {
            auto const word = memory.read<std::uint32_t>(address);
            if (!word) return fail(word.error());
            if (*word != value3) return fail(Error::Again);
        }
        auto const from = memory.key(address), to = memory.key(address2);
        if (!from || !to) return fail(Error::Fault);
        std::uint32_t count = futex_wake(memory, address, value, ~0u);
        // The number to requeue comes where the time-out would be.
        auto left = static_cast<std::uint32_t>(std::min<std::uint64_t>(deadline, ~0u));
        futexes_[bucket_of(*from)].each([&](Thread& waiter) {
            if (left == 0 || waiter.futex_object != from->object || waiter.futex_offset != from->offset) return;
            --left;
            ++count;
            futexes_[bucket_of(*from)].remove(waiter);
            waiter.futex_object = to->object;
            waiter.futex_offset = to->offset;
            futexes_[bucket_of(*to)].add(waiter);
        });
        return count;
    }
    case wake_operation: {
        auto const old = memory.read<std::uint32_t>(address2);
        if (!old) return fail(old.error());
        std::uint32_t const code = value3 >> 28 & 7, compare = value3 >> 24 & 15;
        std::uint32_t argument = value3 >> 12 & 0xfff;
        std::uint32_t const against = value3 & 0xfff;
        if ((value3 >> 31) != 0) argument = std::uint32_t{1} << (argument & 31);
        std::uint32_t const changed = code == 0   ? argument
                                      : code == 1 ? *old + argument
                                      : code == 2 ? *old | argument
                                      : code == 3 ? *old & ~argument
                                                  : *old ^ argument;
        if (auto status = memory.write(address2, changed); !status) return fail(status.error());
        std::uint32_t count = futex_wake(memory, address, value, ~0u);
        auto const a = static_cast<std::int32_t>(*old), b = static_cast<std::int32_t>(against);
        bool const holds = compare == 0   ? a == b
                           : compare == 1 ? a != b
                           : compare == 2 ? a < b
                           : compare == 3 ? a <= b
                           : compare == 4 ? a > b
                                          : a >= b;
        if (holds)
            count +=
                futex_wake(memory, address2, static_cast<std::uint32_t>(std::min<std::uint64_t>(deadline, ~0u)), ~0u);
        return count;
    }
    default: return fail(Error::NotImplemented);
    }
}

} // namespace proc
