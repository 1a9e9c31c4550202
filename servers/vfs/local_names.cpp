#include "local_names.hpp"

namespace vfs {

Result<LocalName> LocalName::parse(std::span<std::byte const> address) {
    constexpr std::size_t family_bytes = 2;
    if (address.size() < family_bytes || address.size() > family_bytes + path_maximum || family(address) != local) {
        return fail(Error::Invalid);
    }
    std::string_view const rest{reinterpret_cast<char const*>(address.data()) + family_bytes,
                                address.size() - family_bytes};
    LocalName name;
    if (rest.empty()) {
        name.unnamed = true;
    } else if (rest[0] == '\0') {
        name.abstract = true;
        name.text = rest.substr(1);
    } else {
        name.text = rest.substr(0, rest.find('\0'));
    }
    return name;
}

std::string LocalName::address(std::string_view path) {
    std::string text{static_cast<char>(local), '\0'};
    return text.append(path);
}

bool LocalNames::bind(std::uint32_t network, LocalSocket& socket, std::string_view name) {
    auto const [place, fresh] = names_.try_emplace(key(network, socket.type, name), &socket);
    if (fresh) {
        socket.name = place->first.name;
        socket.network = network;
    }
    return fresh;
}

Error LocalNames::bind_unused(std::uint32_t network, LocalSocket& socket, std::uint64_t random) {
    constexpr std::uint32_t mask = 0xfffff;
    constexpr char digits[] = "0123456789abcdef";
    for (std::uint32_t tries = 0, number = static_cast<std::uint32_t>(random); tries <= mask; ++tries, ++number) {
        std::string name;
        for (int shift = 16; shift >= 0; shift -= 4) { name += digits[(number & mask) >> shift & 15]; }
        if (bind(network, socket, name)) { return Error::None; }
    }
    return Error::NoSpace;
}

void LocalNames::remove(LocalSocket const& socket) {
    auto const found = names_.find(Key{socket.network, socket.type, socket.name});
    if (found != names_.end() && found->second == &socket) { names_.erase(found); }
}

LocalSocket* LocalNames::find(std::uint32_t network, LocalSocket::Type type, std::string_view name) const {
    auto const found = names_.find(key(network, type, name));
    return found == names_.end() ? nullptr : found->second;
}

} // namespace vfs
