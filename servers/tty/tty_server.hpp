// The terminals: virtual consoles vc0..vc7 over one serial line, and the raw output lines of a job.
//
// One console is in front: keys go to it, its output goes to the line. The others only keep their screens. ^T brings the
// next one that is in use to the front and paints it. In a job (`boot/run -- CMD`) no console is in front: the line belongs to
// the job's standard output (minor 64), byte for byte. Besides, pseudo terminals: their nodes are vfs's (devpts), which says who may open them.
#pragma once
#include "ipc/event_sets.hpp"
#include "proto/byte_stream.hpp"
#include "proto/directory.hpp"
#include "terminal.hpp"
#include <optional>
#include <unordered_map>

namespace tty {

using abi::Word;
using ipc::Cap;
using ipc::Error;
using ipc::fail;
using ipc::Result;
using ipc::Unit;

inline constexpr std::size_t console_count = 8;
inline constexpr std::uint32_t job_output_minor = 64, job_error_minor = 65;
/// control: TerminalControl. device: what vfs has to open consoles and lines with.
inline constexpr Word control_badge = 1, device_badge = 2, first_dynamic_badge = 16;
inline constexpr std::uint32_t terminal_major = 4, pseudo_major = 136;
/// Of all pseudo terminals; of open files of one.
inline constexpr std::size_t pseudo_maximum = 256, slave_maximum = 64;
inline constexpr std::size_t piece = 2048; ///< copied at once
namespace poll_event {
inline constexpr std::uint32_t in = 1, out = 4, error = 8, hung_up = 16;
}
namespace open_flag {
inline constexpr std::uint32_t access = 3, write_only = 1, read_write = 2, nonblock = 04000, status = nonblock | 02000;
}

/// Where finished output goes; the line and the log in the guest, a string in a test.
struct Line {
    virtual void write(std::string_view text) = 0;
    virtual void write_error(std::string_view text) = 0;
    /// Inode and device of a terminal's node in /dev, so that fstat of the open terminal and stat of the node agree (ttyname(3));
    /// false if there is none.
    virtual bool identify(std::uint32_t minor, proto::FileStatus& status) = 0;
    // What vfs does for a pseudo terminal (VfsControl::NewTerminal and so on).
    virtual Result<proto::PseudoTerminal> new_terminal(ipc::CapabilityPointer multiplexer) = 0;
    virtual Result<Unit> set_terminal(proto::PseudoTerminal const& id, Cap<proto::Directory> const (&access)[3]) = 0;
    virtual void end_terminal(proto::PseudoTerminal const& id) = 0;
    virtual Result<proto::FileStatus> terminal_status(proto::PseudoTerminal const& id) = 0;

protected:
    ~Line() = default;
};

class TtyServer : public ipc::EventSetServer<TtyServer> {
public:
    using EventSetServer<TtyServer>::on;
    TtyServer(Line& line, bool job_mode, WindowSize size);

    // Protocol File, on open terminals.
    Result<proto::Transfer> on(proto::File::Read, ipc::Sender&, std::uint32_t group, ipc::WriteBuffer);
    Result<proto::Transfer> on(proto::File::Write, ipc::Sender&, std::uint32_t group, ipc::ReadBuffer);
    Result<proto::FileStatus> on(proto::File::Stat, ipc::Sender&);
    Result<std::uint64_t> on(proto::File::Seek, ipc::Sender&, std::int64_t, std::uint32_t) {
        return fail(Error::IllegalSeek);
    }
    Result<std::uint32_t> on(proto::File::Poll, ipc::Sender&, std::uint32_t events);
    Result<std::uint32_t> on(proto::File::PollArm, ipc::Sender&, std::uint32_t events, std::uint32_t token,
                             Cap<ipc::Notification>);
    Result<Unit> on(proto::File::PollDisarm, ipc::Sender&, std::uint32_t token);
    Result<std::uint32_t> on(proto::File::Ioctl, ipc::Sender&, std::uint32_t request, std::uint32_t argument,
                             ipc::ReadBuffer, ipc::WriteBuffer);
    Result<std::uint32_t> on(proto::File::GetFlags, ipc::Sender&);
    Result<Unit> on(proto::File::SetFlags, ipc::Sender&, std::uint32_t flags);
    Result<Unit> on(proto::File::Synchronize, ipc::Sender&) { return fail(Error::Invalid); }
    Result<Unit> on(proto::File::SetAttributes, ipc::Sender&, proto::AttributeChange const&) { return Unit{}; }
    Result<std::uint32_t> on(proto::File::Name, ipc::Sender&, ipc::WriteBuffer);
    using Opened = std::tuple<Cap<proto::File>, std::uint32_t>;
    Result<Opened> on(proto::File::Reopen, ipc::Sender&, std::uint32_t flags);

    // Protocol Directory. On the device capability that vfs holds: the path is the minor number. On what vfs opens a pseudo terminal with, and
    // on a master (TIOCGPTPEER): the terminal.
    using OpenReply = std::tuple<Cap<proto::File>, proto::OpenResult>;
    Result<OpenReply> on(proto::Directory::Open, ipc::Sender&, proto::Directory::At const&,
                         proto::Directory::Caller const&, std::uint32_t flags, std::uint32_t mode,
                         ipc::Path const& path);
    /// What a terminal has no use for.
    template <class Operation, class... Arguments>
    Result<typename Operation::Reply> on(Operation, ipc::Sender&, Arguments const&... arguments) {
        ipc::release_unused(arguments...);
        return fail(Error::Invalid);
    }

