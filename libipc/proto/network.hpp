// Protocol Network: sessions of a network namespace, owned by netns.
#pragma once
#include "file.hpp"
#include "namespace.hpp"

namespace proto {
struct Network {
    static constexpr abi::Word number = 12;
    /// socket(2). Errors: AddressFamilyNotSupported, ProtocolNotSupported, SocketTypeNotSupported, NotPermitted.
    using Socket = ipc::Method<Network, 1, ipc::Cap<File>(std::uint32_t domain, std::uint32_t type, std::uint32_t protocol)>;
    /// Text of /proc/net/dev from `offset`.
    using DeviceTable = ipc::Method<Network, 2, Transfer(std::uint32_t offset, ipc::WriteBuffer)>;
    using methods = ipc::Methods<Socket, DeviceTable>;
};
} // namespace proto
