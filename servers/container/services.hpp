// The servers that the container manager calls, by what the manifest gave it.
#pragma once
#include "proto/clock.hpp"
#include "proto/domain.hpp"
#include "proto/memory.hpp"
#include "proto/namespace.hpp"
#include "proto/terminal.hpp"
#include "proto/vfs.hpp"

namespace container {

struct Services {
    ipc::Cap<proto::VfsControl> vfs;
    ipc::Cap<proto::ProcessControl> proc;
    ipc::Cap<proto::TerminalControl> tty;
    ipc::Cap<proto::Namespace> uts, network; ///< the first namespaces: new ones are made from them
    ipc::Cap<proto::Memory> memory;
    ipc::Cap<proto::Supervisor> supervisor;
    proto::ClockParameters clock; ///< turns the time stamp counter into the time of day
};

} // namespace container
