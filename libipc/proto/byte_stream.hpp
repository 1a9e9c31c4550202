// Protocol ByteStream: a serial line. Never waits.
#pragma once
#include "file.hpp"

namespace proto {
struct ByteStream {
    static constexpr abi::Word number = 9;
    using Write =
        ipc::Method<ByteStream, 1,
                    std::uint32_t(ipc::ReadBuffer)>; ///< bytes taken (all, unless the caller's memory is absent)
    using Read = ipc::Method<ByteStream, 2, std::uint32_t(ipc::WriteBuffer)>; ///< bytes there were, may be 0
    using Subscribe =
        ipc::Method<ByteStream, 3, ipc::Unit(ipc::Cap<ipc::Notification>)>; ///< signalled when input arrives
    using methods = ipc::Methods<Write, Read, Subscribe>;
};
} // namespace proto
