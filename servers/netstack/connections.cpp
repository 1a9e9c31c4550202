#include "connections.hpp"
#include <algorithm>

namespace netstack {

template <class Ends>
std::size_t ConnectionTableOf<Ends>::bucket(Ends const& tuple) const {
    // Seeded, so that nobody outside can fill one chain.
    std::uint32_t hash = seed_;
    tuple.each_word([&](std::uint32_t word) {
        hash = (hash ^ word) * 0x9e3779b1U;
        hash ^= hash >> 15;
    });
    return hash % buckets;
}

template <class Ends>
void ConnectionTableOf<Ends>::link(Index index, bool reply) {
    auto& entry = entries_[index];
    auto& head = chains_[bucket(reply ? entry.connection.reply : entry.connection.original)];
    entry.next_in_chain[reply ? 1 : 0] = head;
    head = static_cast<Index>(index * 2 + (reply ? 1 : 0));
}

template <class Ends>
void ConnectionTableOf<Ends>::unlink(Index index, bool reply) {
    auto& entry = entries_[index];
    auto const node = static_cast<Index>(index * 2 + (reply ? 1 : 0));
    auto* place = &chains_[bucket(reply ? entry.connection.reply : entry.connection.original)];
    while (*place != node) { place = &entries_[*place / 2].next_in_chain[*place % 2]; }
    *place = entry.next_in_chain[reply ? 1 : 0];
}

template <class Ends>
void ConnectionTableOf<Ends>::enqueue(Index index, bool kept) {
    auto& entry = entries_[index];
    auto& list = lists_[kept ? 1 : 0];
    entry.kept = kept;
    entry.older = list.newest;
    entry.newer = nobody;
    (list.newest != nobody ? entries_[list.newest].newer : list.oldest) = index;
    list.newest = index;
}

template <class Ends>
void ConnectionTableOf<Ends>::dequeue(Index index) {
    auto& entry = entries_[index];
    auto& list = lists_[entry.kept ? 1 : 0];
    (entry.older != nobody ? entries_[entry.older].newer : list.oldest) = entry.newer;
    (entry.newer != nobody ? entries_[entry.newer].older : list.newest) = entry.older;
}

template <class Ends>
void ConnectionTableOf<Ends>::remove(Index index) {
    unlink(index, false);
    unlink(index, true);
    dequeue(index);
    entries_[index].used = false;
    free_.push_back(index);
    if (--count_ != 0) { return; }
    entries_ = {};
    chains_ = {};
    free_ = {};
}

template <class Ends>
typename ConnectionTableOf<Ends>::Found ConnectionTableOf<Ends>::find(Ends const& tuple, std::uint64_t now) {
    if (count_ == 0) { return {}; }
    for (auto node = chains_[bucket(tuple)]; node != nobody;) {
        auto& entry = entries_[node / 2];
        bool const reply = node % 2 != 0;
        if ((reply ? entry.connection.reply : entry.connection.original) == tuple) {
            if (entry.connection.expires <= now) {
                remove(static_cast<Index>(node / 2));
                return {};
            }
            return {&entry.connection, reply};
        }
        node = entry.next_in_chain[node % 2];
    }
    return {};
}

template <class Ends>
ConnectionOf<Ends>* ConnectionTableOf<Ends>::insert(Ends const& original, Ends const& reply, std::uint64_t now) {
    if (count_ == maximum) {
        if (lists_[0].oldest == nobody) { return nullptr; }
        remove(lists_[0].oldest);
    }
    if (chains_.empty()) { chains_.assign(buckets, nobody); }
    Index index;
    if (!free_.empty()) {
        index = free_.back();
        free_.pop_back();
        entries_[index] = {};
    } else {
        index = static_cast<Index>(entries_.size());
        entries_.emplace_back();
    }
    auto& entry = entries_[index];
    entry.used = true;
    entry.connection.original = original;
    entry.connection.reply = reply;
    ++count_;
    link(index, false);
    link(index, true);
    enqueue(index, false);
    seen(entry.connection, false, 0, now);
    return &entry.connection;
}

namespace {
/// What a packet makes of a TCP connection. Sequence numbers are not looked at: a forged end shortens the time after which
/// a silent connection is forgotten, and nothing else.
template <class Ends>
ConnectionState next_state(ConnectionOf<Ends>& connection, bool reply, std::uint8_t flags) {
    using enum ConnectionState;
    auto const state = connection.state;
    if ((flags & tcp_flag::reset) != 0) { return Closed; }
    if ((flags & tcp_flag::syn) != 0) {
        bool const answer = (flags & tcp_flag::acknowledge) != 0;
        if (!answer && !reply && (state == TimeWait || state == Closed)) {
            connection.finished[0] = connection.finished[1] = false;
            return Opening; // the same ports again
        }
        return answer && reply && state == Opening ? Replied : state;
    }
    if ((flags & tcp_flag::fin) != 0) {
        connection.finished[reply ? 1 : 0] = true;
        return connection.finished[0] && connection.finished[1] ? TimeWait : Closing;
    }
    if (state == Replied && !reply) { return Established; }
    if (state == Opening && reply) { return Established; } // one that began before anybody looked
    return state;
}
template <class Ends>
std::uint64_t lifetime(ConnectionOf<Ends> const& connection) {
    using enum ConnectionState;
    switch (connection.original.protocol) {
    case ip_protocol::tcp:
        switch (connection.state) {
        case Opening: return ConnectionLifetimes::tcp_opening;
        case Replied: return ConnectionLifetimes::tcp_replied;
        case Established: return ConnectionLifetimes::tcp_established;
        case Closing: return ConnectionLifetimes::tcp_closing;
        case TimeWait: return ConnectionLifetimes::tcp_time_wait;
        case Closed: return ConnectionLifetimes::tcp_closed;
        }
        return ConnectionLifetimes::tcp_closed;
    case ip_protocol::udp:
        return connection.state == Opening ? ConnectionLifetimes::udp_opening : ConnectionLifetimes::udp_replied;
    case ip_protocol::icmp: return ConnectionLifetimes::icmp_any;
    default: return ConnectionLifetimes::other_any;
    }
}
} // namespace

template <class Ends>
void ConnectionTableOf<Ends>::seen(Connection& connection, bool reply, std::uint8_t tcp_flags, std::uint64_t now) {
    bool const tcp = connection.original.protocol == ip_protocol::tcp;
    if (tcp) {
        connection.state = next_state(connection, reply, tcp_flags);
    } else if (reply) {
        connection.state = ConnectionState::Replied;
    }
    connection.expires = now + lifetime(connection);
    // An entry begins with its connection.
    auto const index = static_cast<Index>(reinterpret_cast<Entry*>(&connection) - entries_.data());
    dequeue(index);
    enqueue(index, tcp && connection.state == ConnectionState::Established);
}

template <class Ends>
std::uint64_t ConnectionTableOf<Ends>::expire(std::uint64_t now) {
    std::uint64_t next = 0;
    for (std::size_t index = 0; index < entries_.size(); ++index) {
        if (!entries_[index].used) { continue; }
        auto const expires = entries_[index].connection.expires;
        if (expires <= now) {
            remove(static_cast<Index>(index));
        } else if (next == 0 || expires < next) {
            next = expires;
        }
    }
    // Many that end one after the other are looked at together.
    constexpr std::uint64_t pause = 1000;
    return count_ != 0 ? std::max(next, now + pause) : 0;
}

template <class Ends>
void ConnectionTableOf<Ends>::remove_plain() {
    for (std::size_t index = 0; index < entries_.size(); ++index) {
        if (entries_[index].used && entries_[index].connection.plain()) { remove(static_cast<Index>(index)); }
    }
}

template <class Header>
bool FragmentTableOf<Header>::same(Datagram const& datagram, Header const& header) {
    auto const& tuple = header.tuple();
    return datagram.identification == header.identification() && datagram.tuple.source == tuple.source &&
           datagram.tuple.destination == tuple.destination && datagram.tuple.protocol == tuple.protocol;
}

template <class Header>
void FragmentTableOf<Header>::remember(Header const& first, std::uint64_t now) {
    Datagram const datagram{first.tuple(), now + lifetime, first.identification()};
    for (auto& known : datagrams_) {
        if (same(known, first)) {
            known = datagram;
            return;
        }
    }
    if (datagrams_.size() < maximum) {
        datagrams_.push_back(datagram);
    } else {
        datagrams_[next_++ % maximum] = datagram;
    }
}

template <class Header>
bool FragmentTableOf<Header>::complete(Header& later, std::uint64_t now) const {
    for (auto const& known : datagrams_) {
        if (known.expires > now && same(known, later)) {
            later.set_ports(known.tuple.source_port, known.tuple.destination_port);
            return true;
        }
    }
    return false;
}

template class ConnectionTableOf<Tuple>;
template class ConnectionTableOf<Tuple6>;
template class FragmentTableOf<PacketHeader>;
template class FragmentTableOf<PacketHeader6>;

} // namespace netstack
