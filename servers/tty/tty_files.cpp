// Open terminals as files: reading, writing, polling, opening again.
#include "tty_server.hpp"
#include <charconv>

namespace tty {

Result<proto::Transfer> TtyServer::on(proto::File::Write, ipc::Sender& sender, std::uint32_t group,
                                      ipc::ReadBuffer source) {
    auto* const open_file = file(sender.badge);
    if (open_file == nullptr || (open_file->flags & open_flag::access) == 0) { return fail(Error::BadDescriptor); }
    Terminal* const terminal = open_file->terminal;
    if (terminal != nullptr && !open_file->master &&
        (terminal->discipline.termios.local & local_flag::stop_background_output) != 0 && terminal->foreground != 0 &&
        group != 0 && group != terminal->foreground) {
        return fail(Error::Background);
    }
    if (open_file->pseudo) { return write_pseudo(*open_file, sender); }
    proto::Transfer total{};
    char buffer[piece];
    while (total.count < source.length) {
        auto const wanted = std::min(piece, source.length - total.count);
        auto const transfer = sender.copy_in(total.count, std::as_writable_bytes(std::span{buffer, wanted}));
        std::string_view const text{buffer, transfer.count};
        if (terminal != nullptr) {
            scratch_.clear();
            terminal->discipline.output(text, scratch_);
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

std::optional<proto::Transfer> TtyServer::read_now(Terminal& terminal, ipc::Pending const& pending,
                                                   std::size_t wanted) {
    proto::Transfer total{};
    char buffer[piece];
    auto const count = terminal.discipline.read(std::span{buffer, std::min(piece, wanted)});
    if (!count) { return {}; }
    auto const transfer = ipc::copy_out(pending, 0, std::as_bytes(std::span{buffer, *count}));
    total.count = static_cast<std::uint32_t>(transfer.count);
    if (transfer.count < *count) {
        total.fault = transfer.caller_fault;
        terminal.discipline.unread({buffer + transfer.count, *count - transfer.count});
    }
    return total;
}

void TtyServer::serve_readers(Terminal& terminal) {
    while (!terminal.readers.empty() && terminal.discipline.readable()) {
        auto const reader = terminal.readers.front();
        terminal.readers.pop_front();
        if (!ipc::pending(reader)) { // a signal took its caller away
            ipc::discard(reader);
            continue;
        }
        ipc::reply<proto::File::Read>(reader, *read_now(terminal, reader, reader.write_length));
    }
    if (terminal.discipline.readable()) { tell(terminal, false, poll_event::in); }
}

Result<proto::Transfer> TtyServer::on(proto::File::Read, ipc::Sender& sender, std::uint32_t group,
                                      ipc::WriteBuffer target) {
    auto* const open_file = file(sender.badge);
    if (open_file == nullptr || (open_file->flags & open_flag::access) == open_flag::write_only) {
        return fail(Error::BadDescriptor);
    }
    Terminal* const terminal = open_file->terminal;
    if (terminal == nullptr || target.length == 0) { return proto::Transfer{}; }
    if (open_file->master) { return read_master(*open_file, sender, target.length); }
    if (open_file->pseudo && !open_file->pseudo->master) { return proto::Transfer{}; } // it has hung up
    if (terminal->foreground != 0 && group != 0 && group != terminal->foreground) { return fail(Error::Background); }
    if (terminal->readers.empty() && terminal->discipline.readable()) {
        auto const view = sender.view();
        auto const done = *read_now(*terminal, view, target.length);
        if (open_file->pseudo) { serve_keys(*open_file->pseudo); }
        return done;
    }
    if ((open_file->flags & open_flag::nonblock) != 0) { return fail(Error::Again); }
    std::erase_if(terminal->readers, [](ipc::Pending const& reader) {
        bool const gone = !ipc::pending(reader);
        if (gone) { ipc::discard(reader); }
        return gone;
    });
    if (!terminal->discipline.termios.characters[character::minimum] &&
        (terminal->discipline.termios.local & local_flag::canonical) == 0) {
        return proto::Transfer{};
    }
    terminal->readers.push_back(sender.defer());
    serve_readers(*terminal);
    return fail(Error::Deferred);
}

// --- waiting ---------------------------------------------------------------------------------------------------------

std::uint32_t TtyServer::ready(OpenFile const& open_file) {
    using namespace poll_event;
    Terminal const* const terminal = open_file.terminal;
    if (terminal == nullptr) { return out; }
    bool const readable = terminal->discipline.readable();
    if (!open_file.pseudo) { return out | (readable ? in : 0); }
    Pseudo const& pseudo = *open_file.pseudo;
    if (open_file.master) {
        return (pseudo.output.empty() ? 0 : in) | (pseudo.takes_keys() ? out : 0) | (pseudo.slave_closed ? hung_up : 0);
    }
    if (!pseudo.master) { return in | out | error | hung_up; }
    return (readable ? in : 0) | (pseudo.takes_output() ? out : 0);
}

namespace {
constexpr std::uint32_t always = poll_event::error | poll_event::hung_up;
}

Result<std::uint32_t> TtyServer::on(proto::File::Poll, ipc::Sender& sender, std::uint32_t events) {
    if (auto const* const set = event_set(sender.badge)) { return set->poll(events); }
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    return ready(*open_file) & (events | always);
}

Result<std::uint32_t> TtyServer::on(proto::File::PollArm, ipc::Sender& sender, std::uint32_t events,
                                    std::uint32_t token, Cap<ipc::Notification> notification) {
    if (auto* const set = event_set(sender.badge)) { return set->arm(events, token, notification); }
    ipc::Owned<ipc::Notification> owned{notification};
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    auto const now = ready(*open_file) & (events | always);
    if (now == 0 && open_file->terminal != nullptr) {
        open_file->terminal->armed.push_back({sender.badge, token, events, std::move(owned)});
    }
    return now;
}

Result<Unit> TtyServer::on(proto::File::PollDisarm, ipc::Sender& sender, std::uint32_t token) {
    if (auto* const set = event_set(sender.badge)) {
        set->disarm(token);
        return Unit{};
    }
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    if (Terminal* const terminal = open_file->terminal) {
        std::erase_if(terminal->armed,
                      [&](Armed const& armed) { return armed.badge == sender.badge && armed.token == token; });
    }
    return Unit{};
}

// --- what it is ------------------------------------------------------------------------------------------------------

Result<proto::FileStatus> TtyServer::on(proto::File::Stat, ipc::Sender& sender) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    constexpr std::uint32_t character_device = 020000, permissions = 0620, multiplexer_permissions = 0666;
    proto::FileStatus status{};
    status.links = 1;
    status.block_size = 1024;
    if (open_file->master) {
        constexpr std::uint32_t multiplexer_inode = 2, multiplexer_major = 5, multiplexer_minor = 2;
        status.inode = multiplexer_inode;
        status.device_minor = open_file->pseudo->id.instance;
        status.mode = character_device | multiplexer_permissions;
        status.special_major = multiplexer_major;
        status.special_minor = multiplexer_minor;
        return status;
    }
    status.inode = 16 + open_file->minor;
    status.mode = character_device | permissions;
    status.special_major = open_file->pseudo ? pseudo_major : terminal_major;
    status.special_minor = open_file->pseudo ? open_file->pseudo->id.index : open_file->minor;
    proto::FileStatus node{};
    if (open_file->pseudo) {
        if (auto const found = line_.terminal_status(open_file->pseudo->id)) {
            node = *found;
        } else {
            status.links = 0; // it has hung up
            return status;
        }
    } else if (!line_.identify(open_file->minor, node)) {
        return status;
    }
    status.inode = node.inode;
    status.device_major = node.device_major;
    status.device_minor = node.device_minor;
    status.mode = node.mode;
    status.user = node.user;
    status.group = node.group;
    return status;
}

Result<std::uint32_t> TtyServer::on(proto::File::GetFlags, ipc::Sender& sender) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    return open_file->flags;
}

Result<Unit> TtyServer::on(proto::File::SetFlags, ipc::Sender& sender, std::uint32_t flags) {
    auto* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    open_file->flags = (open_file->flags & open_flag::access) | (flags & open_flag::status);
    return Unit{};
}

Result<std::uint32_t> TtyServer::on(proto::File::Name, ipc::Sender& sender, ipc::WriteBuffer) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    std::string text;
    if (open_file->master) {
        text = "/dev/pts/ptmx";
    } else if (open_file->pseudo) {
        text = "/dev/pts/" + std::to_string(open_file->pseudo->id.index);
        if (!open_file->pseudo->master) { text += " (deleted)"; }
    } else if (open_file->minor < console_count) {
        text = "/dev/vc" + std::to_string(open_file->minor);
    } else {
        text = "/dev/ttyS" + std::to_string(open_file->minor - job_output_minor);
    }
    sender.copy_out(0, std::as_bytes(std::span{text}));
    return static_cast<std::uint32_t>(text.size());
}

// --- opening ---------------------------------------------------------------------------------------------------------

namespace {
/// What is open so may be opened so: nothing that it was not open for.
bool allows(std::uint32_t mode, std::uint32_t flags) {
    return (mode & open_flag::access) == open_flag::read_write ||
           (mode & open_flag::access) == (flags & open_flag::access);
}
} // namespace

Result<TtyServer::Opened> TtyServer::on(proto::File::Reopen, ipc::Sender& sender, std::uint32_t flags) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    if (open_file->master) { return fail(Error::InputOutput); }
    if (!allows(open_file->flags, flags)) { return fail(Error::Access); }
    auto capability = open_file->pseudo ? open_slave(open_file->pseudo, flags) : open(open_file->minor, flags);
    if (!capability) { return fail(capability.error()); }
    return Opened{*capability, static_cast<std::uint32_t>(proto::FileKind::Terminal)};
}

