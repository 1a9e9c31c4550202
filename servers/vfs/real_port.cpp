#include "real_port.hpp"

namespace vfs {
namespace {

std::uint64_t time_stamp() {
    std::uint32_t low = 0, high = 0;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return std::uint64_t{high} << 32 | low;
}

} // namespace

RealPort::RealPort(ipc::Cap<proto::Memory> memory, ipc::Cap<proto::Clock> clock,
                   proto::ClockParameters const& parameters)
    : memory_{memory}, clock_{clock}, ticks_per_millisecond_{parameters.ticks_per_millisecond != 0
                                                                 ? parameters.ticks_per_millisecond
                                                                 : 1000000},
      boot_wall_{parameters.boot_wall_nanoseconds}, boot_stamp_{parameters.boot_time_stamp}, seed_{time_stamp()},
      multiplier_{static_cast<std::uint32_t>((std::uint64_t{1000000} << 24) / ticks_per_millisecond_)} {}

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

proto::SocketAddress address_of(std::string_view address) {
    proto::SocketAddress result;
    result.length = static_cast<std::uint16_t>(std::min(address.size(), sizeof result.data));
    std::memcpy(result.data, address.data(), result.length);
    return result;
}

std::tuple<proto::ReceivedDatagram, proto::SocketAddress> datagram_of(Incoming const& incoming) {
    return {proto::ReceivedDatagram{incoming.transfer, incoming.length, incoming.flags}, address_of(incoming.from)};
}

std::tuple<proto::ReceivedMessage, proto::SocketAddress, ipc::OptionalCap<proto::Parcel>>
message_of(Incoming const& incoming) {
    proto::ReceivedMessage message{
        incoming.transfer, incoming.length, incoming.flags, 0, incoming.wants_identity ? 1u : 0u, {}};
    ipc::OptionalCap<proto::Parcel> parcel;
    if (incoming.parcel && incoming.parcel_slot != 0) {
        message.descriptors = incoming.parcel->size();
        parcel = ipc::Cap<proto::Parcel>{incoming.parcel_slot};
    }
    Identity const& who = incoming.who;
    message.credentials = {static_cast<std::int32_t>(who.process), who.user, who.group};
    if (who.user == Identity{}.user) { // sent when nobody asked
        message.credentials.user = message.credentials.group = ipc::IdMap::overflow_id;
    } else if (incoming.reader != nullptr) {
        message.credentials.user = incoming.reader->shown_user(who.user);
        message.credentials.group = incoming.reader->shown_group(who.group);
    }
    return {message, address_of(incoming.from), parcel};
}

void RealPort::finish_incoming(Waiter const& waiter, Result<Incoming> const& result, bool message) {
    if (message) {
        using M = proto::MessageSocket::Receive;
        ipc::reply<M>(waiter, result ? Result<M::Reply>{message_of(*result)} : fail(result.error()));
    } else {
        using M = proto::Socket::Receive;
        ipc::reply<M>(waiter, result ? Result<M::Reply>{datagram_of(*result)} : fail(result.error()));
    }
}

void RealPort::finish_accept(Waiter const& waiter, Result<Accepted> const& result) {
    using M = proto::Socket::Accept;
    ipc::reply<M>(waiter,
                  result ? Result<M::Reply>{std::tuple{ipc::Cap<proto::File>{result->slot}, address_of(result->peer)}}
                         : fail(result.error()));
}

Result<Slot> RealPort::hold(Badge badge) {
    Slot const copy = ipc::slots().take();
    if (copy == 0) { return fail(Error::NoMemory); }
    for (int attempt = 0; attempt < 2; ++attempt) {
        Slot const minted = ipc::runtime().sessions.find(badge);
        if (minted != 0) {
            if (ipc::own_cnode().copy(copy, ipc::own_cnode(), minted)) { return copy; }
            ipc::forget(badge); // nobody holds it: it is dead, and that is not told any more
        }
        if (auto const fresh = ipc::mint_session_slot(badge); !fresh) { break; }
    }
    ipc::slots().give(copy);
    return fail(Error::NoMemory);
}

std::uint64_t RealPort::now() {
    // Two multiplications instead of a 64-bit division.
    std::uint64_t const ticks = time_stamp() - boot_stamp_;
    std::uint64_t const low = (ticks & 0xffffffff) * multiplier_ >> 24;
    std::uint64_t const high = (ticks >> 32) * multiplier_ << 8;
    return boot_wall_ + low + high;
}

std::uint64_t RealPort::since_boot() {
    // To the nanosecond, as the clock driver counts: an alarm must not come before its time by this count.
    std::uint64_t const ticks = time_stamp() - boot_stamp_;
    return ticks / ticks_per_millisecond_ * 1000000 + ticks % ticks_per_millisecond_ * 1000000 / ticks_per_millisecond_;
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
