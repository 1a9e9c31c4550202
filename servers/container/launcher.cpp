#include "launcher.hpp"
#include "ipc/call.hpp"
#include <algorithm>

namespace container {

using ipc::Cap;
using ipc::Error;
using ipc::Owned;

namespace {

constexpr std::string_view default_path = "/bin:/sbin:/usr/bin:/usr/sbin";

LaunchFailure failure(Error error, std::string_view step) { return {error, 125, step}; }

/// execve's errors as an engine reports them.
LaunchFailure program_failure(Error error) {
    std::uint32_t const status = error == Error::NoEntry || error == Error::NotDirectory ? 127
                                 : error == Error::NoMemory || error == Error::Again     ? 125
                                                                                         : 126;
    return {error, status, "program"};
}

std::string_view path_of(Launch const& launch) {
    for (auto const& variable : launch.environment) {
        if (variable.starts_with("PATH=")) { return std::string_view{variable}.substr(5); }
    }
    return default_path;
}

} // namespace

ipc::Result<std::string> Launcher::find_program(Cap<proto::VfsSession> session, Launch const& launch) {
    constexpr std::uint32_t executable = 1;
    auto const& program = launch.command.front();
    auto const usable = [&](std::string const& path) -> Error {
        auto const status = ipc::call<proto::Directory::Stat>(session.as<proto::Directory>(), proto::Directory::At{},
                                                              proto::Directory::Caller{}, 0U, ipc::Path{path});
        if (!status) { return status.error(); }
        constexpr std::uint32_t type_mask = 0170000, regular = 0100000;
        if ((status->mode & type_mask) != regular) { return Error::Access; }
        auto const access =
            ipc::call<proto::Directory::Access>(session.as<proto::Directory>(), proto::Directory::At{},
                                                proto::Directory::Caller{}, executable, 0U, ipc::Path{path});
        return access ? Error::None : access.error();
    };
    if (program.find('/') != program.npos) {
        auto const error = usable(program);
        return error == Error::None ? ipc::Result<std::string>{program} : ipc::fail(error);
    }
    Error best = Error::NoEntry;
    for (auto search = path_of(launch); !search.empty();) {
        auto const end = search.find(':');
        auto const folder = search.substr(0, end);
        search.remove_prefix(end == search.npos ? search.size() : end + 1);
        std::string path{folder};
        path += '/';
        path += program;
        auto const error = usable(path);
        if (error == Error::None) { return path; }
        if (error == Error::Access) { best = error; }
    }
    return ipc::fail(best);
}

LaunchFailure Launcher::run(Cap<proto::Domain> domain, Cap<proto::VfsSession> session, Namespaces const& namespaces,
                            Cap<proto::Namespace> shared_network, Launch const& launch, std::int32_t& pid) {
    auto const path = find_program(session, launch);
    if (!path) { return program_failure(path.error()); }
    auto const handle = ipc::call<proto::Domain::Begin>(domain, session);
    if (!handle) { return failure(handle.error(), "process"); }
    auto result = [&]() -> LaunchFailure {
        for (std::uint32_t i = 0; i < launch.descriptors.size(); ++i) {
            if (launch.descriptors[i] == 0) { continue; }
            if (auto set = ipc::call<proto::Domain::SetDescriptor>(domain, *handle, i,
                                                                   Cap<proto::File>{launch.descriptors[i]});
                !set) {
                return failure(set.error(), "descriptor");
            }
        }
        for (auto const& [kind, name_space] : namespaces) {
            if (auto set = ipc::call<proto::Domain::SetNamespace>(domain, *handle, kind, name_space.get()); !set) {
                return failure(set.error(), "namespace");
            }
        }
        if (shared_network.slot != 0) {
            if (auto set = ipc::call<proto::Domain::SetNamespace>(domain, *handle, proto::NamespaceKind::Network,
                                                                  shared_network);
                !set) {
                return failure(set.error(), "namespace");
            }
        }
        std::string strings = *path;
        strings += '\0';
        for (auto const& word : launch.command) {
            strings += word;
            strings += '\0';
        }
        for (auto const& variable : launch.environment) {
            strings += variable;
            strings += '\0';
        }
        auto const started =
            ipc::call<proto::Domain::Start>(domain, *handle, static_cast<std::uint32_t>(launch.command.size()),
                                            static_cast<std::uint32_t>(launch.environment.size()), launch.terminal,
                                            ipc::ReadBuffer{strings.data(), strings.size()});
        if (!started) { return program_failure(started.error()); }
        pid = *started;
        return {};
    }();
    if (result.error != Error::None) { static_cast<void>(ipc::call<proto::Domain::Abandon>(domain, *handle)); }
    return result;
}

LaunchFailure Launcher::make_namespaces(Container const& container, Namespaces& made) {
    for (auto const& kind : services_.kinds) {
        // Clocks are the machine's, and so is what no flag of clone(2) names, unless it is asked for.
        bool const others =
            kind.kind == proto::NamespaceKind::Network &&
            (container.network_mode == "host" || container.network_mode.starts_with(Container::shared_network));
        if (others) { continue; }
        bool const usual = proto::namespace_flag(kind.kind) != 0 && kind.kind != proto::NamespaceKind::Time;
        auto const& wanted = container.wanted_namespaces;
        if (!usual && std::find(wanted.begin(), wanted.end(), kind.name.view()) == wanted.end()) { continue; }
        // Shared memory is no process's: what the container's processes may take is its bound, too.
        std::uint64_t const memory = kind.kind == proto::NamespaceKind::Ipc ? container.limits.memory : 0;
        auto const quota = static_cast<std::uint32_t>(std::min<std::uint64_t>(memory, 0xffffffff));
        auto fresh = ipc::call<proto::Namespace::Create>(kind.first, ipc::OptionalCap<proto::Namespace>{}, 0U, quota);
        if (!fresh) { return failure(fresh.error(), "namespace"); }
        made.emplace_back(kind.kind, Owned<proto::Namespace>{*fresh});
        if (kind.kind != proto::NamespaceKind::Uts) { continue; }
        auto const session = ipc::call<proto::Namespace::Enter>(*fresh, proto::Namespace::every_operation);
        if (!session) { return failure(session.error(), "host name"); }
        Owned<proto::Session> const owned{*session};
        static_cast<void>(
            ipc::call<proto::Uts::SetHostname>(session->as<proto::Uts>(), proto::HostName{container.name}));
    }
    return {};
}

LaunchFailure Launcher::start(Container& container, Launch const& launch, Cap<proto::Namespace> shared_network,
                              Preparation& preparation) {
    // Everything is owned by a local until the program runs: an early return takes it all back.
    auto const owned = [](auto& result) {
        return Owned<typename std::remove_reference_t<decltype(*result)>::Protocol>{*result};
    };
    auto session = ipc::call<proto::VfsControl::ContainerSession>(services_.vfs, container.quota_domain,
                                                                  ipc::Path{container.folder});
    if (!session) {
        return failure(session.error(), session.error() == Error::Loop
                                            ? "/dev, /proc or /tmp of its folder, which must be a folder"
                                            : "file system");
    }
    auto session_owned = owned(session);
    proto::DomainLimits const limits{container.limits.processes, container.limits.memory,
                                     container.limits.kill ? 1U : 0U, 0};
    auto domain =
        ipc::call<proto::ProcessControl::CreateDomain>(services_.proc, limits, 1U, ipc::Text<32>{container.name});
    if (!domain) { return failure(domain.error(), "memory"); }
    auto domain_owned = owned(domain);
    auto proc_root = ipc::call<proto::Domain::ProcFileSystem>(*domain);
    if (!proc_root) { return failure(proc_root.error(), "/proc"); }
    auto proc_owned = owned(proc_root);
    if (auto mounted =
            ipc::call<proto::VfsControl::MountAt>(services_.vfs, ipc::OptionalCap<proto::VfsSession>{*session},
                                                  *proc_root, ipc::Text<16>{"proc"}, ipc::Path{"/proc"});
        !mounted) {
        return failure(mounted.error(), "/proc");
    }
    Namespaces namespaces;
    if (auto const failed = make_namespaces(container, namespaces); failed.error != Error::None) { return failed; }
    Cap<proto::Namespace> own_network{};
    for (auto const& [kind, name_space] : namespaces) {
        if (kind == proto::NamespaceKind::Network) { own_network = name_space.get(); }
    }
    if (auto const failed = preparation.prepare(container, *session, own_network); failed.error != Error::None) {
        return failed;
    }
    std::int32_t pid = 0;
    auto const result = run(*domain, *session, namespaces, shared_network, launch, pid);
    if (result.error != Error::None) {
        static_cast<void>(ipc::call<proto::Domain::Stop>(*domain, proto::DomainEnd::Stopped, 0U, std::uint64_t{0}));
        return result;
    }
    container.session = std::move(session_owned);
    container.domain = std::move(domain_owned);
    container.namespaces = std::move(namespaces);
    return {};
}

LaunchFailure Launcher::execute(Container& container, Launch const& launch, std::int32_t& pid) {
    auto session = ipc::call<proto::VfsControl::ForkSession>(
        services_.vfs, ipc::OptionalCap<proto::VfsSession>{container.session.get()}, 0U, 0U, 0U);
    if (!session) { return failure(session.error(), "file system"); }
    Owned<proto::VfsSession> const session_owned{*session};
    return run(container.domain.get(), *session, {}, {}, launch, pid);
}

LaunchFailure Launcher::start_root(Container& container, Launch const& launch) {
    auto session = ipc::call<proto::VfsControl::FirstSession>(services_.vfs);
    if (!session) { return failure(session.error(), "file system"); }
    container.session = Owned<proto::VfsSession>{*session};
    auto domain = ipc::call<proto::ProcessControl::CreateDomain>(services_.proc, proto::DomainLimits{}, 0U,
                                                                 ipc::Text<32>{"root"});
    if (!domain) { return failure(domain.error(), "memory"); }
    container.domain = Owned<proto::Domain>{*domain};
    auto proc_root = ipc::call<proto::Domain::ProcFileSystem>(*domain);
    if (!proc_root) { return failure(proc_root.error(), "/proc"); }
    Owned<proto::Directory> const proc_owned{*proc_root};
    if (auto mounted =
            ipc::call<proto::VfsControl::MountAt>(services_.vfs, ipc::OptionalCap<proto::VfsSession>{*session},
                                                  *proc_root, ipc::Text<16>{"proc"}, ipc::Path{"/proc"});
        !mounted) {
        return failure(mounted.error(), "/proc");
    }
    std::int32_t pid = 0;
    return run(*domain, *session, {}, {}, launch, pid);
}

} // namespace container
