// Netlink messages (netlink(3)): built with NetlinkWriter, read with NetlinkReader and attributes(). Nothing in a message is
// believed: lengths are checked against what is there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace netns::netlink {

struct Header {
    std::uint32_t length;
    std::uint16_t type, flags;
    std::uint32_t sequence, port;
};
static_assert(sizeof(Header) == 16);
namespace flag {
inline constexpr std::uint16_t request = 1, multi = 2, acknowledge = 4, replace = 0x100, exclusive = 0x200,
                               create = 0x400, dump = 0x300;
} // namespace flag
enum Type : std::uint16_t {
    error = 2,
    done = 3,
    new_link = 16,
    delete_link,
    get_link,
    set_link,
    new_address,
    delete_address,
    get_address,
    new_route = 24,
    delete_route,
    get_route,
    new_neighbour = 28,
    delete_neighbour,
    get_neighbour,
    new_rule = 32,
    delete_rule,
    get_rule,
};
struct LinkMessage {
    std::uint8_t family, padding;
    std::uint16_t type;
    std::uint32_t index, flags, change;
};
struct AddressMessage {
    std::uint8_t family, prefix, flags, scope;
    std::uint32_t index;
};
struct RouteMessage {
    std::uint8_t family, prefix, source_prefix, service, table, protocol, scope, type;
    std::uint32_t flags;
};
struct NeighbourMessage {
    std::uint8_t family, padding1;
    std::uint16_t padding2;
    std::uint32_t index;
    std::uint16_t state;
    std::uint8_t flags, type;
};

constexpr std::size_t align(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

/// One attribute: its number without the flag bits, and its bytes.
struct Attribute {
    std::uint16_t type;
    std::span<std::byte const> bytes;
    template <class T>
    [[nodiscard]] std::optional<T> as() const {
        T value;
        if (bytes.size() < sizeof value) { return {}; }
        std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    [[nodiscard]] std::string_view text() const {
        std::string_view const all{reinterpret_cast<char const*>(bytes.data()), bytes.size()};
        return all.substr(0, all.find('\0'));
    }
};

/// The attributes of a message's tail or of a nested attribute. What is cut short ends the list.
class Attributes {
public:
    explicit Attributes(std::span<std::byte const> bytes) : bytes_{bytes} {}
    /// The last one of that type; nothing if there is none.
    [[nodiscard]] std::optional<Attribute> find(std::uint16_t type) const {
        std::optional<Attribute> found;
        for (auto rest = bytes_; rest.size() >= 4;) {
            std::uint16_t length, number;
            std::memcpy(&length, rest.data(), sizeof length);
            std::memcpy(&number, rest.data() + 2, sizeof number);
            if (length < 4 || length > rest.size()) { break; }
            if ((number & 0x3fff) == type) { found = Attribute{type, rest.subspan(4, length - 4U)}; }
            rest = rest.subspan(std::min(align(length), rest.size()));
        }
        return found;
    }
    template <class T>
    [[nodiscard]] std::optional<T> get(std::uint16_t type) const {
        auto const attribute = find(type);
        return attribute ? attribute->as<T>() : std::nullopt;
    }
    [[nodiscard]] std::string_view text(std::uint16_t type) const {
        auto const attribute = find(type);
        return attribute ? attribute->text() : std::string_view{};
    }

private:
    std::span<std::byte const> bytes_;
};

/// Appends messages to one datagram.
class Writer {
public:
    explicit Writer(std::vector<std::byte>& target) : target_{target} {}
    template <class Body>
    void begin(std::uint16_t type, std::uint16_t flags, Header const& request, Body const& body) {
        start_ = target_.size();
        put(Header{0, type, flags, request.sequence, request.port});
        put(body);
    }
    void end() {
        auto const length = static_cast<std::uint32_t>(target_.size() - start_);
        std::memcpy(target_.data() + start_, &length, sizeof length);
    }
    void attribute(std::uint16_t type, void const* bytes, std::size_t count) {
        put(static_cast<std::uint16_t>(4 + count));
        put(type);
        append(bytes, count);
        target_.resize(align(target_.size()));
    }
    template <class T>
    void attribute(std::uint16_t type, T const& value) {
        attribute(type, &value, sizeof value);
    }
    void text(std::uint16_t type, std::string_view value) {
        put(static_cast<std::uint16_t>(5 + value.size()));
        put(type);
        append(value.data(), value.size());
        target_.push_back(std::byte{});
        target_.resize(align(target_.size()));
    }
    /// A nested attribute: end it with close(open(...)).
    std::size_t open(std::uint16_t type) {
        auto const start = target_.size();
        put(std::uint16_t{0});
        put(type);
        return start;
    }
    void close(std::size_t start) {
        auto const length = static_cast<std::uint16_t>(target_.size() - start);
        std::memcpy(target_.data() + start, &length, sizeof length);
    }

private:
    template <class T>
    void put(T const& value) {
        append(&value, sizeof value);
    }
    void append(void const* bytes, std::size_t count) {
        auto const* const first = static_cast<std::byte const*>(bytes);
        target_.insert(target_.end(), first, first + count);
    }
    std::vector<std::byte>& target_;
    std::size_t start_ = 0;
};

} // namespace netns::netlink
