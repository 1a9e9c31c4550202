#include "networks.hpp"
#include "address6.hpp"
#include "request.hpp"
#include "text.hpp"
#include <algorithm>

namespace container {

namespace {

constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17;

/// The decimal number at the beginning of `text`, which is taken off it.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t highest) {
    std::uint32_t value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        value = value * 10 + static_cast<std::uint32_t>(text[digits] - '0');
        if (value > highest || digits > 9) { return {}; }
    }
    if (digits == 0) { return {}; }
    text.remove_prefix(digits);
    return value;
}
bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) { return false; }
    text.remove_prefix(prefix.size());
    return true;
}
/// Nothing, and `text` as it was: there is none.
std::optional<Address4> take_address(std::string_view& text) {
    Address4 address = 0;
    auto rest = text;
    for (int part = 0; part < 4; ++part) {
        if (part != 0 && !take(rest, ".")) { return {}; }
        auto const number = take_number(rest, 255);
        if (!number) { return {}; }
        address = address << 8 | *number;
    }
    text = rest;
    return address;
}

/// In the first four bytes of a rule's address.
void put(std::span<std::uint8_t> target, Address4 address) {
    auto const bytes = address_bytes(address);
    std::ranges::copy(bytes, target.begin());
}
void put(char (&target)[16], std::string_view name) { std::ranges::copy(name.substr(0, sizeof target - 1), target); }

/// /PREFIX, if it is there; without it the whole address counts. False: one that cannot be.
bool take_prefix(std::string_view& text, std::uint8_t whole, std::uint8_t& prefix) {
    prefix = whole;
    if (!take(text, "/")) { return true; }
    auto const given = take_number(text, whole);
    if (given) { prefix = static_cast<std::uint8_t>(*given); }
    return given.has_value();
}
/// ADDRESS[/PREFIX] of either family; [ADDRESS] or [ADDRESS/PREFIX] where a port follows IPv6's.
bool take_destination(std::string_view& text, proto::PacketRule& rule) {
    constexpr std::uint8_t whole = 32, whole6 = 128;
    if (auto const address = take_address(text)) {
        put(rule.destination, *address);
        return take_prefix(text, whole, rule.destination_prefix);
    }
    bool const brackets = take(text, "[");
    auto const address = take_address6(text);
    if (!address || !take_prefix(text, whole6, rule.destination_prefix) ||
        (brackets ? !take(text, "]") : text.starts_with(':'))) {
        return false;
    }
    rule.family = proto::PacketFamily::Six;
    std::ranges::copy(*address, rule.destination);
    return true;
}

proto::PacketRule rule_of(proto::PacketAction action) {
    proto::PacketRule rule{};
    rule.action = action;
    return rule;
}

} // namespace

std::array<std::uint8_t, 4> address_bytes(Address4 address) {
    return {static_cast<std::uint8_t>(address >> 24), static_cast<std::uint8_t>(address >> 16),
            static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)};
}

std::string address_text(Address4 address) {
    std::string text;
    for (auto const byte : address_bytes(address)) {
        if (!text.empty()) { text += '.'; }
        text += number_text(byte);
    }
    return text;
}

std::optional<Address4> parse_address(std::string_view text) {
    auto const address = take_address(text);
    return text.empty() ? address : std::nullopt;
}

std::optional<Subnet> Subnet::parse(std::string_view text) {
    Subnet subnet;
    auto const address = take_address(text);
    if (!address || !take(text, "/")) { return {}; }
    auto const prefix = take_number(text, 30);
    if (!prefix || *prefix < 8 || !text.empty()) { return {}; }
    subnet.prefix = static_cast<std::uint8_t>(*prefix);
    subnet.address = *address & subnet.mask();
    constexpr Address4 loopback = 127, multicast = 224;
    auto const first = subnet.address >> 24;
    if (first == 0 || first == loopback || first >= multicast) { return {}; }
    return subnet;
}

std::string Subnet::text() const {
    auto text = address_text(address);
    text += '/';
    text += number_text(prefix);
    return text;
}

