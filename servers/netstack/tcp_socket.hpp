// A TCP socket over one lwIP connection (tcp(7)).
#pragma once
#include "lwip/tcp.h"
#include "send_buffer.hpp"
#include "socket.hpp"
#include <memory>

namespace netstack {

class TcpSocket : public Socket {
public:
    /// Without connection: NoMemory shows at the first operation. With one: just accepted. family: AF_INET or AF_INET6.
    explicit TcpSocket(SocketOwner& owner, std::uint16_t family = family_internet, tcp_pcb* accepted = nullptr);
    ~TcpSocket() override;

    Result<ipc::Unit> bind(proto::SocketAddress const& address) override;
    /// InProgress, AlreadyInProgress: it goes on, and events() tells the end.
    Result<ipc::Unit> connect(proto::SocketAddress const& address) override;
    Result<ipc::Unit> listen(std::uint32_t backlog) override;
    Result<Accepted> accept(std::uint32_t flags) override;
    Result<proto::SocketAddress> name(bool peer) override;
    Result<ipc::Unit> shutdown(std::uint32_t how) override;
    Result<ipc::Unit> set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) override;
    Result<proto::SocketOption> get_option(std::uint32_t level, std::uint32_t option) override;
    Result<proto::Transfer> send(ipc::Pending const& caller, std::uint32_t flags, proto::SocketAddress const* to,
                                 std::uint32_t done) override;
    Result<Received> receive(ipc::Pending const& caller, std::uint32_t flags) override;
    [[nodiscard]] proto::stack::SavedListener saved() const override;
    [[nodiscard]] std::uint32_t events() const override;
    /// Bytes that a read finds.
    [[nodiscard]] std::uint32_t available() const { return available_; }

protected:
    bool set_lwip_option(std::uint8_t option, bool on) override;
    [[nodiscard]] bool listening() const override { return state_ == State::Listening; }

private:
    enum class State : std::uint8_t { Idle, Connecting, Connected, Listening, Broken };
    static constexpr std::uint32_t by_reference = 2048; ///< writes of at least this are sent by reference
    static constexpr std::uint32_t large_segment = 16384;

    bool ensure_connection();
    void attach();
    void detach();
    void drop_received();
    /// One piece of a send; bytes taken, 0 with or without a fault: no more now.
    std::uint32_t send_part(ipc::Pending const& caller, std::uint32_t done, abi::Address& fault);
    [[nodiscard]] static bool port_taken(ip_addr_t const& address, std::uint16_t port);
    [[nodiscard]] bool bound() const override { return bound_ || state_ != State::Idle; }
    err_t on_received(pbuf* data);
    void on_error(err_t error);
    err_t on_accept(tcp_pcb* connection, err_t error);

    tcp_pcb* pcb_ = nullptr; ///< null before the first operation and after the connection broke
    State state_ = State::Idle;
    bool bound_ = false, connect_told_ = false, peer_closed_ = false, read_shut_ = false, write_shut_ = false,
         no_delay_ = false;
    std::deque<pbuf*> received_;
    std::uint16_t backlog_ = 0;   ///< as listen() was asked for
    std::uint32_t offset_ = 0;    ///< consumed of the first
    std::uint32_t available_ = 0; ///< in all of them
    std::deque<std::unique_ptr<TcpSocket>> accepting_;
    std::unique_ptr<SentData> sent_ = std::make_unique<SentData>();
};

} // namespace netstack
