// What each verb does. A verb checks everything first; what it changes it takes back if a later step fails.
#include "manager.hpp"
#include "text.hpp"

namespace container {

using ipc::Error;

namespace {

constexpr std::uint32_t process_maximum = 4096;
constexpr std::string_view containers_folder = "/containers/";

std::string_view error_text(Error error) {
    switch (error) {
    case Error::NoEntry: return "no such file or directory";
    case Error::Access: return "permission denied";
    case Error::NotExecutable: return "not an executable program";
    case Error::NotDirectory: return "not a directory";
    case Error::NoMemory: return "not enough memory";
    case Error::Again: return "process limit reached";
    case Error::ArgumentsTooLong: return "argument list too long";
    case Error::Quota: return "disk limit reached";
    case Error::NoSpace: return "no space";
    case Error::IsDirectory: return "is a directory";
    case Error::Exists: return "exists";
    case Error::Loop: return "is a symbolic link";
    case Error::NoDevice: return "no such device";
    case Error::ServerDied: return "its server has died: the log says of what";
    default: return "refused";
    }
}

Reply launch_error(LaunchFailure const& failure, std::string_view program) {
    std::string text;
    if (failure.step == "program") {
        text = program;
        text += ": ";
        text += error_text(failure.error);
    } else {
        text = failure.step;
        text += ": ";
        text += error_text(failure.error);
        text += " (error ";
        text += number_text(static_cast<std::uint64_t>(failure.error));
        text += ')';
    }
    std::string_view const code = failure.status == 127   ? "not-found"
                                  : failure.status == 126 ? "not-executable"
                                                          : "start-failed";
    auto reply = Reply::error(code, text);
    reply.add("status", std::uint64_t{failure.status});
    return reply;
}

/// Words of `source` as strings of their own.
std::vector<std::string> own(std::vector<std::string_view> const& source) { return {source.begin(), source.end()}; }

} // namespace

std::uint64_t Manager::wall_clock() const {
    std::uint64_t stamp;
    asm volatile("rdtsc" : "=A"(stamp));
    auto const& clock = services_.clock;
    std::uint64_t const elapsed = stamp - clock.boot_time_stamp;
    std::uint64_t const ticks = clock.ticks_per_millisecond != 0 ? clock.ticks_per_millisecond : 1;
    return clock.boot_wall_nanoseconds + elapsed / ticks * 1000000 + elapsed % ticks * 1000000 / ticks;
}

Container* Manager::find(std::string_view name) {
    for (auto& container : containers_) {
        if (container.name == name) { return &container; }
    }
    return nullptr;
}

Container* Manager::named(Request const& request, Reply& reply) {
    auto* const container = find(request.field("name"));
    if (container == nullptr) { reply = Reply::error("no-such-container", "no such container"); }
    return container;
}

Reply Manager::handle(Request const& request, Connection& connection) {
    auto const verb = request.verb;
    if (verb == "create") return create(request);
    if (verb == "start") return start(request, connection);
    if (verb == "exec") return execute(request, connection);
    if (verb == "wait") return wait(request, connection);
    if (verb == "pause") return pause(request);
    if (verb == "resume") return resume(request);
    if (verb == "stop") return stop(request);
    if (verb == "kill") return signal(request);
    if (verb == "rm") return remove(request);
    if (verb == "update") return update(request);
    if (verb == "ps") return list();
    if (verb == "inspect") return inspect(request);
    if (verb == "top") return top(request);
    if (verb == "info") return info();
    if (verb == "debug") return debug();
    if (verb == "ns") return namespaces();
    if (verb == "caps") return capabilities(request);
    if (verb == "network-create") return network_create(request);
    if (verb == "network-ls") return network_list();
    if (verb == "network-rm") return network_remove(request);
    if (verb == "network-connect") return network_connect(request);
    if (verb == "network-disconnect") return network_disconnect(request);
    return Reply::error("unknown-verb", "unknown command");
}

std::optional<Reply> Manager::read_limits(Request const& request, std::string_view, Limits& limits) {
    auto const too_large = [](std::string_view what, std::string wanted, std::string there) {
        std::string text{what};
        text += " limit ";
        text += wanted;
        text += " exceeds the ";
        text += there;
        text += " that is free";
        return Reply::error("limit-exceeds-free", text);
    };
    auto const zero = [](std::string_view what) {
        std::string text{what};
        text += " limit 0 would let nothing run: leave it out for no limit";
        return Reply::error("limit-zero", text);
    };
    if (auto const processes = request.number("processes")) {
        if (*processes == 0) { return zero("process"); }
        auto const usage = ipc::call<proto::ProcessControl::Usage>(services_.proc);
        std::uint64_t const used = usage ? usage->processes : 0;
        std::uint64_t const free = process_maximum > used ? process_maximum - used : 0;
        if (*processes > free) { return too_large("process", number_text(*processes), number_text(free)); }
        limits.processes = static_cast<std::uint32_t>(*processes);
    }
    auto const memory_status = ipc::call<proto::Memory::Status>(services_.memory);
    std::uint64_t const free = memory_status ? memory_status->free : 0;
    if (auto const memory = request.number("memory")) {
        if (*memory == 0) { return zero("memory"); }
        if (*memory > free) { return too_large("memory", size_text(*memory), size_text(free)); }
        limits.memory = *memory;
    }
    if (auto const disk = request.number("disk")) {
        if (*disk == 0) { return zero("disk"); }
        if (*disk > free) { return too_large("disk", size_text(*disk), size_text(free)); }
        limits.disk = *disk;
    }
    if (auto const policy = request.field("on-limit"); !policy.empty()) {
        if (policy != "kill" && policy != "refuse") {
            return Reply::error("bad-option", "--on-limit takes refuse or kill");
        }
        limits.kill = policy == "kill";
    }
    return {};
}

Reply Manager::create(Request const& request) {
    auto const name = request.field("name");
    if (!valid_name(name)) {
        return Reply::error("bad-name",
                            "a name is 1 to 64 letters, digits, '_', '.' or '-', and begins with a letter or digit");
    }
    if (find(name) != nullptr) { return Reply::error("exists", "a container of that name exists: ctool rm it first"); }
    Limits limits;
    if (auto refused = read_limits(request, "create", limits)) { return *refused; }
    Container joined; // only its networks
    if (auto refused = read_network(request, joined)) { return *refused; }
    std::vector<std::string> wanted;
    if (auto refused = read_namespaces(request, wanted)) { return *refused; }
    std::string folder{containers_folder};
    folder += name;
    auto const root = root_.session.get().as<proto::Directory>();
    constexpr std::uint32_t mode = 0755, remove_directory = 0x200;
    if (auto made = ipc::call<proto::Directory::MakeDirectory>(root, proto::Directory::At{}, proto::Directory::Caller{},
                                                               mode, ipc::Path{folder});
        !made) {
        std::string text = folder;
        text += ": ";
        text += error_text(made.error());
        return Reply::error("folder", text);
    }
    // Where a started container's own file systems are mounted: there from the beginning, so that a start changes nothing.
    for (auto const* mount_point : {"/dev", "/proc", "/tmp"}) {
        auto const path = folder + mount_point;
        static_cast<void>(ipc::call<proto::Directory::MakeDirectory>(
            root, proto::Directory::At{}, proto::Directory::Caller{}, mode, ipc::Path{path}));
    }
    auto const domain = ipc::call<proto::VfsControl::SetQuota>(services_.vfs, limits.disk, ipc::Path{folder});
    if (!domain) {
        for (auto const* mount_point : {"/dev", "/proc", "/tmp"}) {
            auto const path = folder + mount_point;
            static_cast<void>(ipc::call<proto::Directory::Unlink>(
                root, proto::Directory::At{}, proto::Directory::Caller{}, remove_directory, ipc::Path{path}));
        }
        static_cast<void>(ipc::call<proto::Directory::Unlink>(root, proto::Directory::At{}, proto::Directory::Caller{},
                                                              remove_directory, ipc::Path{folder}));
        return Reply::error("quota", error_text(domain.error()));
    }
    if (limits.kill) {
        static_cast<void>(ipc::call<proto::VfsControl::SetQuotaPolicy>(services_.vfs, *domain, limits.disk, 1U));
    }
    auto& container = containers_.emplace_back();
    container.name = name;
    container.folder = folder;
    container.limits = limits;
    container.wanted_namespaces = std::move(wanted);
    container.network_mode = std::move(joined.network_mode);
    container.attachments = std::move(joined.attachments);
    container.quota_domain = *domain;
    container.created = wall_clock();
    make_name_files(container);
    return Reply::ok().add("folder", folder);
}

Reply Manager::start(Request const& request, Connection& connection) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->removing || (container->state != State::Created && container->state != State::Stopped)) {
        return wrong_state(*container, "created or stopped");
    }
    if (request.command.empty()) { return Reply::error("no-program", "no program given"); }
    Limits limits = container->limits;
    if (auto refused = read_limits(request, "start", limits)) { return *refused; }
    if (limits.disk != container->limits.disk || limits.kill != container->limits.kill) {
        static_cast<void>(ipc::call<proto::VfsControl::SetQuotaPolicy>(services_.vfs, container->quota_domain,
                                                                       limits.disk, limits.kill ? 1U : 0U));
    }
    container->limits = limits;
    Launch launch{own(request.command), own(request.environment), {}, -1};
    std::array<ipc::Owned<proto::File>, 3> descriptors;
    auto const console = request.number("console");
    if (console) {
        for (auto& descriptor : descriptors) {
            auto const opened =
                ipc::call<proto::TerminalControl::OpenConsole>(services_.tty, static_cast<std::uint32_t>(*console));
            if (!opened || *console > 7) { return Reply::error("no-console", "there are consoles vc0 to vc7"); }
            descriptor = ipc::Owned<proto::File>{*opened};
        }
        launch.terminal = 0;
    } else {
        descriptors = std::move(connection.descriptors);
    }
    for (std::size_t i = 0; i < descriptors.size(); ++i) { launch.descriptors[i] = descriptors[i].slot(); }
    if (auto refused = reserve_networks(*container)) { return *refused; }
    ipc::Cap<proto::Namespace> shared{};
    if (container->network_mode.starts_with(Container::shared_network)) {
        shared = own_network(*find(std::string_view{container->network_mode}.substr(Container::shared_network.size())));
    }
    if (auto const failed = launcher_.start(*container, launch, shared, *this); failed.error != Error::None) {
        release_networks(*container);
        return launch_error(failed, launch.command.front());
    }
    refresh_hosts(*container);
    container->state = State::Running;
    container->ended = false;
    container->console = console ? static_cast<std::int32_t>(*console) : -1;
    container->command = launch.command;
    container->started = wall_clock();
    container->finished = 0;
    reply.add_signed("pid", status_of(*container).init);
    if (request.field("wait") == "1") {
        connection.waiting = true;
        connection.container = container->name;
        connection.process = 0;
    }
    return reply;
}

