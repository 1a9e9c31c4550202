#include "frame_maker.hpp"

namespace fuzz {

namespace {
constexpr std::size_t ethernet_bytes = 14;
constexpr std::uint8_t protocol_icmp = 1, protocol_tcp = 6, protocol_udp = 17, protocol_icmp6 = 58;

constexpr std::uint32_t addresses[] = {0x0a000001, 0x0a000002, 0x0a0000ff, 0x0a010001, 0x0a010002, 0x0a010009,
                                       0x7f000001, 0xffffffff, 0,          0xe0000001, 0xc0000207, 0x0a000003};
constexpr std::uint16_t ports[] = {80, 53, 8080, 8081, 9, 1000, 1001, 1002, 1003, 5353, 0, 65535, 40000};
/// The last bytes of fe80::/10, of ff02::/16 and of fd00::/8 addresses.
constexpr std::uint8_t groups6[] = {1, 2, 0xfb, 0x16};
} // namespace

std::uint32_t FrameMaker::next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ * 0x9e3779b1U >> 5;
}

std::uint32_t FrameMaker::ip_address() { return one_in(16) ? next() << 5 : addresses[below(std::size(addresses))]; }
std::uint16_t FrameMaker::port() {
    return static_cast<std::uint16_t>(one_in(8) ? below(65536) : ports[below(std::size(ports))]);
}

std::uint16_t FrameMaker::checksum(std::size_t start, std::uint32_t sum) const {
    for (std::size_t at = start; at < frame_.size(); ++at) {
        sum += static_cast<std::uint32_t>(frame_[at]) << ((at - start) % 2 == 0 ? 8 : 0);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(~sum);
}

void FrameMaker::payload(std::size_t most) {
    auto const count = one_in(24) ? below(9000) : one_in(6) ? below(1460) : below(static_cast<std::uint32_t>(most) + 1);
    frame_.resize(frame_.size() + count, static_cast<std::uint8_t>(next()));
}

void FrameMaker::ethernet(std::size_t device, std::uint16_t type) {
    frame_.assign(ethernet_bytes, 0);
    StackWorld::address(frame_, device);
    constexpr std::uint8_t multicast[] = {1, 0, 0x5e, 0, 0, 1}, multicast6[] = {0x33, 0x33, 0, 0, 0, 1};
    switch (below(12)) {
    case 0:
    case 1: std::fill_n(frame_.begin(), 6, 0xff); break;
    case 2: std::copy_n(type == 0x86dd ? multicast6 : multicast, 6, frame_.begin()); break;
    case 3: frame_[5] = static_cast<std::uint8_t>(below(12)); break; // a neighbour's, or another device's
    default: break;
    }
    frame_[6] = 2;
    frame_[11] = static_cast<std::uint8_t>(one_in(8) ? below(256) : 9 + below(3));
    if (one_in(32)) { frame_[6] = static_cast<std::uint8_t>(next()); } // a group's address as source, say
    store16(12, type);
}

void FrameMaker::arp() {
    put16(one_in(12) ? below(8) : 1);
    put16(one_in(12) ? below(65536) : 0x0800);
    put8(one_in(12) ? below(256) : 6);
    put8(one_in(12) ? below(256) : 4);
    put16(one_in(12) ? below(65536) : 1 + below(2));
    frame_.insert(frame_.end(), {2, 0, 0, 0, 0, static_cast<std::uint8_t>(9 + below(3))});
    put32(ip_address());
    frame_.insert(frame_.end(), 6, 0);
    put32(ip_address());
}

void FrameMaker::internet(bool quoted) {
    auto const start = frame_.size();
    constexpr std::uint8_t protocols[] = {protocol_icmp, protocol_tcp, protocol_tcp,
                                          protocol_tcp,  protocol_udp, protocol_udp};
    auto const protocol = static_cast<std::uint8_t>(one_in(16) ? below(256) : protocols[below(std::size(protocols))]);
    std::uint32_t const words = one_in(10) ? 6 + below(10) : 5;
    put8(0x40 | words);
    put8(0);
    put16(0); // the length comes later
    put16(below(6));
    constexpr std::uint16_t pieces[] = {0x2000, 0x2001, 0x0001, 0x0002, 0x2002, 0x2004,
                                        0x0003, 0x1fff, 0x0b9,  0x20b9, 0x4000, 0x8000};
    put16(one_in(4) ? (one_in(5) ? below(65536) : pieces[below(std::size(pieces))]) : 0);
    put8(one_in(10) ? below(3) : 64);
    put8(protocol);
    put16(0);
    put32(ip_address());
    put32(one_in(2) ? 0x0a000001 : ip_address());
    for (auto option = words; option > 5; --option) { put32(one_in(3) ? next() : 0x01010700 + below(256)); }
    joined_ = protocol == protocol_tcp && words == 5 && !quoted && !one_in(3) ? 1 + below(8) : 0;
    if (quoted) {
        put16(port());
        put16(port());
        put32(next());
        return;
    }
    transport(protocol, start, false);
    finish_internet(start);
}

void FrameMaker::finish_internet(std::size_t start) {
    auto const total = frame_.size() - start;
    store16(start + 2, one_in(16)   ? below(65536)
                       : one_in(16) ? total - below(static_cast<std::uint32_t>(total))
                                    : total);
    auto const header = std::min<std::size_t>((frame_[start] & 15U) * 4U, total);
    auto const whole = std::move(frame_);
    frame_.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(start + header));
    auto const sum = checksum(start, 0);
    frame_ = whole;
    if (!one_in(16)) { store16(start + 10, sum); }
}

