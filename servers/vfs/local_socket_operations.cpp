// AF_UNIX sockets of sessions: making, naming, finding, connecting (unix(7)).
#include "local_names.hpp"
#include "vfs.hpp"
#include <algorithm>

namespace vfs {
namespace {
constexpr std::uint32_t connection_maximum = 4096; // net.core.somaxconn

Result<LocalSocket::Type> type_of(std::uint32_t type) {
    switch (type & 0xff) {
    case 1: return LocalSocket::Type::Stream;
    case 2:
    case 3: return LocalSocket::Type::Datagram; // SOCK_RAW is taken for it
    case 5: return LocalSocket::Type::SequencedPacket;
    default: return fail(Error::SocketTypeNotSupported);
    }
}
Identity identity_of(Credentials const& who) { return {who.process, who.user, who.group}; }
} // namespace

Identity OpenFile::identity() const { return identity_of(opener); }

Result<Slot> Vfs::open_socket(Credentials const& who, Ref<QuotaDomain> const& domain, std::uint32_t flags,
                              Ref<LocalSocket> socket) {
    auto inode = anonymous_->make(mode::socket | 0777, {}, &who);
    if (!inode) { return fail(Error::TooManyFilesSystem); }
    OpenFile* made = nullptr;
    auto const opened = make_file(who, domain, OpenFile::Kind::LocalSocket,
                                  (flags & open_flag::nonblock) | open_flag::read_write, *inode, {}, &made);
    if (!opened) { return fail(opened.error()); }
    made->set_special(Ref<SpecialFile>{socket.get()});
    return opened->slot;
}

Result<Slot> Vfs::create_socket(Session& view, std::uint32_t type) {
    auto const kind = type_of(type);
    if (!kind) { return fail(kind.error()); }
    if (view.network == 0) { return fail(Error::Elsewhere); }
    Ref<LocalSocket> const made{new LocalSocket{*this, *kind, view.domain}};
    made->home = view.network;
    return open_socket(view.who, view.domain, type, made);
}

Result<std::array<Slot, 2>> Vfs::socket_pair(Session& view, std::uint32_t type) {
    auto const kind = type_of(type);
    if (!kind) { return fail(kind.error()); }
    if (view.network == 0) { return fail(Error::Elsewhere); }
    Ref<LocalSocket> const ends[2] = {new LocalSocket{*this, *kind, view.domain},
                                      new LocalSocket{*this, *kind, view.domain}};
    std::array<Slot, 2> slots{};
    for (unsigned i = 0; i < 2; ++i) {
        auto const slot = open_socket(view.who, view.domain, type, ends[i]);
        if (!slot) {
            if (i == 1) {
                Badge const first = ends[0]->file->badge;
                environment_.port.forget(first);
                close(first);
            }
            return fail(slot.error());
        }
        slots[i] = *slot;
    }
    LocalSocket::join(*ends[0], *ends[1]);
    ends[0]->home = ends[1]->home = view.network;
    ends[0]->peer_credentials = ends[1]->peer_credentials = identity_of(view.who);
    return slots;
}

Result<Ref<LocalSocket>> Vfs::find_socket(Session& view, LocalName const& name, LocalSocket::Type type) {
    if (name.abstract) {
        if (view.network == 0) { return fail(Error::Elsewhere); }
        LocalSocket* const found = names_.find(view.network, type, name.text);
        if (found == nullptr) { return fail(Error::ConnectionRefused); }
        return Ref<LocalSocket>{found};
    }
    auto const found = walk(view, {}, name.text, walk_flag::follow);
    if (!found) { return fail(found.error()); }
    Inode const& inode = *found->place.dentry->inode;
    if (!permitted(inode, view.who, may::write)) { return fail(Error::Access); }
    if (inode.type() != mode::socket || inode.local_socket == nullptr) { return fail(Error::ConnectionRefused); }
    if (inode.local_socket->type != type) { return fail(Error::WrongProtocolType); }
    return Ref<LocalSocket>{inode.local_socket};
}

Error Vfs::bind_socket(Session& view, LocalSocket& socket, std::span<std::byte const> address) {
    auto const name = LocalName::parse(address);
    if (!name) { return name.error(); }
    if (!socket.name.empty()) { return name->unnamed ? Error::None : Error::Invalid; }
    if (name->unnamed || name->abstract) {
        if (view.network == 0) { return Error::Elsewhere; }
        if (name->unnamed) { return names_.bind_unused(view.network, socket, environment_.port.random()); }
        return names_.bind(view.network, socket, name->text) ? Error::None : Error::AddressInUse;
    }
    auto const found = walk_new(view, {}, name->text, false);
    if (!found) { return found.error() == Error::Exists ? Error::AddressInUse : found.error(); }
    auto const made = create(view, found->directory, found->last, mode::socket | 0777);
    if (!made) { return made.error(); }
    socket.inode = (*made)->inode;
    socket.inode->local_socket = &socket;
    socket.name = LocalName::address(name->text + '\0');
    return Error::None;
}

void Vfs::unname(LocalSocket& socket) {
    if (socket.inode) {
        socket.inode->local_socket = nullptr;
        socket.inode.reset();
    } else if (!socket.name.empty()) {
        names_.remove(socket);
    }
}

Error Vfs::listen_socket(Session& view, LocalSocket& socket, std::uint32_t backlog) {
    if (!socket.connects()) { return Error::NotSupported; }
    if (socket.name.empty() || socket.state == LocalSocket::State::Connected) { return Error::Invalid; }
    socket.state = LocalSocket::State::Listening;
    socket.backlog_maximum = std::min(backlog, connection_maximum);
    socket.credentials = identity_of(view.who);
    admit_connections(socket);
    return Error::None;
}

Error Vfs::connect_socket(Session& view, LocalSocket& socket, std::span<std::byte const> address, Caller& caller) {
    auto const name = LocalName::parse(address);
    if (!socket.connects() && address.size() >= 2 &&
        LocalName::family(address) == LocalName::unspecified) { // dissolves the association
        socket.set_peer(nullptr);
        socket.peer_name.clear();
        socket.state = LocalSocket::State::Unconnected;
        return Error::None;
    }
    if (!name) { return name.error(); }
    if (name->unnamed) { return socket.connects() ? Error::ConnectionRefused : Error::Invalid; }
    auto const found = find_socket(view, *name, socket.type);
    if (!found) { return found.error(); }
    LocalSocket& target = **found;
    if (!socket.connects()) {
        if (target.peer() != nullptr && target.peer() != &socket) { return Error::NotPermitted; }
        socket.set_peer(&target);
        socket.peer_name = target.name;
        socket.state = LocalSocket::State::Connected;
        return Error::None;
    }
    if (target.state != LocalSocket::State::Listening) { return Error::ConnectionRefused; }
    if (socket.state == LocalSocket::State::Connected) { return Error::IsConnected; }
    if (socket.state == LocalSocket::State::Listening) { return Error::Invalid; }
    if (socket.passes_credentials && socket.name.empty()) {
        if (view.network == 0) { return Error::Elsewhere; }
        if (Error const error = names_.bind_unused(view.network, socket, environment_.port.random());
            error != Error::None) {
            return error;
        }
    }
    if (target.backlog_full()) {
        if ((socket.file->flags & open_flag::nonblock) != 0) { return Error::Again; }
        target.connecters.push(
            {caller.defer(), Ref<LocalSocket>{&socket}, identity_of(view.who), target.wait_begins(socket.times.send)});
        return Error::Deferred;
    }
    connect_to(target, socket, identity_of(view.who));
    return Error::None;
}

void Vfs::connect_to(LocalSocket& target, LocalSocket& client, Identity const& who) {
    Ref<LocalSocket> const server{new LocalSocket{*this, target.type, target.file->domain}};
    server->name = target.name;
    server->home = target.home; // and no network: the name is the listener's to keep
    server->passes_credentials = target.passes_credentials;
    LocalSocket::join(*server, client);
    server->peer_credentials = who;
    client.peer_credentials = target.credentials;
    target.backlog.push(server);
    client.announce(poll_event::out | poll_event::write_normal);
    serve_accepts(target);
    if (!target.backlog.empty()) { target.announce(poll_event::in | poll_event::read_normal); }
}

void Vfs::admit_connections(LocalSocket& listener) {
    Port& port = environment_.port;
    while (!listener.connecters.empty() && !listener.backlog_full()) {
        LocalSocket::Connecter const next = listener.connecters.pop();
        if (!port.waiting(next.waiter)) {
            port.discard(next.waiter);
        } else if (next.client->state != LocalSocket::State::Unconnected) {
            port.finish_unit(next.waiter, Error::IsConnected);
        } else {
            connect_to(listener, *next.client, next.who);
            port.finish_unit(next.waiter, Error::None);
        }
    }
}

Result<Accepted> Vfs::take_connection(LocalSocket& listener, std::uint32_t flags) {
    OpenFile& file = *listener.file;
    Ref<LocalSocket> const next = listener.backlog.pop();
    auto const slot = open_socket(file.opener, file.domain, flags, next);
    if (!slot) { return fail(slot.error()); }
    return Accepted{*slot, next->peer_name.empty() ? LocalName::address({}) : next->peer_name};
}

void Vfs::serve_accepts(LocalSocket& listener) {
    Port& port = environment_.port;
    while (!listener.accepters.empty() && !listener.backlog.empty()) {
        LocalSocket::Accepter const first = listener.accepters.pop();
        if (!port.waiting(first.waiter)) {
            port.discard(first.waiter);
            continue;
        }
        port.finish_accept(first.waiter, take_connection(listener, first.flags));
    }
}

Result<Accepted> Vfs::accept_socket(LocalSocket& listener, std::uint32_t flags, Caller& caller) {
    if (!listener.connects()) { return fail(Error::NotSupported); }
    if (listener.state != LocalSocket::State::Listening) { return fail(Error::Invalid); }
    if (!listener.backlog.empty()) {
        auto accepted = take_connection(listener, flags);
        admit_connections(listener);
        return accepted;
    }
    if ((listener.poll() & poll_event::read_hang_up) != 0) { return fail(Error::Invalid); } // shut down
    if ((listener.file->flags & open_flag::nonblock) != 0) { return fail(Error::Again); }
    listener.accepters.push({caller.defer(), flags, listener.wait_begins(listener.times.receive)});
    return fail(Error::Deferred);
}

Result<std::string> Vfs::socket_name(LocalSocket const& socket, bool peer) {
    if (!peer) { return socket.name.empty() ? LocalName::address({}) : socket.name; }
    if (socket.state != LocalSocket::State::Connected) { return fail(Error::NotConnected); }
    return socket.peer_name.empty() ? LocalName::address({}) : socket.peer_name;
}

Result<Transfer> Vfs::send_message(Session& view, LocalSocket& socket, Outgoing message,
                                   proto::MessageCredentials const* claimed, std::span<std::byte const> address,
                                   Caller& caller) {
    message.shown = true;
    message.who = identity_of(view.who);
    if (claimed != nullptr) {
        constexpr unsigned set_group = 6, set_user = 7;
        auto const user = view.who.global_user(claimed->user);
        auto const group = view.who.global_group(claimed->group);
        if (!user || !group) { return fail(Error::Invalid); }
        auto const may_claim = [&](bool same, unsigned needed) { return same || has_capability(view.who, needed); };
        if (!may_claim(static_cast<std::uint32_t>(claimed->process) == view.who.process, capability::sys_admin) ||
            !may_claim(*user == view.who.user, set_user) || !may_claim(*group == view.who.group, set_group)) {
            return fail(Error::NotPermitted);
        }
        message.who = {static_cast<std::uint32_t>(claimed->process), *user, *group};
    }
    if (address.empty()) { return socket.send(caller, std::move(message), nullptr); }
    if (socket.connects()) {
        return fail(socket.state == LocalSocket::State::Connected ? Error::IsConnected : Error::NotSupported);
    }
    auto const name = LocalName::parse(address);
    if (!name) { return fail(name.error()); }
    if (name->unnamed) { return fail(Error::Invalid); }
    auto const found = find_socket(view, *name, socket.type);
    if (!found) { return fail(found.error()); }
    return socket.send(caller, std::move(message), found->get());
}

} // namespace vfs
