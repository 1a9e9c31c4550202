// What outlives a stack: its listening sockets, in the status page.
#include "stack_server.hpp"
#include <algorithm>

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
        if (listener.badge < first_socket_badge || listener.badge >= next_badge_ || sockets_.contains(listener.badge) ||
            listener.port == 0) {
            continue;
        }
        auto socket = std::make_unique<TcpSocket>(*this, listener.family == family_internet6 ? family_internet6
                                                                                             : family_internet);
        socket->file_flags = listener.file_flags;
        socket->opener = listener.opener & (proto::stack::opener_is_admin | proto::stack::opener_binds_any_port);
        std::uint32_t number;
        std::memcpy(&number, listener.address, sizeof number);
        auto address = socket_address(number, listener.port);
        if (socket->family() == family_internet6) {
            InternetAddress6 six;
            six.port = swap16(listener.port);
            std::ranges::copy(listener.address6, six.address.begin());
            six.scope = listener.scope;
            address = whole(six);
            static_cast<void>(socket->set_option(level::ip6, v6_only_option, word_option(listener.v6_only)));
        }
        if (listener.reuse_address != 0) {
            static_cast<void>(socket->set_option(level::socket, reuse_address_option, word_option(1)));
        }
        if (!socket->bind(address) || !socket->listen(listener.backlog)) { continue; }
        socket->inode = 0x10000 + listener.badge;
        sockets_[listener.badge] = std::move(socket);
        if (listener.slot != 0) { ipc::runtime().sessions.insert(listener.badge, listener.slot); }
    }
    restoring_ = false;
    listeners_changed();
}

} // namespace netstack
