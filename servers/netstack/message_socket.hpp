// Sockets of whole messages: each is received with the address it came from, in the order of arrival.
#pragma once
#include "lwip/pbuf.h"
#include "socket.hpp"

namespace netstack {

/// A struct sockaddr of a kind that messages come from: sockaddr_in, sockaddr_in6, sockaddr_ll.
struct MessageSource {
    std::uint32_t length = 0;
    std::byte bytes[28];
    MessageSource() = default;
    template <class Address>
    explicit MessageSource(Address const& address) : length{sizeof address} {
        static_assert(sizeof address <= sizeof bytes);
        std::memcpy(bytes, &address, sizeof address);
    }
    explicit MessageSource(proto::SocketAddress const& address)
        : length{std::min<std::uint32_t>(address.length, sizeof bytes)} {
        std::memcpy(bytes, address.data, length);
    }
    [[nodiscard]] proto::SocketAddress whole() const {
        proto::SocketAddress result;
        result.length = static_cast<std::uint16_t>(length);
        std::memcpy(result.data, bytes, length);
        return result;
    }
};

class MessageSocket : public Socket {
public:
    ~MessageSocket() override;
    Result<Received> receive(ipc::Pending const& caller, std::uint32_t flags) override;
    [[nodiscard]] std::uint32_t events() const override;

protected:
    using Socket::Socket;
    /// Takes the buffer; what does not fit the receive buffer is dropped. control: messages for recvmsg.
    void deliver(pbuf* message, MessageSource const& from, std::vector<std::byte> control = {});
    bool read_shut_ = false, write_shut_ = false;

private:
    static constexpr std::uint32_t overhead = 256; ///< counted for each, so that empty ones fill the buffer, too
    struct Message {
        pbuf* data;
        MessageSource from;
        std::vector<std::byte> control; ///< as the program gets it
    };
    std::deque<Message> received_;
    std::uint32_t queued_ = 0;      ///< bytes in all of them
    std::uint32_t read_offset_ = 0; ///< of the first, by Receive with rest_follows
};

} // namespace netstack
