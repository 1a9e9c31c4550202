// Protocol TerminalControl: what proc and the container manager ask of tty. Programs use File (read, write, ioctl) on the open
// terminal; job control goes through proc (Process::SetForeground), which vouches for groups and sessions.
#pragma once
#include "file.hpp"

namespace proto {
/// Groups and sessions are proc's own global numbers, never a namespace's PIDs.
struct TerminalSignal {
    std::uint32_t group, signal;
    std::uint32_t leader_only = 0; ///< 1: `group` is a session, and only its leader gets the signal
};
struct TerminalControl {
    static constexpr abi::Word number = 13;
    /// An open terminal: minor 0..7 virtual console vcN, 64 raw standard output of a job (COM1), 65 its standard error (COM2).
    using OpenConsole = ipc::Method<TerminalControl, 1, ipc::Cap<File>(std::uint32_t minor)>;
    /// All take the open terminal, unwrapped.
    using SetForeground = ipc::Method<TerminalControl, 2, ipc::Unit(ipc::OptionalCap<File>, std::uint32_t group)>;
    using Foreground = ipc::Method<TerminalControl, 3, std::uint32_t(ipc::OptionalCap<File>)>;
    using SetSession =
        ipc::Method<TerminalControl, 4,
                    ipc::Unit(ipc::OptionalCap<File>, std::uint32_t session)>; ///< 0: none; foreground with it
    /// NotTerminal: not a file of tty's. A serial line of a job belongs to no session: 0.
    using SessionOf = ipc::Method<TerminalControl, 5, std::uint32_t(ipc::OptionalCap<File>)>;
    /// Signals due to groups (^C, ^Z, ^\, hang-up, window change), oldest first; NoData if none. The notification tells of them.
    using NotifySignals = ipc::Method<TerminalControl, 6, ipc::Unit(ipc::Cap<ipc::Notification>)>;
    using TakeSignal = ipc::Method<TerminalControl, 7, TerminalSignal()>;
    /// Waits until all output is out (before power-off).
    using Drain = ipc::Method<TerminalControl, 8, ipc::Unit()>;
    /// The master of a new pseudo terminal in the devpts whose ptmx this open file of vfs's is. flags: open(2). Errors: as VfsControl::NewTerminal.
    using NewPseudoTerminal =
        ipc::Method<TerminalControl, 9, ipc::Cap<File>(ipc::OptionalCap<File>, std::uint32_t flags)>;
    using methods = ipc::Methods<OpenConsole, SetForeground, Foreground, SetSession, SessionOf, NotifySignals,
                                 TakeSignal, Drain, NewPseudoTerminal>;
};
} // namespace proto