Reply Manager::execute(Request const& request, Connection& connection) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->state != State::Running) { return wrong_state(*container, "running"); }
    if (request.command.empty()) { return Reply::error("no-program", "no program given"); }
    Launch launch{own(request.command), own(request.environment), {}, -1};
    for (std::size_t i = 0; i < launch.descriptors.size(); ++i) {
        launch.descriptors[i] = connection.descriptors[i].slot();
    }
    std::int32_t pid = 0;
    auto const failed = launcher_.execute(*container, launch, pid);
    connection.descriptors = {};
    if (failed.error != Error::None) { return launch_error(failed, launch.command.front()); }
    connection.waiting = true;
    connection.container = container->name;
    connection.process = pid;
    return reply.add_signed("pid", pid);
}

Reply Manager::wait(Request const& request, Connection& connection) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->domain) {
        connection.waiting = true;
        connection.container = container->name;
        connection.process = 0;
        return reply;
    }
    reply.add_signed("status", container->ended ? exit_status(container->last) : 0);
    describe(reply, *container);
    return reply;
}

Reply Manager::pause(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->state != State::Running) { return wrong_state(*container, "running"); }
    if (auto paused = ipc::call<proto::Domain::Pause>(container->domain.get()); !paused) {
        return Reply::error("refused", error_text(paused.error()));
    }
    container->state = State::Paused;
    return reply;
}

