#include "netlink_requests.hpp"
#include "netlink_handler.hpp"

namespace netns {

NetlinkAnswer handle_netlink(NetworkNamespace& space, std::span<std::byte const> requests, std::uint32_t port,
                             bool may_change, std::optional<Error> moved,
                             std::span<proto::stack::DeviceStatus const> counters,
                             std::span<proto::stack::NeighbourStatus const> neighbours,
                             std::span<proto::stack::NeighbourStatus6 const> neighbours6) {
    NetlinkAnswer answer;
    while (requests.size() >= sizeof(netlink::Header)) {
        netlink::Header header;
        std::memcpy(&header, requests.data(), sizeof header);
        if (header.length < sizeof header || header.length > requests.size()) { break; }
        auto const body = requests.subspan(sizeof header, header.length - sizeof header);
        requests = requests.subspan(std::min(netlink::align(header.length), requests.size()));
        if ((header.flags & netlink::flag::request) == 0 || header.type < netlink::new_link) { continue; }
        NetlinkHandler one{space, answer, port, moved, counters, neighbours, neighbours6};
        auto const error =
            !may_change && !NetlinkHandler::is_get(header.type) ? Error::NotPermitted : one.handle(header, body);
        if (error == Error::Elsewhere) { return answer; }
        if (error != Error::None || ((header.flags & netlink::flag::acknowledge) != 0 && !one.answered())) {
            one.acknowledge(header, error);
        }
    }
    return answer;
}

} // namespace netns
