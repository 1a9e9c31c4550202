// An open file description: what a File capability of vfs stands for. Offset and status flags are shared by every copy of
// the capability.
#pragma once
#include "ipc/event_set.hpp"
#include "pipe.hpp"
#include "session.hpp"
#include "special_file.hpp"

namespace vfs {

struct Identity;

class OpenFile final : public ipc::EventSource {
public:
    enum class Kind : std::uint8_t {
        Regular,
        Directory,
        Pipe,
        Null,
        Zero,
        Full,
        Random,
        Path,
        LocalSocket,
        EventFile
    }; ///< an epoll instance, a counter, a timer, a signal descriptor

    OpenFile(Environment& environment, Kind kind, std::uint32_t flags, Ref<Inode> inode, Place place);
    OpenFile(OpenFile const&) = delete;
    OpenFile& operator=(OpenFile const&) = delete;
    ~OpenFile() override;
    /// As an end of pipes, either of which may be null.
    void set_pipes(Ref<Pipe> input, Ref<Pipe> output);
    void set_special(Ref<SpecialFile> made);

    [[nodiscard]] bool readable() const {
        return (flags & open_flag::access_mode) != open_flag::write_only && kind != Kind::Path;
    }
    [[nodiscard]] bool writable() const {
        return (flags & open_flag::access_mode) != open_flag::read_only && kind != Kind::Path;
    }
    /// Of who opened it.
    [[nodiscard]] Identity identity() const;
    [[nodiscard]] bool is_special() const { return kind >= Kind::LocalSocket; }
    [[nodiscard]] proto::FileKind protocol_kind() const;

    // Operations of proto::File. Errors as the Linux calls of the same name.
    Result<Transfer> read(Caller& caller);
    Result<Transfer> write(Caller& caller);
    Result<Transfer> read_at(Caller& caller, std::uint64_t offset);
    Result<Transfer> write_at(Caller& caller, std::uint64_t offset);
    Result<std::uint64_t> seek(std::int64_t offset, std::uint32_t whence);
    /// With ids as `viewer` sees them.
    [[nodiscard]] proto::FileStatus status(Credentials const& viewer) const;
    [[nodiscard]] proto::FileStatus status() const { return status(opener); }
    [[nodiscard]] std::uint32_t poll(std::uint32_t events) const;
    // --- EventSource ---
    [[nodiscard]] std::uint32_t events_now() const override { return poll(~0U); }
    [[nodiscard]] bool depends() const override { return kind == Kind::EventFile; }
    [[nodiscard]] std::uint64_t signals() const override { return special ? special->signals() : 0; }
    /// Takes over the notification's slot if nothing is ready (0 returned). Errors: NoMemory.
    Result<std::uint32_t> arm(std::uint32_t events, std::uint32_t token, Slot notification);
    void disarm(std::uint32_t token);
    /// These poll events have just come about: for those who wait for them.
    void tell(Port& port, std::uint32_t events);
    Result<std::uint32_t> control(std::uint32_t request, Caller& caller);
    Result<Transfer> entries(Caller& caller);
    Error truncate(std::uint64_t size);
    /// copy_file_range to this file. Offsets may be proto::File::current.
    Result<std::uint32_t> copy_from(OpenFile& source, std::uint64_t source_offset, std::uint64_t offset,
                                    std::uint32_t length);
    Error set_flags(std::uint32_t flags);
    Result<Slot> page(std::uint32_t index, bool shared_write, std::uint32_t& valid_bytes);
    /// As File::Lock; with `owner` as VfsSession::Lock.
    Error lock(proto::LockRequest const& request, Caller& caller, LockOwner* owner = nullptr);
    /// The lock that a request names, its range in absolute offsets. Errors: Invalid, Overflow, BadDescriptor.
    Result<Lock> wanted_lock(proto::LockRequest const& request, LockOwner* owner);

    /// It is a program that runs, or does not any more. Errors: TextBusy (open for writing somewhere).
    Error deny_write(bool deny);

    Kind kind;
    Badge badge = 0;
    std::uint32_t flags;
    std::uint64_t offset = 0;
    HeldPlace place; ///< empty for anonymous pipes and files
    Ref<Inode> inode;
    Ref<Pipe> input, output;
    Ref<SpecialFile> special;    ///< of the kinds from LocalSocket on
    std::uint32_t in_flight = 0; ///< in how many parcels it is
    std::uint32_t queued = 0;    ///< in how many of them that wait in sockets (while unreachable ones are looked for)
    bool unheld = false;         ///< nobody has a capability for it: only parcels keep it
    Ref<QuotaDomain> domain;     ///< of the session that opened it
    Credentials opener{};        ///< who opened it: fchmod and the like go by it
    std::unique_ptr<Session>
        view; ///< of VfsSession::OpenPlace: paths asked of this file go from here, as that session sees them

private:
    struct Arm {
        std::uint32_t events, token;
        Slot notification;
    };
    bool denies_write_ = false;
    void accessed();
    Result<Transfer> read_device(Caller& caller);
    Environment& environment_;
    std::vector<Arm> arms_;
};

} // namespace vfs
