#include "tty_server.hpp"
#include <charconv>

namespace tty {

using abi::Word;
using ipc::Cap;
using ipc::Error;
using ipc::fail;
using ipc::Result;
using ipc::Unit;

namespace {

constexpr char switch_key = 0x14; // ^T
constexpr std::uint32_t window_change_signal = 28;
constexpr std::uint32_t poll_in = 1, poll_out = 4;
constexpr std::uint32_t open_access = 3, open_nonblock = 04000, status_flags = open_nonblock | 02000;
constexpr std::size_t piece = 2048;

// ioctl(2) requests, asm-generic/ioctls.h.
constexpr std::uint32_t tcgets = 0x5401, tcsets = 0x5402, tcsetsw = 0x5403, tcsetsf = 0x5404, tcsbrk = 0x5409,
                        tcxonc = 0x540A, tcflsh = 0x540B, tiocoutq = 0x5411, tiocgwinsz = 0x5413, tiocswinsz = 0x5414,
                        fionread = 0x541B, tcsbrkp = 0x5425;

template <class Value>
Result<std::uint32_t> give(ipc::Sender& sender, Value const& value) {
    auto const transfer = sender.copy_out(0, std::as_bytes(std::span{&value, 1}));
    if (transfer.count != sizeof value) { return fail(Error::Fault); }
    return 0;
}
template <class Value>
Result<Value> take(ipc::Sender& sender) {
    Value value{};
    auto const transfer = sender.copy_in(0, std::as_writable_bytes(std::span{&value, 1}));
    if (transfer.count != sizeof value) { return fail(Error::Fault); }
    return value;
}

} // namespace

TtyServer::TtyServer(Line& line, bool job_mode, WindowSize size) : line_{line}, job_mode_{job_mode} {
    for (auto& console : consoles_) { console.size = size; }
}

TtyServer::OpenFile* TtyServer::file(Word badge) {
    auto const found = files_.find(badge);
    return found == files_.end() ? nullptr : &found->second;
}

TtyServer::Console* TtyServer::console_of(ipc::OptionalCap<proto::File> const& terminal) {
    ipc::release_unused(terminal); // a file of another server is no terminal
    auto const* open_file = terminal.unwrapped ? file(terminal.badge) : nullptr;
    return open_file == nullptr ? nullptr : console_of(*open_file);
}

Result<Cap<proto::File>> TtyServer::open(std::uint32_t minor, std::uint32_t flags) {
    if (minor >= console_count && minor != job_output_minor && minor != job_error_minor) {
        return fail(Error::NoDevice);
    }
    Word const badge = fresh_badge();
    auto capability = ipc::mint_session<proto::File>(badge);
    if (!capability) { return capability; }
    OpenFile& made = files_[badge];
    made.server = this;
    made.minor = minor;
    made.flags = flags & (open_access | status_flags);
    if (minor < console_count) {
        auto& console = consoles_[minor];
        ++console.open_files;
        if (!console.screen) { console.screen = std::make_unique<Screen>(console.size.rows, console.size.columns); }
    }
    return capability;
}

Word TtyServer::fresh_badge() {
    while (files_.contains(next_badge_) || event_set(next_badge_) != nullptr || next_badge_ < first_dynamic_badge) {
        next_badge_ = (next_badge_ + 1) & ((Word{1} << abi::badge_bits) - 1);
    }
    return next_badge_++;
}

void TtyServer::on_no_senders(Word badge) {
    if (end_event_set(badge)) { return; }
    auto const found = files_.find(badge);
    if (found == files_.end()) { return; }
    if (auto* console = console_of(found->second)) {
        std::erase_if(console->armed, [&](Armed const& armed) { return armed.badge == badge; });
        --console->open_files;
        if (console->open_files == 0) { // the next user finds a terminal as new, but for what it shows
            console->discipline = LineDiscipline{};
            console->foreground = console->session = 0;
        }
    }
    files_.erase(found);
}

// --- output ----------------------------------------------------------------------------------------------------------

void TtyServer::show(std::uint32_t minor, std::string_view processed) {
    auto& console = consoles_[minor];
    if (console.screen) { console.screen->write(processed); }
    if (!job_mode_ && minor == front_) { line_.write(processed); }
}

Result<proto::Transfer> TtyServer::on(proto::File::Write, ipc::Sender& sender, std::uint32_t group,
                                      ipc::ReadBuffer source) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr || (open_file->flags & open_access) == 0) { return fail(Error::BadDescriptor); }
    auto* console = console_of(*open_file);
    if (console != nullptr && (console->discipline.termios.local & local_flag::stop_background_output) != 0 &&
        console->foreground != 0 && group != 0 && group != console->foreground) {
        return fail(Error::Background);
    }
    proto::Transfer total{};
    char buffer[piece];
    while (total.count < source.length) {
        auto const wanted = std::min(piece, source.length - total.count);
        auto const transfer = sender.copy_in(total.count, std::as_writable_bytes(std::span{buffer, wanted}));
        std::string_view const text{buffer, transfer.count};
        if (console != nullptr) {
            scratch_.clear();
            console->discipline.output(text, scratch_);
            show(open_file->minor, scratch_);
        } else if (open_file->minor == job_output_minor) {
            line_.write(text);
        } else {
            line_.write_error(text);
        }
        total.count += static_cast<std::uint32_t>(transfer.count);
        if (transfer.count < wanted) {
            total.fault = transfer.caller_fault;
            break;
        }
    }
    return total;
}

