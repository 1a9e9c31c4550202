#include "network.hpp"
#include "failure.hpp"
#include "format.hpp"
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ctool {

namespace {

constexpr char usage[] =
    "usage: ctool network create NAME [--subnet ADDRESS/PREFIX]... [--nat] [--rate RATE] [--allow WHAT] [--deny "
    "WHAT]...\n"
    "       ctool network ls [--json]    ctool network rm NAME\n"
    "       ctool network connect NAME CONTAINER [--publish HOST:PORT[/udp]] [--rate RATE]\n"
    "       ctool network disconnect NAME CONTAINER\n"
    "Containers of a network reach each other, by name too; with --nat also the outside, with the machine's address.\n"
    "WHAT: all, or [tcp:|udp:|icmp:]ADDRESS[/PREFIX][:PORT]; asked in the order given, the first that fits decides.\n"
    "--subnet once for IPv4 and, beside it, once for IPv6: containers have the same number in both.\n"
    "An IPv6 address that a port follows is in brackets: [fd00::/8]:80; all, or no address, means both families.\n"
    "RATE: what each container may send and receive, as 1mbit, 500kbit, 2mbps (bytes).\n";

struct Words {
    std::vector<std::string> names;
    std::string subnet, publish, policy;
    std::uint64_t rate = 0;
    bool nat = false, json = false;
};

Words read(char** words) {
    Words result;
    for (; *words != nullptr; ++words) {
        std::string const word = *words;
        auto const value = [&]() -> std::string {
            if (words[1] == nullptr) { fail("bad-option", word + " takes a value"); }
            return *++words;
        };
        auto const add = [](std::string& list, std::string const& entry) { list += (list.empty() ? "" : ",") + entry; };
        if (word == "--subnet") {
            add(result.subnet, value());
        } else if (word == "--nat") {
            result.nat = true;
        } else if (word == "--rate") {
            result.rate = rate_of(value());
        } else if (word == "--publish") {
            add(result.publish, value());
        } else if (word == "--allow" || word == "--deny") {
            add(result.policy, word.substr(2) + ' ' + value());
        } else if (word == "--json" || word == "--format=json") {
            result.json = true;
        } else if (word.starts_with("-")) {
            fail("bad-option", word + ": no such option: ctool network --help lists them");
        } else {
            result.names.push_back(word);
        }
    }
    return result;
}

void want(Words const& words, std::size_t count, char const* what) {
    if (words.names.size() != count) { fail("usage", std::string{"want: ctool network "} + what); }
}

} // namespace

std::uint64_t rate_of(std::string const& text) {
    static constexpr struct {
        char const* name;
        double bytes;
    } units[] = {{"bit", 1.0 / 8}, {"kbit", 1e3 / 8}, {"mbit", 1e6 / 8}, {"gbit", 1e9 / 8},
                 {"bps", 1},       {"kbps", 1e3},     {"mbps", 1e6},     {"gbps", 1e9}};
    char* end = nullptr;
    double const number = std::strtod(text.c_str(), &end);
    for (auto const& unit : units) {
        double const bytes = number * unit.bytes;
        if (end != text.c_str() && std::strcmp(end, unit.name) == 0 && bytes >= 1 && bytes <= 4e9) {
            return static_cast<std::uint64_t>(bytes);
        }
    }
    fail("bad-rate", text + ": want a rate like 1mbit, 500kbit, or 2mbps for megabytes a second, up to 32gbit");
}

int network(char** words) {
    std::string const verb = *words != nullptr ? *words : "";
    if (verb.empty() || verb == "--help" || verb == "-h" || verb == "help") {
        std::fputs(usage, verb.empty() ? stderr : stdout);
        return verb.empty() ? failed : 0;
    }
    auto const given = read(words + 1);
    set_context("network " + verb, given.names.empty() ? "" : given.names.front());
    if (verb == "create") {
        want(given, 1, "create NAME [--subnet ADDRESS/PREFIX] [--nat] [--rate RATE] [--allow WHAT] [--deny WHAT]");
        Request request{"network-create"};
        request.field("name", given.names[0])
            .field("subnet", given.subnet)
            .field("nat", given.nat ? "1" : "0")
            .field("policy", given.policy);
        if (given.rate != 0) { request.field("rate", given.rate); }
        ask(request);
        std::puts(given.names[0].c_str());
        return 0;
    }
    if (verb == "ls") {
        print_networks(ask(Request{"network-ls"}), given.json);
        return 0;
    }
    if (verb == "rm") {
        want(given, 1, "rm NAME");
        ask(Request{"network-rm"}.field("name", given.names[0]));
        return 0;
    }
    if (verb == "connect" || verb == "disconnect") {
        want(given, 2, (verb + " NETWORK CONTAINER").c_str());
        set_context("network " + verb, given.names[1]);
        Request request{"network-" + verb};
        request.field("name", given.names[1]).field("network", given.names[0]);
        if (!given.publish.empty()) { request.field("publish", given.publish); }
        if (given.rate != 0) { request.field("rate", given.rate); }
        auto const address = std::string{ask(request).field("address")};
        if (!address.empty()) { std::puts(address.c_str()); }
        return 0;
    }
    set_context("network", "");
    fail("unknown-command", verb + ": no such command: ctool network --help lists them");
}

} // namespace ctool
