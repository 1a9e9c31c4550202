// The terminals: virtual consoles vc0..vc7 over one serial line, and the raw output lines of a job.
//
// One console is in front: keys go to it, its output goes to the line. The others only keep their screens. ^T brings the
// next one that is in use to the front and paints it. In a job (`boot/run -- CMD`) no console is in front: the line belongs to
// the job's standard output (minor 64), byte for byte.
#pragma once
#include "ipc/event_sets.hpp"
#include "line_discipline.hpp"
#include "proto/byte_stream.hpp"
#include "proto/directory.hpp"
#include "proto/terminal.hpp"
#include "screen.hpp"
#include <memory>
#include <unordered_map>
#include <vector>

namespace tty {

inline constexpr std::size_t console_count = 8;
inline constexpr std::uint32_t job_output_minor = 64, job_error_minor = 65;
inline constexpr abi::Word control_badge = 1, first_dynamic_badge = 16;
inline constexpr std::uint32_t terminal_major = 4;

/// Where finished output goes; the line and the log in the guest, a string in a test.
struct Line {
    virtual void write(std::string_view text) = 0;
    virtual void write_error(std::string_view text) = 0;
    /// Inode and device of a terminal's node in /dev, so that fstat of the open terminal and stat of the node agree (ttyname(3));
    /// false if there is none.
    virtual bool identify(std::uint32_t minor, proto::FileStatus& status) = 0;

protected:
    ~Line() = default;
};

class TtyServer : public ipc::EventSetServer<TtyServer> {
public:
    using EventSetServer<TtyServer>::on;
    TtyServer(Line& line, bool job_mode, WindowSize size);

    // Protocol File, on open terminals.
    ipc::Result<proto::Transfer> on(proto::File::Read, ipc::Sender&, std::uint32_t group, ipc::WriteBuffer);
    ipc::Result<proto::Transfer> on(proto::File::Write, ipc::Sender&, std::uint32_t group, ipc::ReadBuffer);
    ipc::Result<proto::FileStatus> on(proto::File::Stat, ipc::Sender&);
    ipc::Result<std::uint64_t> on(proto::File::Seek, ipc::Sender&, std::int64_t, std::uint32_t) {
        return ipc::fail(ipc::Error::IllegalSeek);
    }
    ipc::Result<std::uint32_t> on(proto::File::Poll, ipc::Sender&, std::uint32_t events);
    ipc::Result<std::uint32_t> on(proto::File::PollArm, ipc::Sender&, std::uint32_t events, std::uint32_t token,
                                  ipc::Cap<ipc::Notification>);
    ipc::Result<ipc::Unit> on(proto::File::PollDisarm, ipc::Sender&, std::uint32_t token);
    ipc::Result<std::uint32_t> on(proto::File::Ioctl, ipc::Sender&, std::uint32_t request, std::uint32_t argument,
                                  ipc::ReadBuffer, ipc::WriteBuffer);
    ipc::Result<std::uint32_t> on(proto::File::GetFlags, ipc::Sender&);
    ipc::Result<ipc::Unit> on(proto::File::SetFlags, ipc::Sender&, std::uint32_t flags);
    ipc::Result<ipc::Unit> on(proto::File::Synchronize, ipc::Sender&) { return ipc::fail(ipc::Error::Invalid); }
    ipc::Result<ipc::Unit> on(proto::File::SetAttributes, ipc::Sender&, proto::AttributeChange const&) {
        return ipc::Unit{};
    }
    ipc::Result<std::uint32_t> on(proto::File::Name, ipc::Sender&, ipc::WriteBuffer);
    using Opened = std::tuple<ipc::Cap<proto::File>, std::uint32_t>;
    ipc::Result<Opened> on(proto::File::Reopen, ipc::Sender&, std::uint32_t flags);

