// Protocols LocalSockets, Socket, MessageSocket and Parcel: AF_UNIX.
#include "server.hpp"

namespace vfs {
namespace {
namespace message_flag = proto::message_flag;
bool nonblocking(LocalSocket const& socket, std::uint32_t flags) {
    return (flags & message_flag::dont_wait) != 0 || (socket.file->flags & open_flag::nonblock) != 0;
}
} // namespace

Result<LocalSocket*> Server::socket(Sender& sender, FileCap const& cap) {
    if (cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    if (!cap.unwrapped) { return fail(Error::NotSocket); }
    OpenFile* const open = vfs_.file(cap.badge);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    if (LocalSocket* const found = Vfs::socket_of(open)) { return found; }
    return fail(Error::NotSocket);
}

Result<ipc::Cap<proto::File>> Server::on(L::Create, Sender& sender, std::uint32_t type) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const made = vfs_.create_socket(*who, type);
    if (!made) { return fail(made.error()); }
    return ipc::Cap<proto::File>{*made};
}

Result<std::tuple<ipc::Cap<proto::File>, ipc::Cap<proto::File>>> Server::on(L::Pair, Sender& sender,
                                                                            std::uint32_t type) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const made = vfs_.socket_pair(*who, type);
    if (!made) { return fail(made.error()); }
    return std::tuple{ipc::Cap<proto::File>{(*made)[0]}, ipc::Cap<proto::File>{(*made)[1]}};
}

Result<ipc::Unit> Server::on(L::Bind, Sender& sender, FileCap cap, Address const& address) {
    auto const found = socket(sender, cap);
    Session* const who = session(sender);
    if (who == nullptr || !found) { return fail(found ? Error::BadDescriptor : found.error()); }
    return unit(vfs_.bind_socket(*who, **found, address.span()));
}

Result<ipc::Unit> Server::on(L::Connect, Sender& sender, FileCap cap, Address const& address) {
    auto const found = socket(sender, cap);
    Session* const who = session(sender);
    if (who == nullptr || !found) { return fail(found ? Error::BadDescriptor : found.error()); }
    SenderCaller caller{sender};
    return unit(vfs_.connect_socket(*who, **found, address.span(), caller));
}

Result<ipc::Unit> Server::on(L::Listen, Sender& sender, FileCap cap, std::uint32_t backlog) {
    auto const found = socket(sender, cap);
    Session* const who = session(sender);
    if (who == nullptr || !found) { return fail(found ? Error::BadDescriptor : found.error()); }
    return unit(vfs_.listen_socket(*who, **found, backlog));
}

Result<ipc::Cap<proto::Parcel>> Server::on(L::NewParcel, Sender& sender) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const made = vfs_.new_parcel(*who);
    if (!made) { return fail(made.error()); }
    return ipc::Cap<proto::Parcel>{*made};
}

Result<Transfer> Server::on(L::Send, Sender& sender, FileCap cap, ipc::OptionalCap<proto::Parcel> parcel,
                            std::uint32_t flags, std::uint32_t claimed, proto::MessageCredentials const& credentials,
                            Address const& to, ipc::ReadBuffer const&) {
    if (parcel.slot != 0) { sender.delete_after_reply(parcel.slot); }
    auto const found = socket(sender, cap);
    Session* const who = session(sender);
    if (who == nullptr || !found) { return fail(found ? Error::BadDescriptor : found.error()); }
    if ((flags & message_flag::out_of_band) != 0) { return fail(Error::NotSupported); }
    ParcelHandle* const handle = parcel.unwrapped ? vfs_.parcel(parcel.badge) : nullptr;
    if (parcel.present() && (handle == nullptr || handle->parcel->sent)) { return fail(Error::BadDescriptor); }
    SenderCaller caller{sender};
    Outgoing message;
    message.length = sender.read_length;
    message.nonblock = nonblocking(**found, flags);
    if (handle != nullptr && handle->parcel->size() != 0) { message.parcel = handle->parcel; }
    return vfs_.send_message(*who, **found, std::move(message), claimed != 0 ? &credentials : nullptr, to.span(),
                             caller);
}

Result<std::tuple<ipc::Cap<proto::File>, proto::SocketAddress>> Server::on(K::Accept, Sender& sender,
                                                                           std::uint32_t flags) {
    LocalSocket* const called = socket(sender);
    if (called == nullptr) { return fail(Error::NotSocket); }
    SenderCaller caller{sender};
    auto const accepted = vfs_.accept_socket(*called, flags, caller);
    if (!accepted) { return fail(accepted.error()); }
    return std::tuple{ipc::Cap<proto::File>{accepted->slot}, address_of(accepted->peer)};
}

