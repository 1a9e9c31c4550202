// Packet sockets (packet(7)): frames as they come in on a device, or go out, and frames that a program makes itself.
#pragma once
#include "devices.hpp"
#include "message_socket.hpp"

namespace netstack {

inline constexpr std::uint16_t family_packet = 17;

/// struct sockaddr_ll. `protocol` in network order.
struct LinkAddress {
    std::uint16_t family = family_packet;
    std::uint16_t protocol = 0;
    std::uint32_t device = 0;
    std::uint16_t hardware_type = 0;
    std::uint8_t packet_type = 0, address_length = 0;
    std::uint8_t address[8] = {};
};
static_assert(sizeof(LinkAddress) == 20);

class PacketSocket final : public MessageSocket, private FrameListener {
public:
    /// type Raw: with the Ethernet header; Datagram: without. `protocol`: an Ethernet type in network order, 0: nothing is received.
    PacketSocket(SocketOwner& owner, SocketType type, std::uint16_t protocol);
    ~PacketSocket() override;
    Result<ipc::Unit> bind(proto::SocketAddress const& address) override;
    Result<ipc::Unit> connect(proto::SocketAddress const&) override { return fail(Error::NotSupported); }
    Result<proto::SocketAddress> name(bool peer) override;
    Result<ipc::Unit> shutdown(std::uint32_t) override { return fail(Error::NotSupported); }
    Result<ipc::Unit> set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) override;
    Result<proto::Transfer> send(ipc::Pending const& caller, std::uint32_t flags, proto::SocketAddress const* to,
                                 std::uint32_t done) override;

private:
    void on_frame(Device const& device, pbuf const* frame, bool outgoing) override;
    [[nodiscard]] bool cooked() const { return type_ == SocketType::Datagram; }
    std::uint16_t ethernet_type_; ///< network order
    std::uint32_t device_ = 0;    ///< index, 0: all
    bool sending_ = false;        ///< its own frame is on its way, which it does not see
};

} // namespace netstack