    // Protocol Directory, on the device capability that vfs holds: the path is the minor number.
    using OpenReply = std::tuple<ipc::Cap<proto::File>, proto::OpenResult>;
    ipc::Result<OpenReply> on(proto::Directory::Open, ipc::Sender&, proto::Directory::At const&,
                              proto::Directory::Caller const&, std::uint32_t flags, std::uint32_t mode,
                              ipc::Path const& path);
    /// What a terminal has no use for.
    template <class Operation, class... Arguments>
    ipc::Result<typename Operation::Reply> on(Operation, ipc::Sender&, Arguments const&... arguments) {
        ipc::release_unused(arguments...);
        return ipc::fail(ipc::Error::Invalid);
    }

    // Protocol TerminalControl, on the control capability.
    ipc::Result<ipc::Cap<proto::File>> on(proto::TerminalControl::OpenConsole, ipc::Sender&, std::uint32_t minor);
    ipc::Result<ipc::Unit> on(proto::TerminalControl::SetForeground, ipc::Sender&, ipc::OptionalCap<proto::File> const&,
                              std::uint32_t group);
    ipc::Result<std::uint32_t> on(proto::TerminalControl::Foreground, ipc::Sender&,
                                  ipc::OptionalCap<proto::File> const&);
    ipc::Result<ipc::Unit> on(proto::TerminalControl::SetSession, ipc::Sender&, ipc::OptionalCap<proto::File> const&,
                              std::uint32_t session);
    ipc::Result<std::uint32_t> on(proto::TerminalControl::SessionOf, ipc::Sender&,
                                  ipc::OptionalCap<proto::File> const&);
    ipc::Result<ipc::Unit> on(proto::TerminalControl::NotifySignals, ipc::Sender&, ipc::Cap<ipc::Notification>);
    ipc::Result<proto::TerminalSignal> on(proto::TerminalControl::TakeSignal, ipc::Sender&);
    ipc::Result<ipc::Unit> on(proto::TerminalControl::Drain, ipc::Sender&) { return ipc::Unit{}; }

    // For EventSetServer.
    ipc::EventSource* event_source(abi::Word badge) { return file(badge); }
    abi::Word badge_for_event_set() { return fresh_badge(); }

    void on_no_senders(abi::Word badge);
    /// Bytes from the line.
    void input(std::string_view bytes);
    [[nodiscard]] std::size_t front() const { return front_; }

private:
    struct Reader {
        ipc::Pending pending;
    };
    struct Armed {
        abi::Word badge;
        std::uint32_t token, events;
        ipc::Owned<ipc::Notification> notification;
    };
    struct Console {
        LineDiscipline discipline;
        std::unique_ptr<Screen> screen; ///< made when the console is first used
        WindowSize size;
        std::uint32_t foreground = 0, session = 0;
        std::uint32_t open_files = 0;
        std::deque<Reader> readers;
        std::vector<Armed> armed;
    };
    struct OpenFile final : ipc::EventSource {
        TtyServer* server = nullptr;
        std::uint32_t minor = 0, flags = 0;
        [[nodiscard]] std::uint32_t events_now() const override { return server->ready(*this); }
    };

    OpenFile* file(abi::Word badge);
    abi::Word fresh_badge();
    Console* console_of(OpenFile const& file) { return file.minor < console_count ? &consoles_[file.minor] : nullptr; }
    Console* console_of(ipc::OptionalCap<proto::File> const& terminal);
    ipc::Result<ipc::Cap<proto::File>> open(std::uint32_t minor, std::uint32_t flags);
    [[nodiscard]] std::uint32_t ready(OpenFile const& file);
    void show(std::uint32_t minor, std::string_view processed);
    void key(std::uint8_t byte);
    void switch_to(std::size_t console);
    void serve_readers(Console& console);
    void send_signal(Console& console, std::uint32_t signal);
    std::optional<proto::Transfer> read_now(Console& console, ipc::Pending const& pending, std::size_t wanted);

    Line& line_;
    bool job_mode_;
    std::size_t front_ = 0;
    std::array<Console, console_count> consoles_;
    std::unordered_map<abi::Word, OpenFile> files_;
    abi::Word next_badge_ = first_dynamic_badge;
    std::deque<proto::TerminalSignal> signals_;
    ipc::Owned<ipc::Notification> signal_listener_;
    std::string scratch_;
};

} // namespace tty
