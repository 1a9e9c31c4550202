// What recvmsg(2) tells about a datagram besides its sender: by which device and address it came, hops, class of service.
#include "devices.hpp"
#include "lwip/ip.h"
#include "socket.hpp"

namespace netstack {

namespace {
/// struct cmsghdr of i386 and its data, aligned.
void append(std::vector<std::byte>& target, std::uint32_t level, std::uint32_t type, void const* data,
            std::size_t bytes) {
    std::uint32_t const header[3] = {static_cast<std::uint32_t>(sizeof header + bytes), level, type};
    auto const start = target.size();
    target.resize(start + ((sizeof header + bytes + 3) & ~std::size_t{3}));
    std::memcpy(target.data() + start, header, sizeof header);
    std::memcpy(target.data() + start + sizeof header, data, bytes);
}
namespace type {
constexpr std::uint32_t service = 1, time_to_live = 2, information = 8, information6_old = 2, hop_limit6_old = 8,
                        information6 = 50, hop_limit6 = 52, class6 = 67;
} // namespace type
} // namespace

std::vector<std::byte> Socket::current_control() const {
    std::vector<std::byte> result;
    if (wanted_control_ == 0) { return result; }
    auto const& to = *ip_current_dest_addr();
    auto const device = current_device();
    if (to.type == IPADDR_TYPE_V4) {
        if ((wanted_control_ & wants_information) != 0) {
            struct {
                std::uint32_t device, local, destination;
            } const information{device, word_of(to), word_of(to)};
            append(result, level::ip, type::information, &information, sizeof information);
        }
        std::uint32_t const hops = IPH_TTL(ip4_current_header());
        std::uint8_t const service = IPH_TOS(ip4_current_header());
        if ((wanted_control_ & wants_hops) != 0) { append(result, level::ip, type::time_to_live, &hops, sizeof hops); }
        if ((wanted_control_ & wants_service) != 0) {
            append(result, level::ip, type::service, &service, sizeof service);
        }
    }
    if ((wanted_control_ & (wants_information6 | wants_information6_old)) != 0) {
        struct {
            std::array<std::uint8_t, 16> address;
            std::uint32_t device;
        } const information{to.type == IPADDR_TYPE_V4 ? mapped(word_of(to)) : bytes_of(*ip_2_ip6(&to)), device};
        append(result, level::ip6,
               (wanted_control_ & wants_information6) != 0 ? type::information6 : type::information6_old, &information,
               sizeof information);
    }
    if (to.type == IPADDR_TYPE_V4) { return result; }
    std::uint32_t const hops = IP6H_HOPLIM(ip6_current_header()), service = IP6H_TC(ip6_current_header());
    if ((wanted_control_ & wants_hops6) != 0) { append(result, level::ip6, type::hop_limit6, &hops, sizeof hops); }
    if ((wanted_control_ & wants_hops6_old) != 0) {
        append(result, level::ip6, type::hop_limit6_old, &hops, sizeof hops);
    }
    if ((wanted_control_ & wants_service6) != 0) { append(result, level::ip6, type::class6, &service, sizeof service); }
    return result;
}

} // namespace netstack
