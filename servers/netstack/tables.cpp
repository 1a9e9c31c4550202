#include "tables.hpp"
#include "lwip/priv/tcp_priv.h"
#include "lwip/raw.h"
#include "lwip/udp.h"
#include <cstdint>

namespace netstack {

namespace {

void append_hex(std::string& text, std::uint32_t value, int digits) {
    constexpr char figures[] = "0123456789ABCDEF";
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) { text += figures[value >> shift & 15]; }
}
void append_number(std::string& text, std::uint32_t value, std::size_t width) {
    auto const digits = std::to_string(value);
    text.append(digits.size() < width ? width - digits.size() : 0, ' ');
    text += digits;
}

class Lines {
public:
    /// six: of AF_INET6 sockets. line_width: lines are filled up to it.
    Lines(std::string& text, std::size_t number_width, std::size_t line_width, bool six)
        : text_{text}, number_width_{number_width}, line_width_{line_width}, six_{six} {}
    void add(Endpoint const& local, Endpoint const& remote, std::uint32_t state, std::uint32_t sent,
             std::uint32_t received, char const* tail) {
        auto const start = text_.size();
        append_number(text_, number_++, number_width_);
        text_ += ": ";
        append_endpoint(local);
        append_endpoint(remote);
        append_hex(text_, state, 2);
        text_ += ' ';
        append_hex(text_, sent, 8);
        text_ += ':';
        append_hex(text_, received, 8);
        text_ += " 00:00000000 00000000     0        0 0";
        text_ += tail;
        auto const length = text_.size() - start;
        text_.append(length < line_width_ ? line_width_ - length : 0, ' ');
        text_ += '\n';
    }

private:
    void append_endpoint(Endpoint const& endpoint) {
        if (six_) {
            bool const four = endpoint.address.type == IPADDR_TYPE_V4 && !is_any(endpoint.address);
            auto const bytes = four ? mapped(word_of(endpoint.address)) : bytes_of(*ip_2_ip6(&endpoint.address));
            for (std::size_t at = 0; at < bytes.size(); at += 4) {
                std::uint32_t word;
                std::memcpy(&word, &bytes[at], sizeof word);
                append_hex(text_, word, 8);
            }
        } else {
            append_hex(text_, word_of(endpoint.address), 8);
        }
        text_ += ':';
        append_hex(text_, endpoint.port, 4);
        text_ += ' ';
    }
    std::string& text_;
    std::size_t const number_width_, line_width_;
    bool const six_;
    std::uint32_t number_ = 0;
};

/// Linux's number of a TCP state.
std::uint32_t linux_state(tcp_state state) {
    switch (state) {
    case ESTABLISHED: return 1;
    case SYN_SENT: return 2;
    case SYN_RCVD: return 3;
    case FIN_WAIT_1: return 4;
    case FIN_WAIT_2: return 5;
    case TIME_WAIT: return 6;
    case CLOSE_WAIT: return 8;
    case LAST_ACK: return 9;
    case LISTEN: return 10;
    case CLOSING: return 11;
    default: return 7;
    }
}

constexpr char heading6[] = "  sl  local_address                         remote_address                        st "
                            "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

/// A socket of AF_INET6 belongs there, whatever its addresses are now.
template <class Connection>
bool belongs(Connection const* pcb, bool six) {
    return (ip_get_option(pcb, Socket::six_mark) != 0 || pcb->local_ip.type == IPADDR_TYPE_V6) == six;
}

/// The end of a connection counts as a byte of its own, which is nobody's data.
std::uint32_t unacknowledged(tcp_pcb const& pcb) {
    auto const bytes = static_cast<std::int32_t>(pcb.snd_lbb - pcb.lastack);
    return pcb.state == TIME_WAIT || bytes < 0 ? 0 : static_cast<std::uint32_t>(bytes);
}

std::string tcp_table(bool six) {
    std::string text =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    text.append(149 - text.size(), ' ');
    if (six) { text = heading6; }
    text += '\n';
    Lines lines{text, 4, six ? std::size_t{0} : 149, six};
    for (auto const* listener = tcp_listen_pcbs.listen_pcbs; listener != nullptr; listener = listener->next) {
        if (belongs(listener, six)) {
            lines.add({listener->local_ip, listener->local_port}, {}, linux_state(LISTEN), 0, 0,
                      " 1 00000000 100 0 0 10 0");
        }
    }
    for (auto const* list : {tcp_active_pcbs, tcp_tw_pcbs}) {
        for (auto const* pcb = list; pcb != nullptr; pcb = pcb->next) {
            if (!belongs(pcb, six)) { continue; }
            lines.add({pcb->local_ip, pcb->local_port}, {pcb->remote_ip, pcb->remote_port}, linux_state(pcb->state),
                      unacknowledged(*pcb), TCP_WND - pcb->rcv_wnd, " 1 00000000 20 4 0 10 -1");
        }
    }
    return text;
}

constexpr char datagram_tail[] = " ref pointer drops";

std::string udp_table(bool six) {
    std::string text = six ? std::string{heading6} + datagram_tail
                           : "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
                             "timeout inode ref pointer drops            ";
    text += '\n';
    Lines lines{text, 5, six ? std::size_t{0} : 127, six};
    for (auto const* pcb = udp_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (pcb->local_port == 0 || !belongs(pcb, six)) { continue; }
        lines.add({pcb->local_ip, pcb->local_port}, {pcb->remote_ip, pcb->remote_port},
                  (pcb->flags & UDP_FLAGS_CONNECTED) != 0 ? 1 : 7, 0, 0, " 2 00000000 0");
    }
    return text;
}

std::string raw_table(bool six, std::span<RawSocket const* const> sockets) {
    std::string text = six ? std::string{heading6} + datagram_tail
                           : "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
                             "timeout inode ref pointer drops";
    text += '\n';
    Lines lines{text, six ? std::size_t{5} : 4, 0, six};
    for (auto const* socket : sockets) {
        bool const here = socket->type() == SocketType::Raw && (socket->family() == family_internet6) == six;
        if (here) { lines.add(socket->local(), socket->remote(), 7, 0, 0, " 2 00000000 0"); }
    }
    return text;
}

} // namespace

std::string socket_table(proto::NetworkTable table, std::span<RawSocket const* const> raw) {
    switch (table) {
    case proto::NetworkTable::Tcp: return tcp_table(false);
    case proto::NetworkTable::Tcp6: return tcp_table(true);
    case proto::NetworkTable::Udp: return udp_table(false);
    case proto::NetworkTable::Udp6: return udp_table(true);
    case proto::NetworkTable::Raw: return raw_table(false, raw);
    case proto::NetworkTable::Raw6: return raw_table(true, raw);
    default: return {};
    }
}

} // namespace netstack
