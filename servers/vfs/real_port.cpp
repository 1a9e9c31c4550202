#include "real_port.hpp"

namespace vfs {
namespace {

std::uint64_t time_stamp() {
    std::uint32_t low = 0, high = 0;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return std::uint64_t{high} << 32 | low;
}

} // namespace

RealPort::RealPort(ipc::Cap<proto::Memory> memory, proto::ClockParameters const& clock)
    : memory_{memory}, boot_wall_{clock.boot_wall_nanoseconds}, boot_stamp_{clock.boot_time_stamp}, seed_{time_stamp()},
      multiplier_{static_cast<std::uint32_t>((std::uint64_t{1000000} << 24) / (clock.ticks_per_millisecond != 0 ? clock.ticks_per_millisecond : 1000000))} {}

void RealPort::finish_open(Waiter const& waiter, Result<Opened> const& result) {
    if (!result) {
        ipc::reply<proto::Directory::Open>(waiter, fail(result.error()));
        return;
    }
    ipc::reply<proto::Directory::Open>(waiter, std::tuple{ipc::Cap<proto::File>{result->slot}, result->result});
}

void RealPort::finish_unit(Waiter const& waiter, Error error) {
    if (error == Error::None) {
        ipc::reply<proto::File::Lock>(waiter, ipc::Unit{});
    } else {
        ipc::reply<proto::File::Lock>(waiter, fail(error));
    }
}

std::uint64_t RealPort::now() {
    // Two multiplications instead of a 64-bit division.
    std::uint64_t const ticks = time_stamp() - boot_stamp_;
    std::uint64_t const low = (ticks & 0xffffffff) * multiplier_ >> 24;
    std::uint64_t const high = (ticks >> 32) * multiplier_ << 8;
    return boot_wall_ + low + high;
}

// splitmix64 over the time stamp: fit for seeds and temporary names. It is no cryptographic generator, and nothing on this
// machine gathers entropy for one.
std::uint64_t RealPort::random() {
    seed_ += 0x9e3779b97f4a7c15 ^ time_stamp();
    std::uint64_t value = seed_;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

std::array<std::uint64_t, 2> RealPort::memory() {
    auto const status = ipc::call<proto::Memory::Status>(memory_);
    if (!status) { return {}; }
    return {status->total, status->free};
}

} // namespace vfs