// --- input -----------------------------------------------------------------------------------------------------------

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
    if (effect.signal != 0) { send_signal(console, effect.signal); }
    serve_readers(console);
}

void TtyServer::switch_to(std::size_t console) {
    front_ = console;
    line_.write(consoles_[console].screen->paint());
}

void TtyServer::send_signal(Console& console, std::uint32_t signal) {
    if (console.foreground == 0) { return; }
    signals_.push_back({console.foreground, signal});
    if (signal_listener_) { ipc::signal(signal_listener_.get()); }
}

std::optional<proto::Transfer> TtyServer::read_now(Console& console, ipc::Pending const& pending, std::size_t wanted) {
    proto::Transfer total{};
    char buffer[piece];
    auto const count = console.discipline.read(std::span{buffer, std::min(piece, wanted)});
    if (!count) { return {}; }
    auto const transfer = ipc::copy_out(pending, 0, std::as_bytes(std::span{buffer, *count}));
    total.count = static_cast<std::uint32_t>(transfer.count);
    if (transfer.count < *count) {
        total.fault = transfer.caller_fault;
        console.discipline.unread({buffer + transfer.count, *count - transfer.count});
    }
    return total;
}

void TtyServer::serve_readers(Console& console) {
    while (!console.readers.empty() && console.discipline.readable()) {
        auto const reader = console.readers.front();
        console.readers.pop_front();
        if (!ipc::pending(reader.pending)) { // a signal took its caller away
            ipc::discard(reader.pending);
            continue;
        }
        ipc::reply<proto::File::Read>(reader.pending, *read_now(console, reader.pending, reader.pending.write_length));
    }
    if (console.discipline.readable()) {
        for (auto& armed : console.armed) {
            if ((armed.events & poll_in) != 0) {
                ipc::signal(armed.notification.get());
                armed.events = 0;
            }
        }
        std::erase_if(console.armed, [](Armed const& armed) { return armed.events == 0; });
        for (auto& [badge, open] : files_) {
            if (console_of(open) == &console) { open.happened(poll_in); }
        }
    }
}

Result<proto::Transfer> TtyServer::on(proto::File::Read, ipc::Sender& sender, std::uint32_t group,
                                      ipc::WriteBuffer target) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr || (open_file->flags & open_access) == 1) { return fail(Error::BadDescriptor); }
    auto* console = console_of(*open_file);
    if (console == nullptr || target.length == 0) { return proto::Transfer{}; }
    if (console->foreground != 0 && group != 0 && group != console->foreground) { return fail(Error::Background); }
    if (console->readers.empty() && console->discipline.readable()) {
        auto const view = sender.view();
        return *read_now(*console, view, target.length);
    }
    if ((open_file->flags & open_nonblock) != 0) { return fail(Error::Again); }
    std::erase_if(console->readers, [](Reader const& reader) {
        bool const gone = !ipc::pending(reader.pending);
        if (gone) { ipc::discard(reader.pending); }
        return gone;
    });
    if (!console->discipline.termios.characters[character::minimum] &&
        (console->discipline.termios.local & local_flag::canonical) == 0) {
        return proto::Transfer{};
    }
    console->readers.push_back({sender.defer()});
    serve_readers(*console);
    return fail(Error::Deferred);
}

