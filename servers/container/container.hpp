// One container: what was defined, and what is running of it.
#pragma once
#include "ipc/slots.hpp"
#include "networks.hpp"
#include "proto/domain.hpp"
#include "proto/terminal.hpp"
#include <array>
#include <string>
#include <vector>

namespace container {

struct Limits {
    std::uint32_t processes = 0;        ///< 0: none
    std::uint64_t disk = 0, memory = 0; ///< bytes, 0: none
    bool kill = false;                  ///< --on-limit kill
};

/// The runtime specification's states (OCI runtime-spec, state), and paused as runc has it.
enum class State : std::uint8_t { Created, Running, Paused, Stopped };
std::string_view state_text(State state);

struct Container {
    std::string name, folder;
    Limits limits;
    State state = State::Created;
    bool removing = false;
    std::uint32_t quota_domain = 0;
    std::uint64_t created = 0, started = 0, finished = 0; ///< wall-clock nanoseconds, 0: not yet
    std::vector<std::string> command;
    std::int32_t console = -1;                  ///< virtual console, -1: attached to its starter
    std::vector<std::string> wanted_namespaces; ///< further kinds that it has its own of (--namespace)
    /// `none`, `host`, `container:OTHER`; empty: a network namespace of its own, joined to the attachments' networks.
    std::string network_mode;
    static constexpr std::string_view shared_network = "container:";
    std::vector<Attachment> attachments;
    // While it runs; dropped when it has stopped, which gives everything back.
    ipc::Owned<proto::Domain> domain;
    ipc::Owned<proto::VfsSession> session;
    std::vector<std::pair<proto::NamespaceKind, ipc::Owned<proto::Namespace>>> namespaces; ///< of its own
    // Why it ended.
    proto::DomainStatus last{};
    bool ended = false;
    /// Which limit ended it: "processes", "memory", "disk"; empty if none.
    [[nodiscard]] std::string_view limit_reached() const;
};

/// What `ctool run` and `wait` end with: the program's own status, 128 + signal if one ended it.
std::int32_t exit_status(proto::DomainStatus const& status);

} // namespace container
