// What open files that are neither data nor pipes are made of: sockets, epoll instances, counters, timers.
#pragma once
#include "port.hpp"
#include "ref.hpp"

namespace vfs {

class OpenFile;

class SpecialFile : public Counted {
public:
    SpecialFile() = default;
    SpecialFile(SpecialFile const&) = delete;
    SpecialFile& operator=(SpecialFile const&) = delete;
    virtual ~SpecialFile() = default;
    void unreferenced() { delete this; }

    virtual Result<Transfer> read(Caller& caller, bool nonblock) = 0;
    virtual Result<Transfer> write(Caller& caller, bool nonblock) = 0;
    /// All poll events that hold now.
    [[nodiscard]] virtual std::uint32_t poll() const = 0;
    [[nodiscard]] virtual proto::FileKind protocol_kind() const = 0;
    /// Signals whose being pending makes it readable (ipc::EventSource).
    [[nodiscard]] virtual std::uint64_t signals() const { return 0; }
    /// ioctl(2). NotTerminal.
    virtual Result<std::uint32_t> control(std::uint32_t, Caller&) { return fail(Error::NotTerminal); }
    /// Its open file goes; callers that wait are answered.
    virtual void closed() = 0;

    OpenFile* file = nullptr; ///< null: not accepted yet, or closed

protected:
    /// These poll events have just come about: for those who wait for them. No effect without an open file.
    void tell(Port& port, std::uint32_t events);
};

} // namespace vfs
