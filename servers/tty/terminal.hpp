// What terminals of every sort have: a line discipline, a size, job control as proc tells it, who waits. And pseudo terminals.
#pragma once
#include "ipc/event_set.hpp"
#include "ipc/objects.hpp"
#include "ipc/sender.hpp"
#include "line_discipline.hpp"
#include "proto/terminal.hpp"
#include "proto/vfs.hpp"
#include "screen.hpp"
#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

namespace tty {

class OpenFile;
struct Pseudo;

/// A poll that waits for one signal.
struct Armed {
    abi::Word badge;
    std::uint32_t token, events;
    ipc::Owned<ipc::Notification> notification;
    bool done = false; ///< it has had its signal
};

/// A write that waits for room.
struct Writer {
    ipc::Pending pending;
    proto::Transfer done;
};

struct Terminal {
    LineDiscipline discipline;
    WindowSize size;
    std::uint32_t foreground = 0, session = 0;
    std::deque<ipc::Pending> readers;
    std::vector<Armed> armed;
    std::vector<OpenFile*> files; ///< open, masters too
    Pseudo* pseudo = nullptr;     ///< it is one
};

struct Console : Terminal {
    std::unique_ptr<Screen> screen; ///< made when the console is first used
};

/// A terminal whose keyboard and screen are a program: the master (pty(7)).
struct Pseudo : Terminal {
    Pseudo() { pseudo = this; }
    Pseudo(Pseudo const&) = delete;
    Pseudo& operator=(Pseudo const&) = delete;
    static constexpr std::size_t room = 4096; ///< of either direction; one more piece may come on top
    proto::PseudoTerminal id{};
    bool master = true;        ///< still open: else it has hung up
    bool locked = true;        ///< until unlockpt(3)
    bool slave_closed = false; ///< it was open and nobody has it open now
    std::uint32_t slaves = 0;
    [[nodiscard]] bool takes_keys() const { return discipline.available() < room; }
    [[nodiscard]] bool takes_output() const { return !discipline.stopped() && output.size() < room; }
    std::string output; ///< for the master to read
    std::deque<ipc::Pending> master_readers;
    std::deque<Writer> slave_writers, master_writers;
};

/// An open terminal, a master, or the output line of a job.
class OpenFile final : public ipc::EventSource {
public:
    [[nodiscard]] std::uint32_t events_now() const override;
    abi::Word badge = 0;
    std::uint32_t minor = 0, flags = 0; ///< minor: of consoles and lines
    Terminal* terminal = nullptr;       ///< null: a job's line
    std::shared_ptr<Pseudo> pseudo;
    bool master = false;
};

} // namespace tty