void FrameMaker::put_address6(bool own) {
    auto const kind = below(8);
    std::uint8_t address[16]{};
    if (own && one_in(2)) {
        address[0] = 0xfd;
        address[15] = 1;
    } else if (kind < 3) {
        address[0] = 0xfe;
        address[1] = 0x80;
        address[11] = 0xff;
        address[12] = 0xfe;
        address[15] = static_cast<std::uint8_t>(2 + below(10));
    } else if (kind < 5) {
        address[0] = 0xff;
        address[1] = static_cast<std::uint8_t>(one_in(6) ? below(16) : 2);
        address[15] = groups6[below(std::size(groups6))];
        if (one_in(2)) {
            address[11] = 1;
            address[12] = 0xff;
        }
    } else if (kind < 7) {
        address[0] = 0xfd;
        address[1] = static_cast<std::uint8_t>(one_in(2) ? below(3) : 0);
        address[15] = static_cast<std::uint8_t>(1 + below(3));
    } else if (one_in(2)) {
        address[15] = 1;
    }
    frame_.insert(frame_.end(), std::begin(address), std::end(address));
}

void FrameMaker::internet6() {
    auto const start = frame_.size();
    put32(0x60000000);
    put16(0);
    auto const type_at = frame_.size();
    put8(0);
    put8(one_in(4) ? 64 : 255);
    if (one_in(8)) { // who has no address yet: a search for duplicates, a listener's first report
        frame_.insert(frame_.end(), 16, 0);
    } else {
        put_address6(false);
    }
    put_address6(true);
    auto next_header = type_at;
    for (auto extensions = one_in(3) ? below(4) : 0; extensions > 0; --extensions) {
        constexpr std::uint8_t kinds[] = {0, 43, 44, 60, 51};
        auto const kind = kinds[below(std::size(kinds))];
        frame_[next_header] = kind;
        next_header = frame_.size();
        put8(0);
        put8(one_in(8) ? below(256) : 0);
        if (kind == 44) {
            put16(one_in(2) ? below(8) : below(65536));
            put32(below(4));
        } else {
            for (int i = 0; i < 3; ++i) { put16(one_in(2) ? 0x0100 : below(65536)); }
        }
    }
    constexpr std::uint8_t protocols[] = {protocol_icmp6, protocol_icmp6, protocol_icmp6, protocol_tcp,
                                          protocol_tcp,   protocol_udp,   protocol_udp,   59};
    auto const protocol = static_cast<std::uint8_t>(one_in(16) ? below(256) : protocols[below(std::size(protocols))]);
    frame_[next_header] = protocol;
    joined_ = protocol == protocol_tcp && next_header == type_at && !one_in(3) ? 1 + below(4) : 0;
    transport(protocol, start, true);
    store16(start + 4, one_in(16) ? below(65536) : static_cast<std::uint32_t>(frame_.size() - start - 40));
}

void FrameMaker::transport(std::uint8_t protocol, std::size_t header, bool version6) {
    auto const start = frame_.size();
    std::size_t sum_at = 0;
    switch (protocol) {
    case protocol_icmp:
        icmp();
        sum_at = 2;
        break;
    case protocol_icmp6:
        icmp6();
        sum_at = 2;
        break;
    case protocol_tcp:
        tcp();
        sum_at = 16;
        break;
    case protocol_udp:
        udp();
        sum_at = 6;
        break;
    default: payload(40); return;
    }
    if (joined_ != 0) { join_connection(frame_, joined_ - 1); }
    if (one_in(12) || start + sum_at + 2 > frame_.size()) { return; }
    std::uint32_t sum = 0;
    if (version6 || protocol != protocol_icmp) {
        std::size_t const from = header + (version6 ? 8 : 12), to = header + (version6 ? 40 : 20);
        for (auto at = from; at < to; at += 2) { sum += static_cast<std::uint32_t>(frame_[at] << 8 | frame_[at + 1]); }
        sum += protocol + static_cast<std::uint32_t>(frame_.size() - start);
    }
    store16(start + sum_at, checksum(start, sum));
}

void FrameMaker::icmp() {
    constexpr std::uint8_t types[] = {8, 8, 0, 3, 3, 11, 5, 12, 13, 17, 4};
    auto const type = one_in(16) ? below(256) : types[below(std::size(types))];
    put8(type);
    put8(type == 3 ? below(16) : one_in(4) ? below(256) : 0);
    put16(0);
    put32(one_in(2) ? 0x00010001 : next());
    if (type == 8 || type == 0) {
        payload(64);
    } else if (!one_in(8)) {
        internet(true);
    }
}