Result<TtyServer::OpenReply> TtyServer::on(proto::Directory::Open, ipc::Sender& sender, proto::Directory::At const& at,
                                           proto::Directory::Caller const& caller, std::uint32_t flags, std::uint32_t,
                                           ipc::Path const& path) {
    ipc::release_unused(at, caller);
    constexpr std::uint32_t first_inode = 3;
    auto const reply = [](Result<Cap<proto::File>> const& opened, proto::FileKind kind,
                          std::uint32_t inode) -> Result<OpenReply> {
        if (!opened) { return fail(opened.error()); }
        return OpenReply{*opened, proto::OpenResult{kind, inode}};
    };
    if (auto const access = accesses_.find(sender.badge); access != accesses_.end()) {
        if (!allows(access->second.mode, flags)) { return fail(Error::Access); }
        auto const pseudo = access->second.pseudo;
        return reply(open_slave(pseudo, flags), proto::FileKind::Terminal, first_inode + pseudo->id.index);
    }
    if (OpenFile const* const master = file(sender.badge); master != nullptr && master->master) {
        auto const pseudo = master->pseudo;
        return reply(open_slave(pseudo, flags), proto::FileKind::Terminal, first_inode + pseudo->id.index);
    }
    if (sender.badge != device_badge) { return fail(Error::NotDirectory); }
    char storage[16];
    auto const text = sender.read_path(path, storage);
    if (!text) { return fail(text.error()); }
    std::uint32_t minor = 0;
    auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), minor);
    if (error != std::errc{} || end != text->data() + text->size()) { return fail(Error::NoEntry); }
    return reply(open(minor, flags),
                 minor < console_count ? proto::FileKind::Terminal : proto::FileKind::CharacterDevice, 16 + minor);
}

} // namespace tty
