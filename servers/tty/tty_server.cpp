// Open terminals, consoles and their keys, what proc asks for.
#include "tty_server.hpp"

namespace tty {

namespace {
constexpr char switch_key = 0x14; // ^T
} // namespace

TtyServer::TtyServer(Line& line, bool job_mode, WindowSize size) : line_{line}, job_mode_{job_mode} {
    for (auto& console : consoles_) { console.size = size; }
}

OpenFile* TtyServer::file(Word badge) {
    auto const found = files_.find(badge);
    return found == files_.end() ? nullptr : &found->second;
}

Terminal* TtyServer::terminal_of(ipc::OptionalCap<proto::File> const& terminal) {
    ipc::release_unused(terminal); // a file of another server is no terminal
    auto const* open_file = terminal.unwrapped ? file(terminal.badge) : nullptr;
    return open_file == nullptr || open_file->master ? nullptr : open_file->terminal;
}

Result<Cap<proto::File>> TtyServer::enter(std::uint32_t flags, Terminal* terminal, OpenFile*& made) {
    Word const badge = fresh_badge();
    auto capability = ipc::mint_session<proto::File>(badge);
    if (!capability) { return capability; }
    made = &files_[badge];
    made->badge = badge;
    made->flags = flags & (open_flag::access | open_flag::status);
    made->terminal = terminal;
    if (terminal != nullptr) { terminal->files.push_back(made); }
    return capability;
}

Result<Cap<proto::File>> TtyServer::open(std::uint32_t minor, std::uint32_t flags) {
    if (minor >= console_count && minor != job_output_minor && minor != job_error_minor) {
        return fail(Error::NoDevice);
    }
    Console* const console = minor < console_count ? &consoles_[minor] : nullptr;
    OpenFile* made = nullptr;
    auto capability = enter(flags, console, made);
    if (!capability) { return capability; }
    made->minor = minor;
    if (console != nullptr && !console->screen) {
        console->screen = std::make_unique<Screen>(console->size.rows, console->size.columns);
    }
    return capability;
}

Word TtyServer::fresh_badge() {
    while (files_.contains(next_badge_) || accesses_.contains(next_badge_) || event_set(next_badge_) != nullptr ||
           next_badge_ < first_dynamic_badge) {
        next_badge_ = (next_badge_ + 1) & ((Word{1} << abi::badge_bits) - 1);
    }
    return next_badge_++;
}

void TtyServer::on_no_senders(Word badge) {
    if (end_event_set(badge) || accesses_.erase(badge) != 0) { return; }
    auto const found = files_.find(badge);
    if (found == files_.end()) { return; }
    OpenFile& gone = found->second;
    if (Terminal* const terminal = gone.terminal) {
        std::erase_if(terminal->armed, [&](Armed const& armed) { return armed.badge == badge; });
        std::erase(terminal->files, &gone);
        if (gone.pseudo) {
            left(gone);
        } else if (terminal->files.empty()) { // the next user finds a terminal as new, but for what it shows
            terminal->discipline = LineDiscipline{};
            terminal->foreground = terminal->session = 0;
        }
    }
    files_.erase(found);
}

void TtyServer::tell(Terminal& terminal, bool masters, std::uint32_t events) {
    for (OpenFile* const open : terminal.files) {
        if (open->master != masters) { continue; }
        std::uint32_t const now = ready(*open);
        for (auto& armed : terminal.armed) {
            constexpr std::uint32_t always = poll_event::error | poll_event::hung_up;
            if (armed.badge == open->badge && !armed.done && (now & (armed.events | always)) != 0) {
                ipc::signal(armed.notification.get());
                armed.done = true;
            }
        }
        open->happened(events);
    }
    std::erase_if(terminal.armed, [](Armed const& armed) { return armed.done; });
}

// --- consoles --------------------------------------------------------------------------------------------------------

void TtyServer::show(std::uint32_t minor, std::string_view processed) {
    auto& console = consoles_[minor];
    if (console.screen) { console.screen->write(processed); }
    if (!job_mode_ && minor == front_) { line_.write(processed); }
}

void TtyServer::input(std::string_view bytes) {
    if (job_mode_) { return; }
    for (char const byte : bytes) { key(static_cast<std::uint8_t>(byte)); }
}

void TtyServer::key(std::uint8_t byte) {
    if (byte == switch_key) {
        for (std::size_t step = 1; step <= console_count; ++step) {
            auto const next = (front_ + step) % console_count;
            if (consoles_[next].screen) {
                switch_to(next);
                break;
            }
        }
        return;
    }
    auto& console = consoles_[front_];
    std::string echo;
    auto const effect = console.discipline.input(byte, echo);
    if (!echo.empty()) { show(static_cast<std::uint32_t>(front_), echo); }
    if (effect.signal != 0) { send_signal(console.foreground, effect.signal); }
    serve_readers(console);
}

void TtyServer::switch_to(std::size_t console) {
    front_ = console;
    line_.write(consoles_[console].screen->paint());
}

void TtyServer::send_signal(std::uint32_t group, std::uint32_t signal, bool leader_only) {
    if (group == 0) { return; }
    signals_.push_back({group, signal, leader_only ? 1U : 0U});
    if (signal_listener_) { ipc::signal(signal_listener_.get()); }
}

// --- control ---------------------------------------------------------------------------------------------------------

Result<Cap<proto::File>> TtyServer::on(proto::TerminalControl::OpenConsole, ipc::Sender& sender, std::uint32_t minor) {
    if (sender.badge != control_badge) { return fail(Error::NotPermitted); }
    return open(minor, open_flag::read_write);
}

Result<Unit> TtyServer::on(proto::TerminalControl::SetForeground, ipc::Sender& sender,
                           ipc::OptionalCap<proto::File> const& terminal, std::uint32_t group) {
    auto* const found = terminal_of(terminal);
    if (found == nullptr || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    found->foreground = group;
    return Unit{};
}

Result<std::uint32_t> TtyServer::on(proto::TerminalControl::Foreground, ipc::Sender& sender,
                                    ipc::OptionalCap<proto::File> const& terminal) {
    auto const* const found = terminal_of(terminal);
    if (found == nullptr || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    return found->foreground;
}

Result<Unit> TtyServer::on(proto::TerminalControl::SetSession, ipc::Sender& sender,
                           ipc::OptionalCap<proto::File> const& terminal, std::uint32_t session) {
    auto* const found = terminal_of(terminal);
    if (found == nullptr || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    found->session = session;
    if (session == 0) { found->foreground = 0; }
    return Unit{};
}

Result<std::uint32_t> TtyServer::on(proto::TerminalControl::SessionOf, ipc::Sender& sender,
                                    ipc::OptionalCap<proto::File> const& terminal) {
    auto const* const own = terminal.unwrapped ? file(terminal.badge) : nullptr;
    auto const* const found = terminal_of(terminal);
    if (own == nullptr || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    return found != nullptr ? found->session : 0; // a serial line or a master is this server's, but nobody's terminal
}

Result<Unit> TtyServer::on(proto::TerminalControl::NotifySignals, ipc::Sender& sender,
                           Cap<ipc::Notification> notification) {
    ipc::Owned<ipc::Notification> owned{notification};
    if (sender.badge != control_badge) { return fail(Error::NotPermitted); }
    signal_listener_ = std::move(owned);
    return Unit{};
}

Result<proto::TerminalSignal> TtyServer::on(proto::TerminalControl::TakeSignal, ipc::Sender& sender) {
    if (sender.badge != control_badge) { return fail(Error::NotPermitted); }
    if (signals_.empty()) { return fail(Error::NoData); }
    auto const signal = signals_.front();
    signals_.pop_front();
    return signal;
}

std::uint32_t OpenFile::events_now() const { return TtyServer::ready(*this); }

} // namespace tty