// --- the rest of File ------------------------------------------------------------------------------------------------

Result<proto::FileStatus> TtyServer::on(proto::File::Stat, ipc::Sender& sender) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    constexpr std::uint32_t character_device = 020000, permissions = 0620;
    proto::FileStatus status{};
    status.inode = 16 + open_file->minor;
    status.mode = character_device | permissions;
    status.links = 1;
    status.special_major = terminal_major;
    status.special_minor = open_file->minor;
    status.block_size = 1024;
    proto::FileStatus node{};
    if (line_.identify(open_file->minor, node)) {
        status.inode = node.inode;
        status.device_major = node.device_major;
        status.device_minor = node.device_minor;
        status.mode = node.mode;
        status.user = node.user;
        status.group = node.group;
    }
    return status;
}

std::uint32_t TtyServer::ready(OpenFile const& open_file) {
    auto* console = console_of(open_file);
    return poll_out | (console != nullptr && console->discipline.readable() ? poll_in : 0);
}

Result<std::uint32_t> TtyServer::on(proto::File::Poll, ipc::Sender& sender, std::uint32_t events) {
    if (auto const* const set = event_set(sender.badge)) { return set->poll(events); }
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    return ready(*open_file) & events;
}

Result<std::uint32_t> TtyServer::on(proto::File::PollArm, ipc::Sender& sender, std::uint32_t events,
                                    std::uint32_t token, Cap<ipc::Notification> notification) {
    if (auto* const set = event_set(sender.badge)) { return set->arm(events, token, notification); }
    ipc::Owned<ipc::Notification> owned{notification};
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    auto const now = ready(*open_file) & events;
    auto* console = console_of(*open_file);
    if (now == 0 && console != nullptr) { console->armed.push_back({sender.badge, token, events, std::move(owned)}); }
    return now;
}

Result<Unit> TtyServer::on(proto::File::PollDisarm, ipc::Sender& sender, std::uint32_t token) {
    if (auto* const set = event_set(sender.badge)) {
        set->disarm(token);
        return Unit{};
    }
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    if (auto* console = console_of(*open_file)) {
        std::erase_if(console->armed,
                      [&](Armed const& armed) { return armed.badge == sender.badge && armed.token == token; });
    }
    return Unit{};
}

Result<std::uint32_t> TtyServer::on(proto::File::Ioctl, ipc::Sender& sender, std::uint32_t request,
                                    std::uint32_t argument, ipc::ReadBuffer, ipc::WriteBuffer) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    auto* console = console_of(*open_file);
    if (console == nullptr) { // a job's output line is a file, not a terminal
        return fail(Error::NotTerminal);
    }
    switch (request) {
    case tcgets: return give(sender, console->discipline.termios);
    case tcsets:
    case tcsetsw:
    case tcsetsf: {
        auto const wanted = take<Termios>(sender);
        if (!wanted) { return fail(wanted.error()); }
        console->discipline.set_termios(*wanted);
        if (request == tcsetsf) { console->discipline.flush_input(); }
        serve_readers(*console);
        return 0;
    }
    case tiocgwinsz: return give(sender, console->size);
    case tiocswinsz: {
        auto const wanted = take<WindowSize>(sender);
        if (!wanted) { return fail(wanted.error()); }
        bool const changed = wanted->rows != console->size.rows || wanted->columns != console->size.columns;
        console->size = *wanted;
        if (changed && wanted->rows != 0 && wanted->columns != 0 && wanted->rows <= 512 && wanted->columns <= 512) {
            console->screen = std::make_unique<Screen>(wanted->rows, wanted->columns);
            send_signal(*console, window_change_signal);
        }
        return 0;
    }
    case fionread: return give(sender, static_cast<std::uint32_t>(console->discipline.available()));
    case tiocoutq: return give(sender, std::uint32_t{0});
    case tcflsh:
        if (argument != 1) { // TCOFLUSH has nothing to drop
            console->discipline.flush_input();
        }
        return 0;
    case tcsbrk:
    case tcsbrkp:
    case tcxonc: return 0;
    default: return fail(Error::NotTerminal);
    }
}