std::optional<Publication> Publication::parse(std::string_view text) {
    constexpr std::uint32_t highest = 65535;
    Publication publication;
    auto const host = take_number(text, highest);
    if (!host || !take(text, ":")) { return {}; }
    auto const port = take_number(text, highest);
    if (!port || *host == 0 || *port == 0) { return {}; }
    if (take(text, "/udp")) {
        publication.protocol = udp;
    } else {
        static_cast<void>(take(text, "/tcp"));
    }
    if (!text.empty()) { return {}; }
    publication.host_port = static_cast<std::uint16_t>(*host);
    publication.port = static_cast<std::uint16_t>(*port);
    return publication;
}

std::string Publication::text() const {
    auto text = number_text(host_port);
    text += ':';
    text += number_text(port);
    if (protocol == udp) { text += "/udp"; }
    return text;
}

std::optional<Policy> Policy::parse(std::string_view text) {
    Policy policy;
    policy.text = text;
    auto& rule = policy.rule;
    if (take(text, "allow ")) {
        rule.action = proto::PacketAction::Accept;
    } else if (take(text, "deny ")) {
        rule.action = proto::PacketAction::Drop;
    } else {
        return {};
    }
    if (text == "all") { return policy; }
    rule.protocol = take(text, "tcp:") ? tcp : take(text, "udp:") ? udp : take(text, "icmp:") ? icmp : 0;
    if (!take(text, "all") && !take_destination(text, rule)) { return {}; }
    if (take(text, ":")) {
        auto const port = take_number(text, 65535);
        if (!port || *port == 0 || rule.protocol == icmp) { return {}; }
        if (rule.protocol == 0) { rule.protocol = tcp; }
        rule.first_port = rule.last_port = static_cast<std::uint16_t>(*port);
    }
    return text.empty() ? std::optional{policy} : std::nullopt;
}

Networks::Networks() {
    // podman's choice: seldom anybody's own.
    auto const made = add(default_name, Subnet{0x0a580000, 16});
    (*made)->nat = true;
}

NetworkDefinition* Networks::find(std::string_view name) {
    auto const found = std::ranges::find(all_, name, &NetworkDefinition::name);
    return found != all_.end() ? &*found : nullptr;
}

std::expected<NetworkDefinition*, Networks::Refusal> Networks::add(std::string_view name, std::optional<Subnet> subnet,
                                                                   std::optional<Subnet6> subnet6) {
    auto const refuse = [](std::string_view code, std::string text) {
        return std::unexpected{Refusal{std::string{code}, std::move(text)}};
    };
    if (!valid_name(name) || name == "none" || name == "host") {
        return refuse("bad-name", "a network's name is 1 to 64 letters, digits, '_', '.' or '-', begins with a letter "
                                  "or digit, and is not none or host");
    }
    if (find(name) != nullptr) { return refuse("exists", "a network of that name exists: ctool network rm it first"); }
    if (all_.size() >= maximum) {
        return refuse("too-many", "there are " + number_text(maximum) +
                                      " networks, which is all there can be: ctool network rm one");
    }
    auto const taken = [&](Subnet const& wanted) {
        return std::ranges::find_if(all_, [&](NetworkDefinition const& each) { return each.subnet.overlaps(wanted); });
    };
    if (!subnet) {
        constexpr Address4 first = 0x0a590000, step = 256, count = 256;
        for (Address4 i = 0; i < count && !subnet; ++i) {
            Subnet const candidate{first + i * step, 24};
            if (taken(candidate) == all_.end()) { subnet = candidate; }
        }
        if (!subnet) { return refuse("no-subnet", "no part of 10.89.0.0/16 is free: give one with --subnet"); }
    } else if (auto const other = taken(*subnet); other != all_.end()) {
        return refuse("subnet-overlaps",
                      "subnet " + subnet->text() + " overlaps " + other->subnet.text() + " of network " + other->name);
    }
    for (auto const& other : all_) {
        if (subnet6 && other.subnet6 && other.subnet6->overlaps(*subnet6)) {
            return refuse("subnet-overlaps", "subnet " + subnet6->text() + " overlaps " + other.subnet6->text() +
                                                 " of network " + other.name);
        }
    }
    auto& network = all_.emplace_back();
    network.name = name;
    network.device = "cella";
    network.device += number_text(next_device_++);
    network.subnet = *subnet;
    network.subnet6 = subnet6;
    return &network;
}

