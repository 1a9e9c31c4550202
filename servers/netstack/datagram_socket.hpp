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
    virtual err_t transmit(pbuf* message, InternetAddress const& to) = 0;
    virtual void local_name(InternetAddress& name) const = 0;
    /// The peer may be set (connect).
    virtual Error choose_peer(InternetAddress const&) { return Error::None; }

    bool connected_ = false;
    InternetAddress peer_{};

private:
    std::vector<std::byte> corked_; ///< MSG_MORE: beginning of a datagram
};

class UdpSocket final : public DatagramSocket {
public:
    explicit UdpSocket(SocketOwner& owner);
    ~UdpSocket() override;
    [[nodiscard]] bool usable() const { return pcb_ != nullptr; }
    Result<ipc::Unit> bind(proto::SocketAddress const& address) override;

private:
    err_t transmit(pbuf* message, InternetAddress const& to) override;
    void local_name(InternetAddress& name) const override;
    Error choose_peer(InternetAddress const& peer) override;
    bool set_lwip_option(std::uint8_t option, bool on) override;
    udp_pcb* pcb_;
    bool bound_ = false;
};

class RawSocket final : public DatagramSocket {
public:
    /// type Datagram: a ping socket, which sends echo requests under its own identifier and sees their replies only.
    RawSocket(SocketOwner& owner, SocketType type, std::uint8_t protocol);
    ~RawSocket() override;
    [[nodiscard]] bool usable() const { return pcb_ != nullptr; }
    Result<ipc::Unit> bind(proto::SocketAddress const& address) override;
    Result<ipc::Unit> set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) override;

private:
    err_t transmit(pbuf* message, InternetAddress const& to) override;
    void local_name(InternetAddress& name) const override;
    void on_packet(pbuf* packet, std::uint32_t from);
    [[nodiscard]] bool ping() const { return type_ == SocketType::Datagram; }
    raw_pcb* pcb_;
    std::uint16_t identifier_ = 0; ///< host order
    std::uint32_t icmp_filter_ = 0;
    bool header_included_ = false;
    static inline std::uint16_t next_identifier_ = 1;
};

} // namespace netstack
