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
    Lines(std::string& text, std::size_t number_width, std::size_t line_width) : text_{text}, number_width_{number_width}, line_width_{line_width} {}
    void add(std::uint32_t local, std::uint16_t local_port, std::uint32_t remote, std::uint16_t remote_port, std::uint32_t state, std::uint32_t sent, std::uint32_t received,
             char const* tail) {
        auto const start = text_.size();
        append_number(text_, number_++, number_width_);
        text_ += ": ";
        append_hex(text_, local, 8);
        text_ += ':';
        append_hex(text_, local_port, 4);
        text_ += ' ';
        append_hex(text_, remote, 8);
        text_ += ':';
        append_hex(text_, remote_port, 4);
        text_ += ' ';
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
    std::string& text_;
    std::size_t const number_width_, line_width_;
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

std::string tcp_table() {
    std::string text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    text.append(149 - text.size(), ' ');
    text += '\n';
    Lines lines{text, 4, 149};
    for (auto const* listener = tcp_listen_pcbs.listen_pcbs; listener != nullptr; listener = listener->next) {
        lines.add(listener->local_ip.addr, listener->local_port, 0, 0, linux_state(LISTEN), 0, 0, " 1 00000000 100 0 0 10 0");
    }
    for (auto const* list : {tcp_active_pcbs, tcp_tw_pcbs}) {
        for (auto const* pcb = list; pcb != nullptr; pcb = pcb->next) {
            lines.add(pcb->local_ip.addr, pcb->local_port, pcb->remote_ip.addr, pcb->remote_port, linux_state(pcb->state), pcb->snd_lbb - pcb->lastack, TCP_WND - pcb->rcv_wnd,
                      " 1 00000000 20 4 0 10 -1");
        }
    }
    return text;
}

std::string udp_table() {
    std::string text = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n";
    Lines lines{text, 5, 127};
    for (auto const* pcb = udp_pcbs; pcb != nullptr; pcb = pcb->next) {
        lines.add(pcb->local_ip.addr, pcb->local_port, pcb->remote_ip.addr, pcb->remote_port, (pcb->flags & UDP_FLAGS_CONNECTED) != 0 ? 1 : 7, 0, 0, " 2 00000000 0");
    }
    return text;
}

} // namespace

std::string socket_table(proto::NetworkTable table) {
    switch (table) {
    case proto::NetworkTable::Tcp: return tcp_table();
    case proto::NetworkTable::Udp: return udp_table();
    case proto::NetworkTable::Raw:
        return "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
    default: return {};
    }
}

} // namespace netstack
