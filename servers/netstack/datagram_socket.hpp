// UDP, raw (raw(7)) and ping (icmp(7)) sockets: whole messages with the address each came from.
#pragma once
#include "lwip/raw.h"
#include "lwip/udp.h"
#include "message_socket.hpp"

namespace netstack {

class DatagramSocket : public MessageSocket {
public:
    Result<ipc::Unit> connect(proto::SocketAddress const& address) override;
    Result<ipc::Unit> shutdown(std::uint32_t how) override;
    Result<proto::Transfer> send(ipc::Pending const& caller, std::uint32_t flags, proto::SocketAddress const* to,
                                 std::uint32_t done) override;
    Result<proto::SocketAddress> name(bool peer) override;

protected:
    using MessageSocket::MessageSocket;
    static constexpr std::uint32_t longest = 65507;
    /// One whole message, with room for headers in front. Takes the buffer. `to` is complete.
    virtual err_t transmit(pbuf* message, Endpoint const& to) = 0;
    [[nodiscard]] virtual Endpoint local_name() const = 0;
    /// The peer may be set (connect); null: there is none any more.
    virtual Error choose_peer(Endpoint const*) { return Error::None; }
    /// None, or why nothing can be sent there.
    [[nodiscard]] Error refuse_target(ip_addr_t const& target, ip_addr_t const& source) const;
    /// Time to live or hop limit.
    [[nodiscard]] std::uint8_t hops_to(ip_addr_t const& target) const;
    [[nodiscard]] std::uint8_t service_for(ip_addr_t const& target) const {
        return target.type == IPADDR_TYPE_V6 ? traffic_class_ : service_;
    }

    bool connected_ = false;
    Endpoint peer_{};

private:
    std::vector<std::byte> corked_; ///< MSG_MORE: beginning of a datagram
};

class UdpSocket final : public DatagramSocket {
public:
    explicit UdpSocket(SocketOwner& owner, std::uint16_t family = family_internet);
    ~UdpSocket() override;
    [[nodiscard]] bool usable() const { return pcb_ != nullptr; }
    Result<ipc::Unit> bind(proto::SocketAddress const& address) override;

private:
    err_t transmit(pbuf* message, Endpoint const& to) override;
    [[nodiscard]] Endpoint local_name() const override { return {pcb_->local_ip, pcb_->local_port}; }
    Error choose_peer(Endpoint const* peer) override;
    bool set_lwip_option(std::uint8_t option, bool on) override;
    [[nodiscard]] bool bound() const override { return bound_; }
    [[nodiscard]] bool port_taken(ip_addr_t const& address, std::uint16_t port) const;
    udp_pcb* pcb_;
    bool bound_ = false;
};

class RawSocket final : public DatagramSocket {
public:
    /// type Datagram: a ping socket, which sends echo requests under its own identifier and sees their replies only.
    RawSocket(SocketOwner& owner, SocketType type, std::uint8_t protocol, std::uint16_t family = family_internet);
    ~RawSocket() override;
    [[nodiscard]] bool usable() const { return pcb_ != nullptr; }
    Result<ipc::Unit> bind(proto::SocketAddress const& address) override;
    Result<ipc::Unit> set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) override;
    Result<proto::SocketOption> get_option(std::uint32_t level, std::uint32_t option) override;
    /// Local and remote address of what the tables show.
    [[nodiscard]] Endpoint local() const { return local_name(); }
    [[nodiscard]] Endpoint remote() const { return connected_ ? peer_ : Endpoint{}; }

private:
    err_t transmit(pbuf* message, Endpoint const& to) override;
    err_t transmit6(pbuf* message, Endpoint const& to);
    [[nodiscard]] Endpoint local_name() const override;
    void on_packet(pbuf* packet, ip_addr_t const& from);
    /// What of an incoming packet is not for the program, in bytes; nothing: all of it.
    [[nodiscard]] std::optional<std::uint32_t> skipped(pbuf const* packet) const;
    [[nodiscard]] std::optional<std::uint32_t> skipped6(pbuf const* packet) const;
    [[nodiscard]] bool ping() const { return type_ == SocketType::Datagram; }
    raw_pcb* pcb_;
    std::uint16_t identifier_ = 0; ///< host order
    std::uint32_t icmp_filter_ = 0;
    std::array<std::uint32_t, 8> icmp6_filter_{}; ///< ICMP6_FILTER: a bit for each type that is kept away
    bool checksum_ = false;                       ///< IPV6_CHECKSUM
    std::uint16_t checksum_offset_ = 0;
    bool header_included_ = false;
    static inline std::uint16_t next_identifier_ = 1;
};

} // namespace netstack
