// Pseudo terminals (pty(7)): what a master writes are keys, what programs write it reads. Either direction holds a bounded amount, and who
// has more to write waits.
#include "tty_server.hpp"

namespace tty {

namespace {
constexpr std::uint32_t hang_up_signal = 1;
constexpr std::size_t small_piece = 256; ///< a limit is overrun by no more than this, doubled by output processing
} // namespace

Result<Cap<proto::File>> TtyServer::on(proto::TerminalControl::NewPseudoTerminal, ipc::Sender& sender,
                                       ipc::OptionalCap<proto::File> const& multiplexer, std::uint32_t flags) {
    ipc::Owned<proto::File> const given{Cap<proto::File>{multiplexer.slot}};
    if (sender.badge != control_badge) { return fail(Error::NotPermitted); }
    if (!given) { return fail(Error::BadDescriptor); }
    if (pseudo_count_ >= pseudo_maximum) { return fail(Error::NoSpace); }
    auto const id = line_.new_terminal(given.slot());
    if (!id) { return fail(id.error()); }
    auto const pseudo = std::make_shared<Pseudo>();
    pseudo->id = *id;
    pseudo->size = {0, 0, 0, 0};
    Word badges[3]{};
    Cap<proto::Directory> access[3];
    auto const undo = [&](Error error) {
        for (Word const badge : badges) {
            if (badge != 0) {
                ipc::forget(badge);
                accesses_.erase(badge);
            }
        }
        line_.end_terminal(*id);
        return fail(error);
    };
    for (std::uint32_t mode = 0; mode < 3; ++mode) {
        Word const badge = fresh_badge();
        auto const made = ipc::mint_session<proto::Directory>(badge);
        if (!made) { return undo(made.error()); }
        badges[mode] = badge;
        access[mode] = *made;
        accesses_[badge] = {pseudo, mode};
    }
    OpenFile* master = nullptr;
    auto const capability = enter(flags, pseudo.get(), master);
    if (!capability) { return undo(capability.error()); }
    master->pseudo = pseudo;
    master->master = true;
    ++pseudo_count_;
    if (auto const done = line_.set_terminal(*id, access); !done) {
        Word const badge = master->badge;
        ipc::forget(badge);
        files_.erase(badge);
        --pseudo_count_;
        return undo(done.error());
    }
    return *capability;
}

Result<Cap<proto::File>> TtyServer::open_slave(std::shared_ptr<Pseudo> const& pseudo, std::uint32_t flags) {
    if (!pseudo->master || pseudo->locked) { return fail(Error::InputOutput); }
    if (pseudo->files.size() > slave_maximum) { return fail(Error::TooManyFilesSystem); }
    OpenFile* made = nullptr;
    auto const capability = enter(flags, pseudo.get(), made);
    if (!capability) { return capability; }
    made->pseudo = pseudo;
    ++pseudo->slaves;
    pseudo->slave_closed = false;
    return capability;
}

void TtyServer::left(OpenFile const& gone) {
    Pseudo& pseudo = *gone.pseudo;
    if (gone.master) {
        hang_up(pseudo);
        return;
    }
    if (--pseudo.slaves != 0) { return; }
    pseudo.slave_closed = true;
    serve_masters(pseudo);
    tell(pseudo, true, poll_event::hung_up);
}

void TtyServer::hang_up(Pseudo& pseudo) {
    pseudo.master = false;
    --pseudo_count_;
    line_.end_terminal(pseudo.id);
    send_signal(pseudo.session, hang_up_signal, true);
    auto const answer = [](ipc::Pending const& waiting, auto reply) {
        if (ipc::pending(waiting)) {
            reply();
        } else {
            ipc::discard(waiting);
        }
    };
    for (auto const& reader : std::exchange(pseudo.readers, {})) {
        answer(reader, [&] { ipc::reply<proto::File::Read>(reader, proto::Transfer{}); });
    }
    for (auto const& writer : std::exchange(pseudo.slave_writers, {})) {
        answer(writer.pending, [&] { ipc::reply<proto::File::Write>(writer.pending, fail(Error::InputOutput)); });
    }
    pseudo.output.clear();
    tell(pseudo, false, poll_event::in | poll_event::out | poll_event::error | poll_event::hung_up);
}

// --- the master reads ------------------------------------------------------------------------------------------------

proto::Transfer TtyServer::give_output(Pseudo& pseudo, ipc::Pending const& to, std::size_t wanted) {
    auto const part = std::string_view{pseudo.output}.substr(0, wanted);
    auto const transfer = ipc::copy_out(to, 0, std::as_bytes(std::span{part}));
    pseudo.output.erase(0, transfer.count);
    return {static_cast<std::uint32_t>(transfer.count), transfer.count < part.size() ? transfer.caller_fault : 0};
}

Result<proto::Transfer> TtyServer::read_master(OpenFile& open_file, ipc::Sender& sender, std::size_t wanted) {
    Pseudo& pseudo = *open_file.pseudo;
    if (!pseudo.output.empty() && pseudo.master_readers.empty()) {
        auto const done = give_output(pseudo, sender.view(), wanted);
        serve_output(pseudo);
        return done;
    }
    if (pseudo.slave_closed && pseudo.output.empty()) { return fail(Error::InputOutput); }
    if ((open_file.flags & open_flag::nonblock) != 0) { return fail(Error::Again); }
    pseudo.master_readers.push_back(sender.defer());
    serve_masters(pseudo);
    return fail(Error::Deferred);
}

void TtyServer::serve_masters(Pseudo& pseudo) {
    std::erase_if(pseudo.master_readers, [](ipc::Pending const& reader) {
        bool const gone = !ipc::pending(reader);
        if (gone) { ipc::discard(reader); }
        return gone;
    });
    while (!pseudo.master_readers.empty() && (!pseudo.output.empty() || pseudo.slave_closed)) {
        auto const reader = pseudo.master_readers.front();
        pseudo.master_readers.pop_front();
        if (pseudo.output.empty()) {
            ipc::reply<proto::File::Read>(reader, fail(Error::InputOutput));
            continue;
        }
        ipc::reply<proto::File::Read>(reader, give_output(pseudo, reader, reader.write_length));
    }
    if (!pseudo.output.empty()) { tell(pseudo, true, poll_event::in); }
}

// --- writing ---------------------------------------------------------------------------------------------------------

namespace {
/// Takes from a writer piece by piece, while there is room. False: it waits for room.
template <class HasRoom, class Take>
bool take_pieces(ipc::Pending const& from, proto::Transfer& done, HasRoom has_room, Take take) {
    char buffer[small_piece];
    while (done.count < from.read_length) {
        if (!has_room()) { return false; }
        auto const wanted = std::min<std::size_t>(small_piece, from.read_length - done.count);
        auto const transfer = ipc::copy_in(from, done.count, std::as_writable_bytes(std::span{buffer, wanted}));
        take(std::string_view{buffer, transfer.count});
        done.count += static_cast<std::uint32_t>(transfer.count);
        if (transfer.count < wanted) {
            done.fault = transfer.caller_fault;
            return true;
        }
    }
    return true;
}
} // namespace

bool TtyServer::take_keys(Pseudo& pseudo, ipc::Pending const& from, proto::Transfer& done) {
    auto const has_room = [&] { return pseudo.takes_keys(); };
    return take_pieces(from, done, has_room, [&](std::string_view keys) {
        std::string echo;
        for (char const byte : keys) {
            auto const effect = pseudo.discipline.input(static_cast<std::uint8_t>(byte), echo);
            if (effect.signal != 0) { send_signal(pseudo.foreground, effect.signal); }
        }
        if (pseudo.output.size() < 2 * Pseudo::room) { pseudo.output += echo; } // an echo that nobody reads is lost
    });
}

bool TtyServer::take_output(Pseudo& pseudo, ipc::Pending const& from, proto::Transfer& done) {
    auto const has_room = [&] { return pseudo.takes_output(); };
    return take_pieces(from, done, has_room,
                       [&](std::string_view text) { pseudo.discipline.output(text, pseudo.output); });
}

Result<proto::Transfer> TtyServer::write_pseudo(OpenFile& open_file, ipc::Sender& sender) {
    Pseudo& pseudo = *open_file.pseudo;
    if (!open_file.master && !pseudo.master) { return fail(Error::InputOutput); }
    auto& waiting = open_file.master ? pseudo.master_writers : pseudo.slave_writers;
    proto::Transfer done{};
    bool const all = waiting.empty() && (open_file.master ? take_keys(pseudo, sender.view(), done)
                                                          : take_output(pseudo, sender.view(), done));
    bool const may_wait = (open_file.flags & open_flag::nonblock) == 0;
    if (!all && may_wait) { waiting.push_back({sender.defer(), done}); }
    if (open_file.master) {
        serve_readers(pseudo);
        serve_output(pseudo); // ^Q may have come
        serve_keys(pseudo);
    }
    serve_masters(pseudo);
    if (all || (!may_wait && done.count != 0)) { return done; }
    return fail(may_wait ? Error::Deferred : Error::Again);
}

namespace {
/// Goes on with writes that wait, while `take` takes.
template <class Take>
bool go_on(std::deque<Writer>& waiting, Take take) {
    bool any = false;
    while (!waiting.empty()) {
        Writer& first = waiting.front();
        if (!ipc::pending(first.pending)) {
            ipc::discard(first.pending);
        } else {
            auto const before = first.done.count;
            bool const finished = take(first.pending, first.done);
            any = any || first.done.count != before;
            if (!finished) { break; }
            ipc::reply<proto::File::Write>(first.pending, first.done);
        }
        waiting.pop_front();
    }
    return any;
}
} // namespace

void TtyServer::serve_keys(Pseudo& pseudo) {
    while (go_on(pseudo.master_writers,
                 [&](ipc::Pending const& from, proto::Transfer& done) { return take_keys(pseudo, from, done); })) {
        serve_readers(pseudo);
        serve_masters(pseudo);
    }
    if (pseudo.takes_keys()) { tell(pseudo, true, poll_event::out); }
}

void TtyServer::serve_output(Pseudo& pseudo) {
    while (go_on(pseudo.slave_writers,
                 [&](ipc::Pending const& from, proto::Transfer& done) { return take_output(pseudo, from, done); })) {
        serve_masters(pseudo);
    }
    if (pseudo.takes_output()) { tell(pseudo, false, poll_event::out); }
}

} // namespace tty
