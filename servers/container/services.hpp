// The servers that the container manager calls, by what the manifest gave it.
#pragma once
#include "proto/clock.hpp"
#include "proto/domain.hpp"
#include "proto/memory.hpp"
#include "proto/namespace.hpp"
#include "proto/network.hpp"
#include "proto/terminal.hpp"
#include "proto/vfs.hpp"
#include <vector>

namespace container {

struct Services {
    ipc::Cap<proto::VfsControl> vfs;
    ipc::Cap<proto::ProcessControl> proc;
    ipc::Cap<proto::TerminalControl> tty;
    /// A kind of namespace: the first one, from which new ones are made.
    struct Kind {
        ipc::Text<32> name;
        proto::NamespaceKind kind;
        ipc::Cap<proto::Namespace> first;
    };
    std::vector<Kind> kinds;
    ipc::Cap<proto::Memory> memory;
    ipc::Cap<proto::Supervisor> supervisor;
    proto::ClockParameters clock; ///< turns the time stamp counter into the time of day
};

} // namespace container
