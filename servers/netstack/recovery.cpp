// What outlives a stack: its listening sockets, in the status page.
#include "stack_server.hpp"

namespace netstack {

void StackServer::listeners_changed() {
    if (restoring_) { return; }
    auto& saved = status_.saved;
    saved.count = 0;
    for (auto const& [badge, socket] : sockets_) {
        auto listener = socket->saved();
        if (listener.badge == 0 || saved.count == proto::stack::SavedSockets::maximum) { continue; }
        listener.badge = badge;
        listener.slot = ipc::session<proto::File>(badge).slot;
        saved.listeners[saved.count++] = listener;
    }
}

void StackServer::restore() {
    restoring_ = true;
    constexpr auto badges = abi::Word{1} << abi::badge_bits;
    auto const& saved = status_.saved;
    if (saved.next_badge >= first_socket_badge && saved.next_badge < badges) { next_badge_ = saved.next_badge; }
    // The one before was broken: nothing in the page is believed.
    auto const count = std::min(saved.count, proto::stack::SavedSockets::maximum);
    for (std::uint32_t i = 0; i < count; ++i) {
        auto const listener = saved.listeners[i];
        if (listener.badge < first_socket_badge || listener.badge >= next_badge_ || sockets_.contains(listener.badge) || listener.port == 0) { continue; }
        auto socket = std::make_unique<TcpSocket>(*this);
        socket->file_flags = listener.file_flags;
        socket->opener = listener.opener & (proto::stack::opener_is_admin | proto::stack::opener_binds_any_port);
        std::uint32_t address;
        std::memcpy(&address, listener.address, sizeof address);
        if (listener.reuse_address != 0) { static_cast<void>(socket->set_option(level::socket, reuse_address_option, word_option(1))); }
        if (!socket->bind(socket_address(address, listener.port)) || !socket->listen(listener.backlog)) { continue; }
        socket->inode = 0x10000 + listener.badge;
        sockets_[listener.badge] = std::move(socket);
        if (listener.slot != 0) { ipc::runtime().sessions.insert(listener.badge, listener.slot); }
    }
    restoring_ = false;
    listeners_changed();
}

} // namespace netstack