void FrameMaker::icmp6() {
    constexpr std::uint8_t types[] = {128, 129, 133, 134, 134, 135, 135, 136, 136, 137, 1, 2, 3, 4, 130, 131, 132, 143};
    auto const type = one_in(16) ? below(256) : types[below(std::size(types))];
    put8(type);
    put8(one_in(8) ? below(256) : 0);
    put16(0);
    put32(one_in(2) ? 0x60000000 : next());
    if (type == 134) {
        put32(below(3600000));
        put32(below(10000));
    }
    if (type == 130 || type == 131 || type == 132 || (type >= 135 && type <= 137)) { put_address6(true); }
    for (auto records = type == 143 ? below(3) : 0; records > 0; --records) { // of a listener's report
        put32(below(7) << 24 | below(2));
        put_address6(true);
    }
    for (auto options = below(4); options > 0; --options) { // neighbour discovery's: link-layer addresses, prefix, mtu
        constexpr std::uint8_t kinds[] = {1, 2, 3, 5, 25};
        auto const kind = kinds[below(std::size(kinds))];
        std::uint32_t const length = one_in(6) ? below(256) : kind == 3 ? 4 : 1;
        put8(kind);
        put8(length);
        for (auto left = std::min(length, 8U) * 8U; left > 2; left -= 2) {
            put16(one_in(3) ? next() : kind == 3 ? 0x40c0 : 0);
        }
    }
    if (type < 128 && one_in(4)) {
        payload(64);
    } else if (type < 128) { // what it is about: the start of a packet of ours
        put32(0x60000000);
        put16(8);
        put8(one_in(2) ? protocol_tcp : protocol_udp);
        put8(64);
        put_address6(true);
        put_address6(false);
        put16(port());
        put16(port());
        put32(next());
    }
}

void FrameMaker::tcp() {
    put16(port());
    put16(port());
    put32(one_in(2) ? below(256) : next()); // of a live connection: differences
    put32(one_in(2) ? below(256) : next());
    auto const data_offset = frame_.size();
    put8(0x50);
    constexpr std::uint8_t flags[] = {0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x04, 0x14, 0x01, 0x3f, 0};
    put8(one_in(12) ? below(256) : flags[below(std::size(flags))]);
    put16(one_in(4) ? below(4) : one_in(4) ? below(65536) : 0x2000);
    put16(0);
    put16(one_in(8) ? below(65536) : 0);
    auto const options = frame_.size();
    if (one_in(4)) { tcp_options(); }
    while ((frame_.size() - options) % 4 != 0) { put8(0); }
    auto const words = 5 + (frame_.size() - options) / 4;
    frame_[data_offset] = static_cast<std::uint8_t>((one_in(16) ? below(16) : std::min<std::size_t>(words, 15)) << 4);
    if (!one_in(3)) { payload(120); }
}

void FrameMaker::tcp_options() {
    for (auto count = 1 + below(5); count > 0; --count) {
        switch (below(7)) {
        case 0: put8(1); break;
        case 1:
            put8(2);
            put8(4);
            put16(one_in(2) ? below(65536) : 1460);
            break;
        case 2:
            put8(3);
            put8(3);
            put8(below(256));
            break;
        case 3:
            put8(4);
            put8(2);
            break;
        case 4:
            put8(8);
            put8(10);
            put32(next());
            put32(next());
            break;
        case 5:
            put8(5);
            put8(10);
            put32(next());
            put32(next());
            break;
        default:
            put8(below(256));
            put8(below(12));
            break;
        }
    }
}

void FrameMaker::udp() {
    auto const start = frame_.size();
    put16(port());
    put16(port());
    put16(0);
    put16(0);
    payload(200);
    store16(start + 4, one_in(8) ? below(65536) : static_cast<std::uint32_t>(frame_.size() - start));
}

Frame FrameMaker::make(std::size_t device) {
    auto const kind = below(32);
    if (kind < 2) {
        ethernet(device, 0x0806);
        arp();
    } else if (kind < 18) {
        ethernet(device, 0x0800);
        internet(false);
    } else if (kind < 31) {
        ethernet(device, 0x86dd);
        internet6();
    } else {
        ethernet(device, static_cast<std::uint16_t>(below(65536)));
        payload(60);
    }
    if (one_in(12)) {
        for (auto count = 1 + below(4); count > 0; --count) {
            frame_[below(static_cast<std::uint32_t>(frame_.size()))] = static_cast<std::uint8_t>(next());
        }
    }
    if (one_in(12)) {
        frame_.resize(std::max<std::size_t>(ethernet_bytes, below(static_cast<std::uint32_t>(frame_.size()) + 1)));
    }
    return std::move(frame_);
}

} // namespace fuzz