Result<std::uint32_t> TtyServer::on(proto::File::GetFlags, ipc::Sender& sender) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    return open_file->flags;
}

Result<Unit> TtyServer::on(proto::File::SetFlags, ipc::Sender& sender, std::uint32_t flags) {
    auto* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    open_file->flags = (open_file->flags & open_access) | (flags & status_flags);
    return Unit{};
}

Result<std::uint32_t> TtyServer::on(proto::File::Name, ipc::Sender& sender, ipc::WriteBuffer) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    char name[16] = "/dev/vc0";
    if (open_file->minor < console_count) {
        name[7] = static_cast<char>('0' + open_file->minor);
    } else {
        std::copy_n("/dev/ttyS0", 11, name);
        name[9] = static_cast<char>('0' + open_file->minor - job_output_minor);
    }
    std::string_view const text{name};
    sender.copy_out(0, std::as_bytes(std::span{text}));
    return static_cast<std::uint32_t>(text.size());
}

Result<TtyServer::Opened> TtyServer::on(proto::File::Reopen, ipc::Sender& sender, std::uint32_t flags) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    auto capability = open(open_file->minor, flags);
    if (!capability) { return fail(capability.error()); }
    return Opened{*capability, static_cast<std::uint32_t>(proto::FileKind::Terminal)};
}

Result<TtyServer::OpenReply> TtyServer::on(proto::Directory::Open, ipc::Sender& sender, proto::Directory::At const& at,
                                           proto::Directory::Caller const& caller, std::uint32_t flags, std::uint32_t,
                                           ipc::Path const& path) {
    ipc::release_unused(at, caller);
    char storage[16];
    auto const text = sender.read_path(path, storage);
    if (!text) { return fail(text.error()); }
    std::uint32_t minor = 0;
    auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), minor);
    if (error != std::errc{} || end != text->data() + text->size()) { return fail(Error::NoEntry); }
    auto capability = open(minor, flags);
    if (!capability) { return fail(capability.error()); }
    auto const kind = minor < console_count ? proto::FileKind::Terminal : proto::FileKind::CharacterDevice;
    return OpenReply{*capability, proto::OpenResult{kind, 16 + minor}};
}

// --- control ---------------------------------------------------------------------------------------------------------

Result<Cap<proto::File>> TtyServer::on(proto::TerminalControl::OpenConsole, ipc::Sender& sender, std::uint32_t minor) {
    constexpr std::uint32_t read_write = 2;
    if (sender.badge != control_badge) { return fail(Error::NotPermitted); }
    return open(minor, read_write);
}

Result<Unit> TtyServer::on(proto::TerminalControl::SetForeground, ipc::Sender& sender,
                           ipc::OptionalCap<proto::File> const& terminal, std::uint32_t group) {
    auto* console = console_of(terminal);
    if (console == nullptr || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    console->foreground = group;
    return Unit{};
}

Result<std::uint32_t> TtyServer::on(proto::TerminalControl::Foreground, ipc::Sender& sender,
                                    ipc::OptionalCap<proto::File> const& terminal) {
    auto const* console = console_of(terminal);
    if (console == nullptr || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    return console->foreground;
}

Result<Unit> TtyServer::on(proto::TerminalControl::SetSession, ipc::Sender& sender,
                           ipc::OptionalCap<proto::File> const& terminal, std::uint32_t session) {
    auto* console = console_of(terminal);
    if (console == nullptr || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    console->session = session;
    if (session == 0) { console->foreground = 0; }
    return Unit{};
}

Result<std::uint32_t> TtyServer::on(proto::TerminalControl::SessionOf, ipc::Sender& sender,
                                    ipc::OptionalCap<proto::File> const& terminal) {
    bool const own = terminal.unwrapped && file(terminal.badge) != nullptr;
    auto const* console = console_of(terminal);
    if (!own || sender.badge != control_badge) { return fail(Error::NotTerminal); }
    return console != nullptr ? console->session : 0; // a serial line is this server's, but nobody's terminal
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

} // namespace tty
