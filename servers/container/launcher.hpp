// Makes a container run: every step takes back what went before if a later one fails.
#pragma once
#include "container.hpp"
#include "services.hpp"
#include <span>

namespace container {

/// A program to start: words of the command, environment, descriptors 0..2 (slots stay the caller's).
struct Launch {
    std::vector<std::string> command, environment;
    std::array<ipc::CapabilityPointer, 3> descriptors{};
    std::int32_t terminal = -1; ///< descriptor that becomes the controlling terminal of a new session, -1: none
};

/// Why a start failed, in podman's terms: 125 ours, 126 cannot be invoked, 127 not found.
struct LaunchFailure {
    ipc::Error error = ipc::Error::None;
    std::uint32_t status = 125;
    std::string_view step;
};

/// What is still to be done to a container that is put together, before its program runs.
struct Preparation {
    /// `network`: its network namespace if it has one of its own.
    virtual LaunchFailure prepare(Container& container, ipc::Cap<proto::VfsSession> session,
                                  ipc::Cap<proto::Namespace> network) = 0;

protected:
    ~Preparation() = default;
};

class Launcher {
public:
    explicit Launcher(Services const& services) : services_{services} {}

    /// New namespaces, domain and file system view for the container, and its program as PID 1.
    /// `shared_network`: the network namespace of another container that it lives in, or none.
    LaunchFailure start(Container& container, Launch const& launch, ipc::Cap<proto::Namespace> shared_network,
                        Preparation& preparation);
    /// Another program in a running container; its PID inside goes to `pid`.
    LaunchFailure execute(Container& container, Launch const& launch, std::int32_t& pid);
    /// The root container: first namespaces, no limits, not sealed.
    LaunchFailure start_root(Container& container, Launch const& launch);

private:
    using Namespaces = std::vector<std::pair<proto::NamespaceKind, ipc::Owned<proto::Namespace>>>;
    /// In those namespaces, and the machine's first ones of other kinds; beside a running init: in init's.
    LaunchFailure run(ipc::Cap<proto::Domain> domain, ipc::Cap<proto::VfsSession> session, Namespaces const& namespaces,
                      ipc::Cap<proto::Namespace> shared_network, Launch const& launch, std::int32_t& pid);
    /// New namespaces for a container, its host name in place.
    LaunchFailure make_namespaces(Container const& container, Namespaces& made);
    /// The path of `program` in the session's file system: as given if it has a slash, else the first executable one in PATH.
    ipc::Result<std::string> find_program(ipc::Cap<proto::VfsSession> session, Launch const& launch);

    Services const& services_;
};

} // namespace container
