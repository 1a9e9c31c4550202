// What each verb does. A verb checks everything first; what it changes it takes back if a later step fails.
#include "error_text.hpp"
#include "manager.hpp"
#include "text.hpp"

namespace container {

using ipc::Error;

namespace {

constexpr std::uint32_t process_maximum = 4096;
constexpr std::string_view containers_folder = "/containers/";

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
