// What vfs's logic needs of the world: callers' memory, deferred answers, capabilities, time. main.cpp gives the real one,
// the unit tests a fake.
#pragma once
#include "ipc/runtime.hpp"
#include "types.hpp"

namespace vfs {

/// A call that is answered later.
using Waiter = ipc::Pending;

/// One call that is being handled: the caller's buffers.
class Caller {
public:
    virtual Transfer copy_in(std::uint32_t offset, std::span<std::byte> target) = 0;
    virtual Transfer copy_out(std::uint32_t offset, std::span<std::byte const> source) = 0;
    /// The handler must then return Error::Deferred.
    virtual Waiter defer() = 0;

    std::uint32_t read_length = 0;  ///< bytes the caller lets us read
    std::uint32_t write_length = 0; ///< bytes it lets us write

protected:
    ~Caller() = default;
};

struct Opened {
    Slot slot = 0;
    proto::OpenResult result{};
};

struct Incoming;

/// What accept(2) gives.
struct Accepted {
    Slot slot = 0;
    std::string peer; ///< its address
};

class Port {
public:
    virtual Transfer copy_in(Waiter const&, std::uint32_t offset, std::span<std::byte> target) = 0;
    virtual Transfer copy_out(Waiter const&, std::uint32_t offset, std::span<std::byte const> source) = 0;
    /// The caller is still there: not interrupted, not destroyed.
    virtual bool waiting(Waiter const&) = 0;
    virtual void discard(Waiter const&) = 0;
    /// Answers of Read and Write, of Open, of Lock. The reply's capability stays the object table's.
    virtual void finish_transfer(Waiter const&, Result<Transfer> const&) = 0;
    virtual void finish_open(Waiter const&, Result<Opened> const&) = 0;
    virtual void finish_unit(Waiter const&, Error) = 0;
    /// A receive on a socket: `message` with what came along (MessageSocket::Receive).
    virtual void finish_incoming(Waiter const&, Result<Incoming> const&, bool message) = 0;
    virtual void finish_accept(Waiter const&, Result<Accepted> const&) = 0;

    /// A watched capability of this server with that badge. It goes out in a reply.
    virtual Result<Slot> mint(Badge) = 0;
    /// Takes it back from everybody.
    virtual void forget(Badge) = 0;
    /// The slot that mint gave, 0 if none.
    virtual Slot minted(Badge) = 0;
    /// A copy of it in a slot of its own, minted anew if nobody holds one any more.
    virtual Result<Slot> hold(Badge) = 0;
    /// A capability received earlier is not needed any more.
    virtual void drop(Slot) = 0;
    virtual void signal(Slot notification) = 0;

    /// Nanoseconds since the epoch.
    virtual std::uint64_t now() = 0;
    /// Nanoseconds since boot.
    virtual std::uint64_t since_boot() = 0;
    /// Vfs::alarm is due at that time since boot, or somewhat before; 0: never. One at a time.
    virtual void set_alarm(std::uint64_t time) = 0;
    virtual std::uint64_t random() = 0;
    /// {all, free} bytes of memory that page chunks may come from.
    virtual std::array<std::uint64_t, 2> memory() = 0;

protected:
    ~Port() = default;
};

} // namespace vfs