void Networks::remove(std::string_view name) {
    all_.remove_if([&](NetworkDefinition const& network) { return network.name == name; });
}

std::optional<Address4> Networks::free_address(NetworkDefinition const& network,
                                               std::span<Attachment const* const> attachments) {
    auto const last = network.subnet.address | ~network.subnet.mask(); // broadcast
    for (auto address = network.subnet.gateway() + 1; address < last; ++address) {
        if (std::ranges::none_of(attachments, [&](Attachment const* each) { return each->address == address; })) {
            return address;
        }
    }
    return {};
}

std::vector<proto::PacketRule> Networks::rules(std::span<Attachment const* const> attachments) const {
    using proto::PacketAction;
    std::vector<proto::PacketRule> rules;
    auto const used = [&](NetworkDefinition const& network) {
        return std::ranges::any_of(
            attachments, [&](Attachment const* each) { return each->network == network.name && each->address != 0; });
    };
    // What is published is let in before anything else is asked.
    for (auto const* each : attachments) {
        if (each->address == 0) { continue; }
        for (auto const& publication : each->publications) {
            auto to = rule_of(PacketAction::DestinationNat);
            to.protocol = publication.protocol;
            to.first_port = to.last_port = publication.host_port;
            put(to.to_address, each->address);
            to.to_port = publication.port;
            rules.push_back(to);
            auto let_in = rule_of(PacketAction::Accept);
            let_in.protocol = publication.protocol;
            put(let_in.destination, each->address);
            let_in.destination_prefix = 32;
            let_in.first_port = let_in.last_port = publication.port;
            rules.push_back(let_in);
        }
    }
    for (auto const& network : all_) {
        if (!used(network)) { continue; }
        for (auto policy : network.policies) {
            put(policy.rule.in_device, network.device);
            rules.push_back(policy.rule);
        }
        // Nobody comes in from another network or from the world unasked.
        auto foreign = rule_of(PacketAction::Drop);
        put(foreign.in_device, network.device);
        foreign.not_in_device = 1;
        put(foreign.destination, network.subnet.address);
        foreign.destination_prefix = network.subnet.prefix;
        rules.push_back(foreign);
        // Nor by IPv6, which has no translation behind which a container would be hidden.
        auto foreign6 = rule_of(PacketAction::Drop);
        foreign6.family = proto::PacketFamily::Six;
        put(foreign6.in_device, network.device);
        foreign6.not_in_device = 1;
        put(foreign6.out_device, network.device);
        rules.push_back(foreign6);
        if (network.nat) {
            auto masquerade = rule_of(PacketAction::Masquerade);
            put(masquerade.source, network.subnet.address);
            masquerade.source_prefix = network.subnet.prefix;
            put(masquerade.out_device, network.device);
            masquerade.not_out_device = 1;
            rules.push_back(masquerade);
        } else {
            auto inside = rule_of(PacketAction::Drop);
            put(inside.in_device, network.device);
            put(inside.out_device, network.device);
            inside.not_out_device = 1;
            rules.push_back(inside);
        }
    }
    return rules;
}

std::string hosts_text(std::string_view own_name, std::span<Host const> own, std::span<Host const> others) {
    std::string text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    auto const lines = [&](Host const& host) {
        text += address_text(host.address) + '\t';
        text += host.name;
        text += '\n';
        if (!host.address6) { return; }
        text += address6_text(*host.address6) + '\t';
        text += host.name;
        text += '\n';
    };
    std::ranges::for_each(own, lines);
    if (own.empty()) {
        constexpr Address4 loopback = 0x7f000001;
        lines({own_name, loopback});
    }
    std::ranges::for_each(others, lines);
    return text;
}

} // namespace container
