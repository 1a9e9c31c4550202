// The Port of the running server: libipc, and time from the time-stamp counter.
#pragma once
#include "ipc/server.hpp"
#include "local_socket.hpp"
#include "port.hpp"
#include "proto/clock.hpp"
#include "proto/memory.hpp"

namespace vfs {

class SenderCaller final : public Caller {
public:
    explicit SenderCaller(ipc::Sender& sender) : sender_{sender} {
        read_length = sender.read_length;
        write_length = sender.write_length;
    }
    Transfer copy_in(std::uint32_t offset, std::span<std::byte> target) override {
        return of(sender_.copy_in(offset, target));
    }
    Transfer copy_out(std::uint32_t offset, std::span<std::byte const> source) override {
        return of(sender_.copy_out(offset, source));
    }
    Waiter defer() override { return sender_.defer(); }
    static Transfer of(ipc::Transfer const& transfer) {
        return {static_cast<std::uint32_t>(transfer.count), transfer.caller_fault};
    }

private:
    ipc::Sender& sender_;
};

/// What is answered to a receive.
std::tuple<proto::ReceivedDatagram, proto::SocketAddress> datagram_of(Incoming const& incoming);
std::tuple<proto::ReceivedMessage, proto::SocketAddress, ipc::OptionalCap<proto::Parcel>>
message_of(Incoming const& incoming);
proto::SocketAddress address_of(std::string_view address);

class RealPort final : public Port {
public:
    RealPort(ipc::Cap<proto::Memory> memory, ipc::Cap<proto::Clock> clock, proto::ClockParameters const& parameters);

    Transfer copy_in(Waiter const& waiter, std::uint32_t offset, std::span<std::byte> target) override {
        return SenderCaller::of(ipc::copy_in(waiter, offset, target));
    }
    Transfer copy_out(Waiter const& waiter, std::uint32_t offset, std::span<std::byte const> source) override {
        return SenderCaller::of(ipc::copy_out(waiter, offset, source));
    }
    bool waiting(Waiter const& waiter) override { return ipc::pending(waiter); }
    void discard(Waiter const& waiter) override { ipc::discard(waiter); }
    void finish_transfer(Waiter const& waiter, Result<Transfer> const& result) override {
        ipc::reply<proto::File::Read>(waiter, result);
    }
    void finish_open(Waiter const& waiter, Result<Opened> const& result) override;
    void finish_unit(Waiter const& waiter, Error error) override;
    void finish_incoming(Waiter const& waiter, Result<Incoming> const& result, bool message) override;
    void finish_accept(Waiter const& waiter, Result<Accepted> const& result) override;
    Result<Slot> mint(Badge badge) override { return ipc::mint_session_slot(badge); }
    void forget(Badge badge) override { ipc::forget(badge); }
    Slot minted(Badge badge) override { return ipc::runtime().sessions.find(badge); }
    Result<Slot> hold(Badge badge) override;
    void drop(Slot slot) override { ipc::release_slot(slot); }
    void signal(Slot notification) override { ipc::signal(notification); }
    std::uint64_t now() override;
    std::uint64_t since_boot() override;
    void set_alarm(std::uint64_t time) override { static_cast<void>(ipc::call<proto::Clock::Arm>(clock_, time)); }
    std::uint64_t random() override;
    std::array<std::uint64_t, 2> memory() override;

private:
    ipc::Cap<proto::Memory> memory_;
    ipc::Cap<proto::Clock> clock_;
    std::uint32_t ticks_per_millisecond_;
    std::uint64_t boot_wall_, boot_stamp_, seed_;
    std::uint32_t multiplier_; ///< nanoseconds per tick, 8.24 fixed point
};

} // namespace vfs
