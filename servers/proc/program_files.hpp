// Where exec opens files: the process's own view of the file tree.
#pragma once
#include "execute/loader.hpp"
#include "ipc/call.hpp"
#include "procfs/operations.hpp"

namespace proc {

class GuestProgramFiles final : public ProgramFiles {
public:
    Result<Opened> open(Process& process, CapabilityPointer directory, std::string_view path) override;
    /// Paths that lead into proc's own procfs (/proc/self/exe); set once the server is made.
    ProcfsOperations* procfs = nullptr;
};

} // namespace proc
