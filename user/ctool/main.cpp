// ctool: creates, starts, looks at and ends containers. xv6c's words in xv6c's order, and what fingers used to docker, podman
// and runc expect. An ordinary Linux program: it talks to the container manager through /dev/container.
#include "device.hpp"
#include "failure.hpp"
#include "format.hpp"
#include "network.hpp"
#include "programs.hpp"
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

namespace ctool {
namespace {

struct Options {
    std::optional<std::uint64_t> processes, disk, memory;
    std::string on_limit, image, name, console, signal, namespaces, network, publish;
    std::uint64_t rate = 0;
    bool remove_after = false, force = false, json = false;
    char** rest = nullptr; ///< the words behind the options
    void limits(Request& request) const {
        if (processes) request.field("processes", *processes);
        if (disk) request.field("disk", *disk);
        if (memory) request.field("memory", *memory);
        if (!on_limit.empty()) request.field("on-limit", on_limit);
    }
};

/// Bytes of "64M"; bare numbers are bytes.
std::uint64_t size_of(char const* option, char const* text) {
    char* end = nullptr;
    auto value = std::strtoull(text != nullptr ? text : "", &end, 10);
    unsigned shift = 0;
    if (text != nullptr && end != text) {
        switch (*end) {
        case 'K':
        case 'k':
            shift = 10;
            ++end;
            break;
        case 'M':
        case 'm':
            shift = 20;
            ++end;
            break;
        case 'G':
        case 'g':
            shift = 30;
            ++end;
            break;
        default: break;
        }
    }
    if (text == nullptr || end == text || *end != 0 || *text == '-' || value > (~0ULL >> shift)) {
        fail("bad-size", std::string{option} + " takes a number, with K, M or G behind it if you like: not " +
                             (text != nullptr ? text : "nothing"));
    }
    return value << shift;
}

bool is_console(char const* word) {
    return std::strlen(word) >= 3 && word[0] == 'v' && word[1] == 'c' &&
           std::strspn(word + 2, "0123456789") == std::strlen(word + 2);
}

int signal_number(std::string name) {
    static constexpr struct {
        char const* name;
        int number;
    } names[] = {{"HUP", 1},   {"INT", 2},   {"QUIT", 3},  {"ABRT", 6},  {"KILL", 9},  {"USR1", 10},
                 {"SEGV", 11}, {"USR2", 12}, {"PIPE", 13}, {"ALRM", 14}, {"TERM", 15}, {"CHLD", 17},
                 {"CONT", 18}, {"STOP", 19}, {"TSTP", 20}, {"TTIN", 21}, {"TTOU", 22}, {"WINCH", 28}};
    if (!name.empty() && name.find_first_not_of("0123456789") == name.npos) { return std::atoi(name.c_str()); }
    if (name.starts_with("SIG")) { name.erase(0, 3); }
    for (auto const& each : names) {
        if (name == each.name) { return each.number; }
    }
    fail("bad-signal", name + ": no such signal");
}

/// Reads options up to `positional` words of the verb's own (NAME, and vcN for start); the rest is programs or a command.
Options parse(char** words, std::size_t positional, bool console) {
    Options options;
    std::size_t taken = 0;
    for (; *words != nullptr; ++words) {
        std::string_view const word = *words;
        auto const value = [&]() { return words[1] != nullptr ? *++words : nullptr; };
        auto const text = [&]() -> std::string {
            auto const* given = value();
            if (given == nullptr) { fail("bad-option", std::string{word} + " takes a value"); }
            return given;
        };
        if (word == "-p") {
            options.processes = size_of("-p", value());
        } else if (word == "-d") {
            options.disk = size_of("-d", value());
        } else if (word == "-m") {
            options.memory = size_of("-m", value());
        } else if (word == "--on-limit") {
            options.on_limit = text();
        } else if (word == "--namespace") {
            options.namespaces += (options.namespaces.empty() ? "" : ",") + text();
        } else if (word == "--network" || word == "--net") {
            options.network = text();
        } else if (word == "--publish") {
            options.publish += (options.publish.empty() ? "" : ",") + text();
        } else if (word == "--rate") {
            options.rate = rate_of(text());
        } else if (word == "--image") {
            options.image = text();
        } else if (word == "-s" || word == "--signal") {
            options.signal = text();
        } else if (word == "--rm") {
            options.remove_after = true;
        } else if (word == "-f" || word == "--force") {
            options.force = true;
        } else if (word == "--json" || word == "--format=json") {
            options.json = true;
        } else if (word == "--") {
            ++words;
            break;
        } else if (word.starts_with("-") && word.size() > 1) {
            fail("bad-option", std::string{word} + ": no such option");
        } else if (console && options.console.empty() && is_console(*words)) {
            options.console = word.substr(2);
        } else if (taken < positional) {
            options.name = word;
            ++taken;
        } else {
            break;
        }
        if (taken == positional && (!console || !options.console.empty())) {
            // Limits may stand behind the name too; the first word that is no option begins the command.
            if (words[1] == nullptr || words[1][0] != '-') {
                ++words;
                break;
            }
        }
    }
    options.rest = words;
    return options;
}

} // namespace

Reply ask(Device& device, Request const& request) {
    auto reply = device.exchange(request);
    if (!reply.ok) {
        auto const status = reply.number("status");
        fail(reply.code.empty() ? "no-manager" : reply.code, reply.message,
             status != 0 ? static_cast<int>(status) : failed);
    }
    return reply;
}
Reply ask(Request const& request) {
    Device device;
    return ask(device, request);
}

namespace {

void need_name(Options const& options) {
    if (options.name.empty()) { fail("missing-name", "the name of a container is missing"); }
}

void create(Options const& options, std::vector<std::string> const& programs) {
    auto const paths = find_programs(programs);
    auto const image = options.image.empty() ? std::string{} : find_image(options.image);
    Request request{"create"};
    request.field("name", options.name);
    options.limits(request);
    if (!options.namespaces.empty()) { request.field("namespace", options.namespaces); }
    if (!options.network.empty()) { request.field("network", options.network); }
    if (!options.publish.empty()) { request.field("publish", options.publish); }
    if (options.rate != 0) { request.field("rate", options.rate); }
    auto const folder = std::string{ask(request).field("folder")};
    std::string trouble;
    if (!image.empty()) { trouble = copy_tree(image, folder); }
    if (trouble.empty()) { trouble = copy_programs(paths, folder); }
    if (!trouble.empty()) {
        remove_tree(folder);
        ask(Request{"rm"}.field("name", options.name));
        fail("copy-failed", trouble);
    }
}

void remove(std::string const& name, bool force) {
    Device device;
    if (force) { device.exchange(Request{"stop"}.field("name", name)); }
    auto const folder =
        std::string{ask(device, Request{"rm"}.field("name", name).field("step", "begin")).field("folder")};
    if (!remove_tree(folder) && access(folder.c_str(), F_OK) == 0) {
        fail("folder", folder + ": cannot be deleted: " + std::strerror(errno));
    }
    ask(device, Request{"rm"}.field("name", name));
}

// Signals that end or interrupt ctool go to the container instead (podman's --sig-proxy).
std::string forwarded_name;
void forward(int number) {
    int const device = open("/dev/container", O_RDWR | O_CLOEXEC);
    if (device >= 0) {
        Request request{"kill"};
        request.field("name", forwarded_name).field("signal", static_cast<std::uint64_t>(number));
        static_cast<void>(!write(device, request.text.data(), request.text.size()));
        close(device);
    }
}
void forward_signals(std::string const& name) {
    forwarded_name = name;
    struct sigaction action {};
    action.sa_handler = forward;
    for (int const number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) {
        sigaction(number, &action, nullptr);
    }
}

int finished(Reply const& reply) {
    auto const limit = reply.field("limit");
    if (!limit.empty()) {
        std::fprintf(stderr, "ctool: %s: ended at its %s limit (process %llu wanted %llu) [limit-reached]\n",
                     forwarded_name.c_str(), std::string{limit}.c_str(),
                     static_cast<unsigned long long>(reply.number("culprit")),
                     static_cast<unsigned long long>(reply.number("culprit-wanted")));
    }
    return static_cast<int>(reply.number("status"));
}

bool exists(std::string const& name) {
    Device device;
    return device.exchange(Request{"inspect"}.field("name", name)).ok;
}

int run(Options const& options) {
    need_name(options);
    if (*options.rest == nullptr) { fail("no-program", "no program given"); }
    if (!exists(options.name)) { create(options, {*options.rest}); }
    forward_signals(options.name);
    Reply reply;
    {
        Device device;
        device.attach();
        Request request{"start"};
        request.field("name", options.name).field("wait", "1");
        options.limits(request);
        request.command(options.rest, environ);
        reply = device.exchange(request);
    }
    if (options.remove_after) { remove(options.name, false); }
    if (!reply.ok) {
        auto const status = reply.number("status");
        fail(reply.code, reply.message, status != 0 ? static_cast<int>(status) : failed);
    }
    return finished(reply);
}

int execute(Options const& options) {
    need_name(options);
    forwarded_name = options.name;
    Device device;
    device.attach();
    return finished(ask(device, Request{"exec"}.field("name", options.name).command(options.rest, environ)));
}

int start(Options const& options) {
    need_name(options);
    if (options.console.empty()) { fail("no-console", "want: ctool start vcN NAME PROGRAM [ARG...]"); }
    Request request{"start"};
    request.field("name", options.name).field("console", options.console);
    options.limits(request);
    ask(request.command(options.rest, environ));
    std::puts(options.name.c_str());
    return 0;
}

int simple(char const* verb, Options const& options) {
    need_name(options);
    ask(Request{verb}.field("name", options.name));
    return 0;
}

constexpr char usage[] =
    "usage: ctool create NAME [-p MAXPROC] [-d MAXDISK] [-m MAXMEM] [--on-limit refuse|kill] [--image IMAGE] "
    "[--namespace KIND]\n"
    "             [--network none|host|NETWORK|container:OTHER] [--publish HOST:PORT] [--rate RATE] [PROGRAM...]\n"
    "       ctool start [-p..] [-d..] [-m..] vcN NAME PROGRAM [ARG...]\n"
    "       ctool run [options of create] [--rm] NAME PROGRAM [ARG...]\n"
    "       ctool exec NAME PROGRAM [ARG...]\n"
    "       ctool pause|resume|stop|wait|top NAME    ctool kill [-s SIGNAL] NAME    ctool rm [-f] NAME\n"
    "       ctool ps    ctool info [NAME]    ctool inspect NAME    ctool update [-p..] [-d..] [-m..] NAME\n"
    "       ctool ns    ctool caps NAME    (every namespace; what a container can reach)\n"
    "       ctool network create|ls|rm|connect|disconnect ...    (ctool network --help)\n"
    "       ctool debug    (who waits on whom, the kernel's latest events)\n"
    "A size is a number of bytes, or with K, M, G. Exit status: the program's, 125 ctool failed, 126 cannot be "
    "invoked, 127 not found.\n";

int act(std::string_view verb, char** words) {
    auto const named = [&] { return parse(words, 1, false); };
    if (verb == "create") {
        auto const options = named();
        set_context(verb, options.name);
        need_name(options);
        std::vector<std::string> programs;
        for (char** word = options.rest; *word != nullptr; ++word) { programs.emplace_back(*word); }
        create(options, programs);
        std::puts(options.name.c_str());
        return 0;
    }
    if (verb == "network") { return network(words); }
    auto const options = verb == "start" ? parse(words, 1, true) : named();
    set_context(verb, options.name);
    if (verb == "start") return start(options);
    if (verb == "run") return run(options);
    if (verb == "exec") return execute(options);
    if (verb == "pause" || verb == "resume" || verb == "stop") return simple(verb.data(), options);
    if (verb == "update") {
        need_name(options);
        Request request{"update"};
        request.field("name", options.name);
        options.limits(request);
        ask(request);
        return 0;
    }
    if (verb == "wait") {
        need_name(options);
        std::printf("%d\n", static_cast<int>(ask(Request{"wait"}.field("name", options.name)).number("status")));
        return 0;
    }
    if (verb == "kill") {
        need_name(options);
        ask(Request{"kill"}
                .field("name", options.name)
                .field("signal",
                       static_cast<std::uint64_t>(signal_number(options.signal.empty() ? "KILL" : options.signal))));
        return 0;
    }
    if (verb == "rm") {
        need_name(options);
        remove(options.name, options.force);
        return 0;
    }
    if (verb == "ps" || verb == "ls") {
        print_list(ask(Request{"ps"}), options.json);
        return 0;
    }
    if (verb == "inspect") {
        need_name(options);
        print_inspect(ask(Request{"inspect"}.field("name", options.name)));
        return 0;
    }
    if (verb == "top") {
        need_name(options);
        print_processes(ask(Request{"top"}.field("name", options.name)));
        return 0;
    }
    if (verb == "ns") {
        print_namespaces(ask(Request{"ns"}));
        return 0;
    }
    if (verb == "caps") {
        need_name(options);
        print_capabilities(options.name, ask(Request{"caps"}.field("name", options.name)));
        return 0;
    }
    if (verb == "debug") {
        print_debug(ask(Request{"debug"}));
        return 0;
    }
    if (verb == "info") {
        if (options.name.empty()) {
            print_info(ask(Request{"info"}));
        } else {
            print_container(ask(Request{"inspect"}.field("name", options.name)));
        }
        return 0;
    }
    set_context("", "");
    fail("unknown-command", std::string{verb} + ": no such command: ctool --help lists them");
}

} // namespace
} // namespace ctool

int main(int count, char** words) {
    if (count < 2) { ctool::fail("unknown-command", "no command given: ctool --help lists them"); }
    std::string_view const verb = words[1];
    if (verb == "--help" || verb == "-h" || verb == "help") {
        std::fputs(ctool::usage, stdout);
        return 0;
    }
    ctool::set_context(verb, "");
    return ctool::act(verb, words + 2);
}
