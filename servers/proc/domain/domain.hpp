// A domain: one container's processes, their PID namespace, memory account and limits. Created by the container manager
// (proto/domain.hpp); the root container's processes are one as well.
#pragma once
#include "../../../libipc/proto/domain.hpp"
#include "../memory/memory.hpp"
#include "../process/process.hpp"
#include <memory>

namespace proc {

class Domain {
public:
    /// One reference to `space` is taken over.
    Domain(Kernel& kernel, PidNamespace& space, proto::DomainLimits const& limits, bool sealed, std::string_view name)
        : account{kernel, limits.memory}, space{&space}, limits{limits}, sealed{sealed}, name{name} {}
    ~Domain() { space->release(); }
    Domain(Domain const&) = delete;
    Domain& operator=(Domain const&) = delete;

    Account account;
    PidNamespace* space;
    proto::DomainLimits limits;
    bool sealed;
    ipc::Text<32> name;
    Word badge = 0;
    List<Process, &Process::domain_link> processes;           ///< zombies too
    GroupReference groups = GroupReference::adopt(new Group); ///< the root of its tree of control groups
    std::uint32_t tasks = 0;                                  ///< threads alive: what limits.processes bounds
    bool paused = false;
    std::uint32_t generation = 0; ///< counts starts of an init

    proto::DomainEnd end = proto::DomainEnd::Running;
    std::int32_t exit_status = 0;
    std::uint32_t culprit = 0;
    std::uint64_t culprit_wanted = 0;
    std::uint32_t refused_processes = 0;
    bool ending = false;           ///< a limit with on_limit kill was hit: Core::settle ends it
    std::uint64_t cpu_of_dead = 0; ///< nanoseconds

    /// Begun and not yet started, by handle.
    struct Building {
        std::uint32_t handle;
        Process* process;
        std::uint32_t descriptors;
    };
    std::vector<Building> building;
    std::uint32_t last_handle = 0;
    /// Processes of Start: remembered until ProcessStatus has told that they ended.
    struct Remembered {
        std::int32_t inner_pid;
        bool ended;
        std::int32_t status;
    };
    std::vector<Remembered> remembered;
    struct UnknownCall {
        std::uint32_t number, times;
    };
    std::vector<UnknownCall> unknown_calls;
};

} // namespace proc