    // Protocol TerminalControl, on the control capability.
    Result<Cap<proto::File>> on(proto::TerminalControl::OpenConsole, ipc::Sender&, std::uint32_t minor);
    Result<Unit> on(proto::TerminalControl::SetForeground, ipc::Sender&, ipc::OptionalCap<proto::File> const&,
                    std::uint32_t group);
    Result<std::uint32_t> on(proto::TerminalControl::Foreground, ipc::Sender&, ipc::OptionalCap<proto::File> const&);
    Result<Unit> on(proto::TerminalControl::SetSession, ipc::Sender&, ipc::OptionalCap<proto::File> const&,
                    std::uint32_t session);
    Result<std::uint32_t> on(proto::TerminalControl::SessionOf, ipc::Sender&, ipc::OptionalCap<proto::File> const&);
    Result<Unit> on(proto::TerminalControl::NotifySignals, ipc::Sender&, Cap<ipc::Notification>);
    Result<proto::TerminalSignal> on(proto::TerminalControl::TakeSignal, ipc::Sender&);
    Result<Unit> on(proto::TerminalControl::Drain, ipc::Sender&) { return Unit{}; }
    Result<Cap<proto::File>> on(proto::TerminalControl::NewPseudoTerminal, ipc::Sender&,
                                ipc::OptionalCap<proto::File> const& multiplexer, std::uint32_t flags);

    // For EventSetServer.
    ipc::EventSource* event_source(Word badge) { return file(badge); }
    Word badge_for_event_set() { return fresh_badge(); }

    void on_no_senders(Word badge);
    /// Bytes from the line.
    void input(std::string_view bytes);
    [[nodiscard]] std::size_t front() const { return front_; }

    /// All poll events of an open file that hold now.
    [[nodiscard]] static std::uint32_t ready(OpenFile const& file);

private:
    /// Who may open a pseudo terminal by a capability that vfs has, and how.
    struct Access {
        std::shared_ptr<Pseudo> pseudo;
        std::uint32_t mode; ///< O_RDONLY, O_WRONLY, O_RDWR
    };

    OpenFile* file(Word badge);
    Word fresh_badge();
    Console* console_of(OpenFile const& file) {
        return file.terminal != nullptr && !file.pseudo ? &consoles_[file.minor] : nullptr;
    }
    /// The terminal of a capability of ours. Null: none, or a master.
    Terminal* terminal_of(ipc::OptionalCap<proto::File> const& terminal);
    Result<Cap<proto::File>> open(std::uint32_t minor, std::uint32_t flags);
    Result<Cap<proto::File>> enter(std::uint32_t flags, Terminal* terminal, OpenFile*& made);
    void show(std::uint32_t minor, std::string_view processed);
    void key(std::uint8_t byte);
    void switch_to(std::size_t console);
    void serve_readers(Terminal& terminal);
    void send_signal(std::uint32_t group, std::uint32_t signal, bool leader_only = false);
    /// These poll events have come about for masters, or for those who use it as a terminal.
    static void tell(Terminal& terminal, bool masters, std::uint32_t events);
    static std::optional<proto::Transfer> read_now(Terminal& terminal, ipc::Pending const& pending, std::size_t wanted);

    // --- pseudo_terminals.cpp ---
    Result<Cap<proto::File>> open_slave(std::shared_ptr<Pseudo> const& pseudo, std::uint32_t flags);
    Result<proto::Transfer> read_master(OpenFile& file, ipc::Sender& sender, std::size_t wanted);
    Result<proto::Transfer> write_pseudo(OpenFile& file, ipc::Sender& sender);
    /// Keys from the master, output from the others. False: it waits for room.
    bool take_keys(Pseudo& pseudo, ipc::Pending const& from, proto::Transfer& done);
    static bool take_output(Pseudo& pseudo, ipc::Pending const& from, proto::Transfer& done);
    static proto::Transfer give_output(Pseudo& pseudo, ipc::Pending const& to, std::size_t wanted);
    /// Answers masters that wait: there is output, or nobody who would write.
    void serve_masters(Pseudo& pseudo);
    /// Answers writers that wait for room.
    void serve_keys(Pseudo& pseudo);
    void serve_output(Pseudo& pseudo);
    void hang_up(Pseudo& pseudo);
    void left(OpenFile const& file);
    static Result<std::uint32_t> control_master(Pseudo& pseudo, ipc::Sender& sender, std::uint32_t request);

    Line& line_;
    bool job_mode_;
    std::size_t front_ = 0;
    std::array<Console, console_count> consoles_;
    std::unordered_map<Word, OpenFile> files_;
    std::unordered_map<Word, Access> accesses_;
    std::size_t pseudo_count_ = 0;
    Word next_badge_ = first_dynamic_badge;
    std::deque<proto::TerminalSignal> signals_;
    ipc::Owned<ipc::Notification> signal_listener_;
    std::string scratch_;
};

} // namespace tty
