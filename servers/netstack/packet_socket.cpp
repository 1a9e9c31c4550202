#include "packet_socket.hpp"
#include "lwip/prot/ethernet.h"
#include <algorithm>

namespace netstack {

namespace {
constexpr std::uint32_t level_packet = 263, option_add_membership = 1, option_drop_membership = 2;
constexpr std::uint16_t every_type = 0x0300; ///< ETH_P_ALL, network order
constexpr std::uint16_t hardware_ethernet = 1, hardware_loopback = 772;
constexpr std::uint32_t header_bytes = SIZEOF_ETH_HDR - ETH_PAD_SIZE;
enum : std::uint8_t { to_us = 0, to_all = 1, to_group = 2, to_other = 3, from_us = 4 };

std::optional<LinkAddress> link_address(proto::SocketAddress const& address) {
    LinkAddress result;
    if (address.length < offsetof(LinkAddress, address)) { return {}; }
    std::memcpy(&result, address.data, std::min<std::size_t>(address.length, sizeof result));
    return result;
}
LinkAddress address_on(Device const& device, std::uint16_t type) {
    LinkAddress result;
    result.protocol = type;
    result.device = device.index();
    result.hardware_type = device.is(proto::stack::DeviceKind::Loopback) ? hardware_loopback : hardware_ethernet;
    result.address_length = 6;
    return result;
}
} // namespace

PacketSocket::PacketSocket(SocketOwner& owner, SocketType type, std::uint16_t protocol)
    : MessageSocket{owner, type, protocol, family_packet}, ethernet_type_{protocol} {
    devices_instance->listen(*this);
}

PacketSocket::~PacketSocket() {
    if (devices_instance != nullptr) { devices_instance->unlisten(*this); }
}

Result<ipc::Unit> PacketSocket::bind(proto::SocketAddress const& address) {
    auto const wanted = link_address(address);
    if (!wanted || wanted->family != family_packet) { return fail(Error::Invalid); }
    auto const* const device = wanted->device != 0 ? devices_instance->find(wanted->device) : nullptr;
    if (wanted->device != 0 && device == nullptr) { return fail(Error::NoSuchDevice); }
    device_ = wanted->device;
    if (wanted->protocol != 0) { ethernet_type_ = wanted->protocol; }
    if (device != nullptr && !device->up()) {
        error_ = Error::NetworkDown; // as Linux: bound, and the next operation hears of it
        changed();
    }
    return ipc::Unit{};
}

Result<proto::SocketAddress> PacketSocket::name(bool peer) {
    if (peer) { return fail(Error::NotSupported); }
    LinkAddress own;
    own.protocol = ethernet_type_;
    own.device = device_;
    if (auto const* const device = device_ != 0 ? devices_instance->find(device_) : nullptr) {
        own = address_on(*device, ethernet_type_);
        std::copy_n(device->record.hardware_address, own.address_length, own.address);
    }
    return MessageSource{own}.whole();
}

Result<ipc::Unit> PacketSocket::set_option(std::uint32_t level, std::uint32_t option,
                                           proto::SocketOption const& value) {
    // A device here hides no frame from its listeners, whatever its address: it is in every group and promiscuous already.
    if (level == level_packet && (option == option_add_membership || option == option_drop_membership)) {
        return value.length < 16 ? Result<ipc::Unit>{fail(Error::Invalid)} : ipc::Unit{};
    }
    if (level == level_packet) { return fail(Error::NoProtocolOption); }
    return Socket::set_option(level, option, value);
}

Result<proto::Transfer> PacketSocket::send(ipc::Pending const& caller, std::uint32_t, proto::SocketAddress const* to,
                                           std::uint32_t) {
    if (error_ != Error::None) { return fail(take_error()); }
    auto target = to != nullptr && to->length != 0 ? link_address(*to) : LinkAddress{};
    if (!target || (target->family != family_packet && target->family != family_unspecified)) {
        return fail(Error::Invalid);
    }
    if (to == nullptr || to->length == 0) {
        target->device = device_;
        target->protocol = ethernet_type_;
        if (cooked()) { return fail(Error::DestinationRequired); }
    }
    auto* const device = devices_instance->find(target->device);
    if (device == nullptr) { return fail(Error::NoDevice); }
    if (!device->up()) { return fail(Error::NetworkDown); }
    if (!cooked() && caller.read_length < header_bytes) { return fail(Error::Invalid); }
    std::uint32_t const own = cooked() ? header_bytes : 0, length = caller.read_length + own;
    auto const longest = std::min<std::uint32_t>(device->record.mtu, Devices::large_frame) + header_bytes;
    if (length > longest) { return fail(Error::MessageTooLong); }
    pbuf* const frame = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(ETH_PAD_SIZE + length), PBUF_RAM);
    if (frame == nullptr) { return fail(Error::NoBufferSpace); }
    auto* const start = static_cast<std::byte*>(frame->payload);
    if (cooked()) {
        auto* const header = static_cast<eth_hdr*>(frame->payload);
        std::memcpy(&header->dest, target->address, sizeof header->dest);
        std::memcpy(&header->src, device->record.hardware_address, sizeof header->src);
        header->type = target->protocol != 0 ? target->protocol : ethernet_type_;
    }
    touch(start + ETH_PAD_SIZE + own, caller.read_length);
    auto const copied = ipc::copy_in(caller, 0, {start + ETH_PAD_SIZE + own, caller.read_length});
    proto::Transfer result{caller.read_length, 0};
    if (copied.count < caller.read_length) {
        result = {0, copied.caller_fault};
    } else {
        sending_ = true;
        devices_instance->transmit(*device, frame);
        sending_ = false;
    }
    pbuf_free(frame);
    return result;
}

void PacketSocket::on_frame(Device const& device, pbuf const* frame, bool outgoing) {
    if ((device_ != 0 && device_ != device.index()) || sending_ || frame->len < SIZEOF_ETH_HDR) { return; }
    auto const* const header = static_cast<eth_hdr const*>(frame->payload);
    // Who wants one type sees what comes in; who wants all sees what goes out, too.
    if (ethernet_type_ != every_type && (ethernet_type_ != header->type || outgoing)) { return; }
    std::uint16_t const skip = cooked() ? SIZEOF_ETH_HDR : ETH_PAD_SIZE;
    pbuf* const copy = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(frame->tot_len - skip), PBUF_RAM);
    if (copy == nullptr) { return; }
    static_cast<void>(pbuf_copy_partial(frame, copy->payload, copy->tot_len, skip));
    auto from = address_on(device, header->type);
    std::memcpy(from.address, &header->src, from.address_length);
    static constexpr std::uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    from.packet_type = outgoing                                                                      ? from_us
                       : std::memcmp(&header->dest, all, sizeof all) == 0                            ? to_all
                       : (header->dest.addr[0] & 1) != 0                                             ? to_group
                       : std::memcmp(&header->dest, device.record.hardware_address, sizeof all) == 0 ? to_us
                                                                                                     : to_other;
    deliver(copy, MessageSource{from});
}

} // namespace netstack
