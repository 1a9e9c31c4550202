#include "format.hpp"
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace ctool {

namespace {

using nlohmann::ordered_json;

std::string size_text(std::uint64_t bytes) {
    if (bytes == 0) { return "-"; }
    static constexpr char units[] = " KMGT";
    std::size_t unit = 0;
    while (unit < 4 && bytes >= 10240) {
        bytes /= 1024;
        ++unit;
    }
    auto text = std::to_string(bytes);
    if (unit != 0) { text += units[unit]; }
    return text;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        auto const tab = text.find('\t');
        words.emplace_back(text.substr(0, tab));
        text.remove_prefix(tab == text.npos ? text.size() : tab + 1);
    }
    return words;
}

/// RFC 3339, or null for a time that has not come.
ordered_json time_or_null(std::uint64_t nanoseconds) {
    if (nanoseconds == 0) return nullptr;
    time_t const seconds = static_cast<time_t>(nanoseconds / 1000000000);
    struct tm parts {};
    char text[32];
    gmtime_r(&seconds, &parts);
    return std::string(text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

ordered_json limit_or_null(std::uint64_t limit) { return limit != 0 ? ordered_json(limit) : ordered_json(nullptr); }

/// Addresses of a container on its networks, and what is published of it.
ordered_json describe_networks(Reply const& reply) {
    ordered_json json;
    auto const mode = reply.field("network-mode");
    json["mode"] = mode.empty() || mode == "networks" ? "networks" : std::string{mode};
    ordered_json networks = ordered_json::array(), published = ordered_json::array();
    for (auto const& [name, value] : reply.fields) {
        char network[65] = "", address[32] = "", gateway[32] = "", device[20] = "", address6[64] = "";
        unsigned prefix = 0;
        if (name == "network" && std::sscanf(value.c_str(), "%64s %31s %u %31s %19s %63s", network, address, &prefix,
                                             gateway, device, address6) >= 5) {
            bool const connected = address[0] != '-';
            ordered_json one;
            one["name"] = network;
            one["address"] = connected ? ordered_json(address) : ordered_json(nullptr);
            one["prefix"] = prefix;
            one["gateway"] = gateway;
            one["device"] = connected ? ordered_json(device) : ordered_json(nullptr);
            if (address6[0] != '\0') { one["address6"] = address6; }
            networks.push_back(std::move(one));
        } else if (name == "publish") {
            published.push_back(value);
        }
    }
    json["networks"] = networks;
    json["published"] = published;
    return json;
}

ordered_json describe(Reply const& reply) {
    ordered_json json;
    json["ociVersion"] = "1.0.2";
    json["id"] = reply.field("name");
    json["status"] = reply.field("state");
    json["pid"] = reply.number("pid");
    json["bundle"] = reply.field("folder");
    json["command"] = words_of(reply.field("command"));
    json["console"] = reply.field("console") == "-1" || reply.field("console").empty()
                          ? ordered_json(nullptr)
                          : ordered_json("vc" + std::string{reply.field("console")});
    json["limits"] = {{"processes", limit_or_null(reply.number("limit-processes"))},
                      {"memory", limit_or_null(reply.number("limit-memory"))},
                      {"disk", limit_or_null(reply.number("limit-disk"))},
                      {"onLimit", reply.field("on-limit")}};
    json["usage"] = {{"processes", reply.number("processes")},
                     {"memory", reply.number("memory")},
                     {"memoryPeak", reply.number("memory-peak")},
                     {"disk", reply.number("disk")},
                     {"cpuNanoseconds", reply.number("cpu-nanoseconds")}};
    json["created"] = time_or_null(reply.number("created"));
    json["started"] = time_or_null(reply.number("started"));
    json["finished"] = time_or_null(reply.number("finished"));
    if (!reply.field("exit-status").empty()) {
        ordered_json end{{"exitStatus", reply.number("exit-status")}};
        if (auto const limit = reply.field("limit"); !limit.empty()) {
            end["limit"] = limit;
            end["culprit"] = reply.number("culprit");
            end["wanted"] = reply.number("culprit-wanted");
        }
        json["ended"] = end;
    }
    ordered_json unknown = ordered_json::array();
    for (auto const& [name, value] : reply.fields) {
        if (name == "unknown-call") {
            unknown.push_back({{"number", std::stoi(value)}, {"times", std::stoi(value.substr(value.find(' ') + 1))}});
        }
    }
    if (!unknown.empty()) { json["unknownSystemCalls"] = unknown; }
    json["network"] = describe_networks(reply);
    return json;
}

/// `ps` gives the containers one after the other, each closed by end=1.
std::vector<Reply> split(Reply const& reply) {
    std::vector<Reply> parts;
    Reply part;
    for (auto const& field : reply.fields) {
        if (field.first == "end") {
            parts.push_back(std::move(part));
            part = {};
        } else {
            part.fields.push_back(field);
        }
    }
    return parts;
}

} // namespace

void print_list(Reply const& reply, bool json) {
    auto const containers = split(reply);
    if (json) {
        ordered_json list = ordered_json::array();
        for (auto const& container : containers) { list.push_back(describe(container)); }
        std::puts(list.dump(2).c_str());
        return;
    }
    std::printf("%-16s %-8s %-8s %6s %7s %7s %7s  %s\n", "NAME", "STATE", "CONSOLE", "PID", "PROCS", "MEMORY", "DISK",
                "COMMAND");
    for (auto const& container : containers) {
        std::string command;
        for (auto const& word : words_of(container.field("command"))) {
            command += command.empty() ? word : ' ' + word;
        }
        if (command.size() > 40) { command = command.substr(0, 37) + "..."; }
        auto const console = container.field("console");
        std::printf("%-16s %-8s %-8s %6s %7s %7s %7s  %s\n", std::string{container.field("name")}.c_str(),
                    std::string{container.field("state")}.c_str(),
                    console == "-1" ? "-" : ("vc" + std::string{console}).c_str(),
                    std::string{container.field("pid")}.c_str(), std::string{container.field("processes")}.c_str(),
                    size_text(container.number("memory")).c_str(), size_text(container.number("disk")).c_str(),
                    command.c_str());
    }
}

void print_networks(Reply const& reply, bool json) {
    auto const networks = split(reply);
    auto const rate_text = [](Reply const& network) {
        auto const bits = network.number("rate") * 8;
        return bits == 0             ? std::string{"-"}
               : bits % 1000000 == 0 ? std::to_string(bits / 1000000) + "mbit"
                                     : std::to_string(bits / 1000) + "kbit";
    };
    auto const all = [](Reply const& network, std::string_view wanted) {
        std::vector<std::string> values;
        for (auto const& [name, value] : network.fields) {
            if (name == wanted) { values.push_back(value); }
        }
        return values;
    };
    if (json) {
        ordered_json list = ordered_json::array();
        for (auto const& network : networks) {
            list.push_back({{"name", network.field("name")},
                            {"subnet", network.field("subnet")},
                            {"gateway", network.field("gateway")},
                            {"subnet6", network.field("subnet6")},
                            {"device", network.field("device")},
                            {"nat", network.number("nat") != 0},
                            {"rate", limit_or_null(network.number("rate"))},
                            {"policies", all(network, "policy")},
                            {"containers", all(network, "container")}});
        }
        std::puts(list.dump(2).c_str());
        return;
    }
    std::printf("%-12s %-18s %-15s %-8s %-4s %-9s %s\n", "NAME", "SUBNET", "GATEWAY", "DEVICE", "NAT", "RATE",
                "CONTAINERS");
    for (auto const& network : networks) {
        std::string containers;
        for (auto const& container : all(network, "container")) {
            containers += (containers.empty() ? "" : ", ") + container;
        }
        std::printf("%-12s %-18s %-15s %-8s %-4s %-9s %s\n", std::string{network.field("name")}.c_str(),
                    std::string{network.field("subnet")}.c_str(), std::string{network.field("gateway")}.c_str(),
                    std::string{network.field("device")}.c_str(), network.number("nat") != 0 ? "yes" : "no",
                    rate_text(network).c_str(), containers.empty() ? "-" : containers.c_str());
        if (auto const six = network.field("subnet6"); !six.empty()) {
            std::printf("%-12s %s\n", "", std::string{six}.c_str());
        }
        for (auto const& policy : all(network, "policy")) { std::printf("%-12s %s\n", "", policy.c_str()); }
    }
}

void print_inspect(Reply const& reply) { std::puts(describe(reply).dump(2).c_str()); }

void print_container(Reply const& reply) {
    auto const line = [&](char const* title, std::string const& used, std::string const& limit) {
        std::printf("%-12s %s%s%s\n", title, used.c_str(), limit == "-" || limit == "0" ? "" : " of ",
                    limit == "-" || limit == "0" ? "" : limit.c_str());
    };
    std::printf("%-12s %s\n%-12s %s\n%-12s %s\n", "name", std::string{reply.field("name")}.c_str(), "state",
                std::string{reply.field("state")}.c_str(), "folder", std::string{reply.field("folder")}.c_str());
    line("processes", std::string{reply.field("processes")}, std::string{reply.field("limit-processes")});
    line("memory", size_text(reply.number("memory")), size_text(reply.number("limit-memory")));
    line("disk", size_text(reply.number("disk")), size_text(reply.number("limit-disk")));
}

void print_info(Reply const& reply) {
    for (auto const& [name, value] : reply.fields) { std::printf("%-14s %s\n", name.c_str(), value.c_str()); }
}

void print_processes(Reply const& reply) {
    std::printf("%5s %5s %8s  %s\n", "PID", "STATE", "KIB", "NAME");
    for (auto const& [name, value] : reply.fields) {
        if (name != "process") { continue; }
        unsigned long pid = 0, memory = 0;
        unsigned long long cpu = 0;
        char state = '?';
        char program[32] = "";
        std::sscanf(value.c_str(), "%lu %c %lu %llu %31[^\n]", &pid, &state, &memory, &cpu, program);
        std::printf("%5lu %5c %8lu  %s\n", pid, state, memory, program);
    }
}

void print_namespaces(Reply const& reply) {
    std::printf("%-8s %10s %-8s %10s %10s %7s %5s\n", "KIND", "INODE", "OWNER", "PARENT", "USER", "MEMBERS", "PINS");
    for (auto const& [name, value] : reply.fields) {
        unsigned long inode = 0, parent = 0, user = 0, members = 0, pins = 0;
        char kind[32] = "", owner[32] = "";
        if (name != "namespace" || std::sscanf(value.c_str(), "%31s %lu %lu %lu %lu %lu %31s", kind, &inode, &parent,
                                               &user, &members, &pins, owner) != 7) {
            continue;
        }
        auto const shown = [](unsigned long number) { return number == 0 ? std::string{"-"} : std::to_string(number); };
        std::printf("%-8s %10lu %-8s %10s %10s %7lu %5lu\n", kind, inode, owner, shown(parent).c_str(),
                    shown(user).c_str(), members, pins);
    }
}

void print_capabilities(std::string_view name, Reply const& reply) {
    std::vector<std::pair<std::size_t, std::string>> lines;
    for (auto const& [field, value] : reply.fields) {
        if (field != "capability") { continue; }
        auto const depth = std::min(value.find_first_not_of('>'), value.size());
        lines.emplace_back(depth, value.substr(depth));
    }
    std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        // A branch goes on at a depth if a later line of that depth comes before a shallower one.
        auto const goes_on = [&](std::size_t depth) {
            for (std::size_t k = i + 1; k < lines.size() && lines[k].first >= depth; ++k) {
                if (lines[k].first == depth) { return true; }
            }
            return false;
        };
        std::string prefix;
        for (std::size_t depth = 0; depth < lines[i].first; ++depth) { prefix += goes_on(depth) ? "|  " : "   "; }
        std::printf("%s%s %s\n", prefix.c_str(), goes_on(lines[i].first) ? "|-" : "`-", lines[i].second.c_str());
    }
}

void print_debug(Reply const& reply) {
    for (auto const& [name, value] : reply.fields) {
        if (name == "thread") { std::puts(value.c_str()); }
    }
    std::puts("--- latest kernel events: event thread a b c");
    for (auto const& [name, value] : reply.fields) {
        if (name == "event") { std::puts(value.c_str()); }
    }
    std::printf("--- kernel invariants %s\n", std::string{reply.field("invariants")}.c_str());
}

} // namespace ctool
