#include "manifest.hpp"
#include <charconv>
#include <optional>

namespace root {
namespace {

std::string_view take_word(std::string_view& line) {
    auto const start = line.find_first_not_of(" \t\r");
    if (start == line.npos) {
        line = {};
        return {};
    }
    line.remove_prefix(start);
    auto const word = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(word.size());
    return word;
}

std::optional<std::uint32_t> number(std::string_view word) {
    int base = 10;
    if (word.starts_with("0x")) {
        base = 16;
        word.remove_prefix(2);
    }
    std::uint32_t value = 0;
    auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (error != std::errc{} || end != word.data() + word.size() || word.empty()) { return {}; }
    return value;
}

std::optional<std::uint64_t> size(std::string_view word) {
    if (word.empty()) { return {}; }
    std::uint32_t shift = 0;
    switch (word.back()) {
    case 'K': shift = 10; break;
    case 'M': shift = 20; break;
    case 'G': shift = 30; break;
    default: break;
    }
    auto const value = number(shift != 0 ? word.substr(0, word.size() - 1) : word);
    if (!value) { return {}; }
    return std::uint64_t{*value} << shift;
}

bool resolve(Manifest const& manifest, std::string_view word, Need& need) {
    need = {.name = word};
    if (word == "memory") {
        need.kind = Need::Kind::Memory;
    } else if (word == "supervisor") {
        need.kind = Need::Kind::Supervisor;
    } else if (word == "sched-control") {
        need.kind = Need::Kind::SchedControl;
    } else if (word == "boot-image") {
        need.kind = Need::Kind::BootImage;
    } else if (word == "debug") {
        need.kind = Need::Kind::Debug;
    } else if (word.starts_with("irq:")) {
        auto const line = number(word.substr(4));
        need.kind = Need::Kind::Interrupt;
        need.first = line.value_or(16);
        return need.first < 16;
    } else if (word.starts_with("ports:")) {
        auto const dash = word.find('-');
        if (dash == word.npos) { return false; }
        auto const first = number(word.substr(6, dash - 6));
        auto const last = number(word.substr(dash + 1));
        if (!first || !last || *first > *last || *last > 0xffff) { return false; }
        need.kind = Need::Kind::Ports;
        need.first = *first;
        need.last = *last;
    } else {
        for (std::size_t i = 0; i < manifest.provision_count; ++i) {
            auto const& provision = manifest.provisions[i];
            // Only what stands above: provisions of this very server are not there yet to be found.
            if (provision.name == word && provision.server + 1 < manifest.server_count) {
                need.kind = Need::Kind::Server;
                need.first = provision.server;
                need.last = provision.badge;
                return true;
            }
        }
        return false;
    }
    return true;
}

/// `namespaces`: every namespace that a server above provides, in their order.
std::string_view add_namespaces(Manifest const& manifest, ServerDefinition& server) {
    for (std::size_t i = 0; i < manifest.provision_count; ++i) {
        auto const& provision = manifest.provisions[i];
        if (!provision.name.starts_with(namespace_prefix) || provision.server + 1 >= manifest.server_count) {
            continue;
        }
        if (server.need_count == ServerDefinition::maximum_needs) { return "too many needs"; }
        server.needs[server.need_count++] = {Need::Kind::Server, provision.name, provision.server, provision.badge};
    }
    return {};
}

std::string_view parse_line(Manifest& manifest, std::string_view line, std::string_view& culprit) {
    auto const key = take_word(line);
    if (key.empty()) { return {}; }
    culprit = key;
    if (key == "server") {
        if (manifest.server_count == Manifest::maximum_servers) { return "too many servers"; }
        auto& server = manifest.servers[manifest.server_count++];
        server = {};
        server.name = take_word(line);
        return server.name.empty() ? "server takes a name" : "";
    }
    if (manifest.server_count == 0) { return "stands before the first server"; }
    auto& server = manifest.servers[manifest.server_count - 1];
    if (key == "needs") {
        for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
            culprit = word;
            if (word == "namespaces") {
                if (auto const what = add_namespaces(manifest, server); !what.empty()) { return what; }
                continue;
            }
            if (server.need_count == ServerDefinition::maximum_needs) { return "too many needs"; }
            if (!resolve(manifest, word, server.needs[server.need_count])) {
                return "needed, but nothing above provides it";
            }
            ++server.need_count;
        }
        return {};
    }
    auto const value = take_word(line);
    culprit = value;
    if (key == "provides") {
        auto const badge_word = take_word(line);
        auto const badge = take_word(line);
        if (badge_word != "badge" || manifest.provision_count == Manifest::maximum_provisions) {
            return "want: provides NAME badge N|each";
        }
        if (value.starts_with(namespace_prefix)) {
            auto const size = value.size() - namespace_prefix.size();
            if (size == 0 || size > maximum_namespace_name) { return "a namespace's name has 1..12 characters"; }
            if (badge == "each") { return "a namespace has a badge of its own"; }
        }
        auto const fixed = badge == "each" ? 0 : number(badge).value_or(16);
        if (fixed > 15) { return "badges are 1..15 or each"; }
        manifest.provisions[manifest.provision_count++] = {value, static_cast<std::uint32_t>(manifest.server_count - 1),
                                                           fixed};
        return {};
    }
    if (key == "restart") {
        server.restart_always = value == "always";
        return server.restart_always || value == "never" ? "" : "restart takes always or never";
    }
    auto const amount = size(value);
    if (!amount) { return "not a number"; }
    if (key == "priority") {
        server.priority = static_cast<std::uint32_t>(*amount);
        return *amount >= 1 && *amount <= 239 ? "" : "priorities are 1..239";
    }
    if (key == "slots") {
        server.slots = static_cast<std::uint32_t>(*amount);
        return *amount >= 8 && *amount <= 18 ? "" : "slots are 8..18";
    }
    if (key == "memory") {
        server.memory = *amount;
        return *amount >= 4096 && (*amount & (*amount - 1)) == 0 ? "" : "memory is a power of two of at least a page";
    }
    if (key == "heap") {
        server.heap = *amount;
        return *amount % 4096 == 0 ? "" : "heap is whole pages";
    }
    culprit = key;
    return "unknown word";
}

} // namespace

ManifestFault parse_manifest(std::string_view text, Manifest& manifest) {
    manifest.server_count = 0;
    manifest.provision_count = 0;
    for (std::uint32_t line_number = 1; !text.empty(); ++line_number) {
        auto const end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        line = line.substr(0, line.find('#'));
        std::string_view culprit;
        if (auto const what = parse_line(manifest, line, culprit); !what.empty()) {
            return {line_number, what, culprit};
        }
    }
    return {};
}

} // namespace root