Reply Manager::resume(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->state != State::Paused) { return wrong_state(*container, "paused"); }
    if (auto resumed = ipc::call<proto::Domain::Resume>(container->domain.get()); !resumed) {
        return Reply::error("refused", error_text(resumed.error()));
    }
    container->state = State::Running;
    return reply;
}

Reply Manager::stop(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (!container->domain) { return wrong_state(*container, "running"); }
    if (auto stopped =
            ipc::call<proto::Domain::Stop>(container->domain.get(), proto::DomainEnd::Stopped, 0U, std::uint64_t{0});
        !stopped) {
        return Reply::error("refused", error_text(stopped.error()));
    }
    check_all();
    return reply;
}

Reply Manager::signal(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (!container->domain) { return wrong_state(*container, "running"); }
    auto const number = request.number("signal");
    if (!number || *number == 0 || *number > 64) { return Reply::error("bad-signal", "signals are 1 to 64"); }
    if (auto sent = ipc::call<proto::Domain::Signal>(container->domain.get(), static_cast<std::uint32_t>(*number));
        !sent) {
        return Reply::error("refused", error_text(sent.error()));
    }
    check_all();
    return reply;
}

/// In two steps, since ctool deletes the folder in between: `begin` bars a start, then without it the definition goes.
Reply Manager::remove(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->domain) { return wrong_state(*container, "stopped: ctool stop it first"); }
    if (request.field("step") == "begin") {
        container->removing = true;
        return reply.add("folder", container->folder);
    }
    static_cast<void>(ipc::call<proto::VfsControl::ReleaseQuota>(services_.vfs, container->quota_domain));
    containers_.remove_if([&](Container const& each) { return &each == container; });
    return reply;
}

Reply Manager::update(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    Limits limits = container->limits;
    if (auto refused = read_limits(request, "update", limits)) { return *refused; }
    if (container->domain) {
        proto::DomainLimits const changed{limits.processes, limits.memory, limits.kill ? 1U : 0U, 0};
        if (auto set = ipc::call<proto::Domain::SetLimits>(container->domain.get(), changed); !set) {
            return Reply::error("refused", error_text(set.error()));
        }
    }
    static_cast<void>(ipc::call<proto::VfsControl::SetQuotaPolicy>(services_.vfs, container->quota_domain, limits.disk,
                                                                   limits.kill ? 1U : 0U));
    container->limits = limits;
    return reply;
}

} // namespace container
