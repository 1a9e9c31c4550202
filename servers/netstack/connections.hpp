// The connections whose packets pass through this stack: what was decided for the first packet holds for all that follow.
//
// Bounded: a new one takes the place of the one longest unheard of that is not established. Entries end by time; a table
// without entries holds no memory and wants no timer.
#pragma once
#include "packet_header6.hpp"
#include <type_traits>
#include <utility>
#include <vector>

namespace netstack {

enum class ConnectionState : std::uint8_t { Opening, Replied, Established, Closing, TimeWait, Closed };

/// Of either family: Ends is Tuple or Tuple6.
template <class Ends>
struct ConnectionOf {
    Ends original;             ///< of the packets of who began it, as they come in
    Ends reply;                ///< of the packets that answer, as they come in
    std::uint64_t expires = 0; ///< milliseconds
    ConnectionState state = ConnectionState::Opening;
    bool finished[2]{}; ///< TCP: each direction's end was seen
    /// Neither address nor port is changed.
    [[nodiscard]] bool plain() const { return reply == original.inverse(); }
    /// The tuple that a packet of that direction leaves with.
    [[nodiscard]] Ends leaving(bool is_reply) const { return is_reply ? original.inverse() : reply.inverse(); }
};

/// How long a connection is remembered after the last packet, in milliseconds (nf_conntrack's own).
struct ConnectionLifetimes {
    static constexpr std::uint64_t tcp_opening = 120000, tcp_replied = 60000, tcp_established = 432000000,
                                   tcp_closing = 120000, tcp_time_wait = 120000, tcp_closed = 10000,
                                   udp_opening = 30000, udp_replied = 120000, icmp_any = 30000, other_any = 600000;
};

template <class Ends>
class ConnectionTableOf : public ConnectionLifetimes {
public:
    using Connection = ConnectionOf<Ends>;
    static constexpr std::size_t maximum = 4096;

    explicit ConnectionTableOf(std::uint32_t seed = 0) : seed_{seed} {}

    struct Found {
        Connection* connection = nullptr;
        bool reply = false;
        explicit operator bool() const { return connection != nullptr; }
    };
    /// The pointer is good until the next insert or expire. Entries whose time is over are not found.
    [[nodiscard]] Found find(Ends const& tuple, std::uint64_t now);
    /// A packet in that direction was let through.
    void seen(Connection& connection, bool reply, std::uint8_t tcp_flags, std::uint64_t now);
    /// Neither tuple may be in the table. Null: full of established ones.
    Connection* insert(Ends const& original, Ends const& reply, std::uint64_t now);
    /// Removes what is over. When it is wanted next, in milliseconds; 0: not at all.
    std::uint64_t expire(std::uint64_t now);
    /// Removes connections that need nothing done to their packets.
    void remove_plain();
    [[nodiscard]] std::size_t size() const { return count_; }

private:
    using Index = std::uint16_t;
    static constexpr Index nobody = 0xffff;
    static constexpr std::size_t buckets = 2048;
    /// Entry, and its place in two hash chains (by original: node 2i, by reply: 2i + 1) and in a list by age.
    struct Entry {
        Connection connection;
        Index next_in_chain[2]{nobody, nobody}, older = nobody, newer = nobody;
        bool used = false, kept = false; ///< kept: in the list of the established
    };
    struct List {
        Index oldest = nobody, newest = nobody;
    };
    [[nodiscard]] std::size_t bucket(Ends const& tuple) const;
    void link(Index index, bool reply);
    void unlink(Index index, bool reply);
    void enqueue(Index index, bool kept);
    void dequeue(Index index);
    void remove(Index index);

    std::vector<Entry> entries_;
    std::vector<Index> chains_; ///< nodes, by bucket
    std::vector<Index> free_;
    List lists_[2]; ///< those that may be evicted; the established
    std::size_t count_ = 0;
    std::uint32_t const seed_;
};

using Connection = ConnectionOf<Tuple>;
using ConnectionTable = ConnectionTableOf<Tuple>;
using ConnectionTable6 = ConnectionTableOf<Tuple6>;

/// Ports of datagrams that come in pieces: only the first has them. A piece that comes before the first is nobody's.
template <class Header>
class FragmentTableOf {
public:
    static constexpr std::size_t maximum = 64;
    static constexpr std::uint64_t lifetime = 30000; ///< milliseconds
    void remember(Header const& first, std::uint64_t now);
    /// Gives a later fragment its ports. False: its datagram is unknown.
    bool complete(Header& later, std::uint64_t now) const;

private:
    struct Datagram {
        std::remove_cvref_t<decltype(std::declval<Header>().tuple())> tuple;
        std::uint64_t expires;
        std::uint32_t identification;
    };
    static bool same(Datagram const& datagram, Header const& header);
    std::vector<Datagram> datagrams_;
    std::size_t next_ = 0;
};
using FragmentTable = FragmentTableOf<PacketHeader>;
using FragmentTable6 = FragmentTableOf<PacketHeader6>;

} // namespace netstack
