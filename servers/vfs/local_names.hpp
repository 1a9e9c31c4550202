// Addresses of AF_UNIX sockets, and the abstract names that are in use.
#pragma once
#include "local_socket.hpp"
#include <map>

namespace vfs {

/// A struct sockaddr_un taken apart.
struct LocalName {
    static constexpr std::uint16_t unspecified = 0, local = 1;
    static constexpr std::size_t path_maximum = 108;
    bool unnamed = false; ///< the family alone
    bool abstract = false;
    std::string text; ///< the path, or the abstract name without its leading NUL

    static std::uint16_t family(std::span<std::byte const> address) {
        return static_cast<std::uint16_t>(std::to_integer<unsigned>(address[0]) | std::to_integer<unsigned>(address[1])
                                                                                      << 8);
    }
    /// Errors: Invalid.
    static Result<LocalName> parse(std::span<std::byte const> address);
    /// The struct with that in its sun_path; length as getsockname gives it.
    static std::string address(std::string_view path);
};

class LocalNames {
public:
    /// False: in use. The socket must have no name.
    bool bind(std::uint32_t network, LocalSocket& socket, std::string_view name);
    /// Autobind: five hexadecimal digits. NoSpace: all are in use.
    Error bind_unused(std::uint32_t network, LocalSocket& socket, std::uint64_t random);
    void remove(LocalSocket const& socket);
    [[nodiscard]] LocalSocket* find(std::uint32_t network, LocalSocket::Type type, std::string_view name) const;

private:
    struct Key {
        std::uint32_t network;
        LocalSocket::Type type;
        std::string name; ///< address
        auto operator<=>(Key const&) const = default;
    };
    static Key key(std::uint32_t network, LocalSocket::Type type, std::string_view name) {
        return {network, type, LocalName::address(std::string(1, '\0').append(name))};
    }
    std::map<Key, LocalSocket*> names_;
};

} // namespace vfs
