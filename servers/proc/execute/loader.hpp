// execve: from a path to a program that is ready to start. What can fail fails before the old program is touched.
#pragma once
#include "../process/core.hpp"
#include "elf.hpp"
#include "stack_image.hpp"

namespace proc {

/// How the loader opens files: the process's vfs session in the guest, a table in host tests.
class ProgramFiles {
public:
    virtual ~ProgramFiles() = default;
    struct Opened {
        CapabilityPointer file;
        proto::FileKind kind;
    };
    /// For reading, as open(2) from the process; `directory`: of execveat, 0: none. The capability is the caller's.
    virtual Result<Opened> open(Process& process, CapabilityPointer directory, std::string_view path) = 0;
};

class Loader final : public Executor {
public:
    Loader(Core& core, Machine& machine, FileCache& cache, ProgramFiles& files)
        : core_{core}, machine_{machine}, cache_{cache}, files_{files} {}

    /// execve(2) of a running thread, its only one afterwards; it starts anew (nobody waits for an answer then). NoProcess: it failed
    /// half-way and has been killed.
    Status execute(Thread& thread, CapabilityPointer directory, std::string path, std::vector<std::string> arguments,
                   std::vector<std::string> environment);
    /// The same for a process that is being built; it is not started.
    Result<ipc::Unit> execute(Process& process, std::string_view path, std::vector<std::string> const& arguments,
                              std::vector<std::string> const& environment) override;

    /// A NULL-terminated vector of strings in user memory, `left` bytes of text at the most (counted down). ArgumentsTooLong, Fault.
    static Result<std::vector<std::string>> read_vector(MemorySpace& memory, Address address, std::size_t& left);
    static constexpr std::size_t argument_bytes = 128 << 10;

private:
    struct Binary {
        FileObject* object = nullptr; ///< referenced
        ElfProgram elf;
    };
    struct Plan;
    Result<FileObject*> open(Process& process, CapabilityPointer directory, std::string_view path);
    Result<ElfProgram> read_program(FileObject& object);
    Status prepare(Process& process, CapabilityPointer directory, Plan& plan);
    Status map_binary(MemorySpace& memory, Binary const& binary, Address bias);
    Status commit(Thread& thread, Plan& plan);
    Status new_memory(Thread& thread);
    void close_on_exec(Process& process);
    std::array<std::byte, 16> random_bytes();

    Core& core_;
    Machine& machine_;
    FileCache& cache_;
    ProgramFiles& files_;
    std::uint64_t random_state_ = 0;
};

/// The `#!` line at the start of a file: interpreter, and one argument if there is one. False: it has none or it is too long.
bool parse_script(std::string_view start, std::string& interpreter, std::string& argument);

} // namespace proc