Result<proto::SocketAddress> Server::on(K::Name, Sender& sender, std::uint32_t peer) {
    LocalSocket* const called = socket(sender);
    if (called == nullptr) { return fail(Error::NotSocket); }
    auto const name = vfs_.socket_name(*called, peer != 0);
    if (!name) { return fail(name.error()); }
    return address_of(*name);
}

Result<ipc::Unit> Server::on(K::Shutdown, Sender& sender, std::uint32_t how) {
    LocalSocket* const called = socket(sender);
    return called == nullptr ? fail(Error::NotSocket) : unit(called->shutdown(how));
}

Result<ipc::Unit> Server::on(K::SetOption, Sender& sender, std::uint32_t level, std::uint32_t option,
                             proto::SocketOption const& value) {
    LocalSocket* const called = socket(sender);
    return called == nullptr ? fail(Error::NotSocket) : unit(vfs_.set_socket_option(*called, level, option, value));
}

Result<proto::SocketOption> Server::on(K::GetOption, Sender& sender, std::uint32_t level, std::uint32_t option) {
    LocalSocket* const called = socket(sender);
    if (called == nullptr) { return fail(Error::NotSocket); }
    return vfs_.socket_option(*called, level, option);
}

Result<Transfer> Server::on(K::Send, Sender& sender, std::uint32_t flags, Address const& to, ipc::ReadBuffer const&) {
    LocalSocket* const called = socket(sender);
    if (called == nullptr) { return fail(Error::NotSocket); }
    if (!to.span().empty()) { return fail(Error::Elsewhere); } // who sends there has to be shown: LocalSockets::Send
    if ((flags & message_flag::out_of_band) != 0) { return fail(Error::NotSupported); }
    SenderCaller caller{sender};
    return called->write(caller, nonblocking(*called, flags));
}

Result<std::tuple<proto::ReceivedDatagram, proto::SocketAddress>>
Server::on(K::Receive, Sender& sender, std::uint32_t flags, ipc::WriteBuffer const&) {
    LocalSocket* const called = socket(sender);
    if (called == nullptr) { return fail(Error::NotSocket); }
    SenderCaller caller{sender};
    auto const got =
        called->receive(caller, sender.write_length, flags, nonblocking(*called, flags), LocalSocket::Style::Datagram);
    if (!got) { return fail(got.error()); }
    return datagram_of(*got);
}

Result<std::tuple<proto::ReceivedMessage, proto::SocketAddress, ipc::OptionalCap<proto::Parcel>>>
Server::on(M::Receive, Sender& sender, std::uint32_t flags, ipc::WriteBuffer const&) {
    LocalSocket* const called = socket(sender);
    if (called == nullptr) { return fail(Error::NotSocket); }
    SenderCaller caller{sender};
    auto got =
        called->receive(caller, sender.write_length, flags, nonblocking(*called, flags), LocalSocket::Style::Message);
    if (!got) { return fail(got.error()); }
    got->reader = &called->file->opener;
    if (got->parcel_slot != 0) { sender.delete_after_reply(got->parcel_slot); }
    return message_of(*got);
}

Result<ipc::Unit> Server::on(P::Add, Sender& sender, FileCap first, FileCap second, FileCap third) {
    ParcelHandle* const handle = vfs_.parcel(sender.badge);
    Error error = handle == nullptr ? Error::BadDescriptor : Error::None;
    for (FileCap const& cap : {first, second, third}) {
        if (!cap.present()) { continue; }
        if (error == Error::None) {
            OpenFile* const own = cap.unwrapped ? vfs_.file(cap.badge) : nullptr;
            // Sessions, namespaces and parcels of this server are no files.
            error = cap.unwrapped && own == nullptr ? Error::BadDescriptor : handle->parcel->add(own, cap.slot);
        }
        if (error != Error::None && cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    }
    return unit(error);
}

Result<std::tuple<ipc::Cap<proto::File>, proto::FileKind>> Server::on(P::Take, Sender& sender, std::uint32_t index) {
    ParcelHandle* const handle = vfs_.parcel(sender.badge);
    if (handle == nullptr) { return fail(Error::BadDescriptor); }
    auto const taken = vfs_.take_from(*handle->parcel, index);
    if (!taken) { return fail(taken.error()); }
    if (taken->first == 0) { return std::tuple{ipc::Cap<proto::File>{handle->parcel->foreign(index)}, taken->second}; }
    sender.delete_after_reply(taken->first);
    return std::tuple{ipc::Cap<proto::File>{taken->first}, taken->second};
}

} // namespace vfs
