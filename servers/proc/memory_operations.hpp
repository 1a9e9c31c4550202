// Protocol Process, the part that is memory, exec and descriptors' room; page faults.
#pragma once
#include "execute/loader.hpp"
#include "ipc/server.hpp"
#include "machine/guest_machine.hpp"
#include "process/operations.hpp"

namespace proc {

class MemoryOperations : public Requests {
public:
    using P = proto::Process;
    using Sender = ipc::Sender;
    using Unit = ipc::Unit;
    template <class T>
    using Result = ipc::Result<T>;

    MemoryOperations(Core& core, GuestMachine& machine, FileCache& cache, Loader& loader)
        : Requests{core}, machine_{machine}, cache_{cache}, loader_{loader} {}

    Result<Unit> on(P::Execute, Sender& sender, Word path, Word argv, Word envp, Word flags,
                    ipc::OptionalCap<proto::File> directory);
    Result<Word> on(P::Break, Sender& sender, Word address);
    Result<Word> on(P::Map, Sender& sender, proto::MapArguments const& arguments, ipc::OptionalCap<proto::File> file);
    Result<Unit> on(P::Unmap, Sender& sender, Word address, Word length);
    Result<Unit> on(P::Detach, Sender& sender, Word address);
    Result<Unit> on(P::Protect, Sender& sender, Word address, Word length, Word protection);
    Result<Word> on(P::Remap, Sender& sender, Word address, Word old_length, Word new_length, Word flags,
                    Word new_address);
    Result<Unit> on(P::Advise, Sender& sender, Word address, Word length, Word advice);
    Result<Unit> on(P::Touch, Sender& sender, Word address, Word length, Word write);
    Result<Word> on(P::GrowDescriptors, Sender& sender, Word descriptor);
    Result<ipc::FaultAnswer> on_fault(abi::Fault kind, Sender& sender, ipc::FaultWords const& words);

private:
    Result<Address> map(Thread& thread, proto::MapArguments const& arguments, ipc::OptionalCap<proto::File>& file);
    Status execute(Thread& thread, Word path, Word argv, Word envp, Word flags, CapabilityPointer directory);
    void page_fault(Thread& thread, ipc::FaultWords const& words);
    void settle() {
        if (any_ending()) core.settle();
    }

    GuestMachine& machine_;
    FileCache& cache_;
    Loader& loader_;
};

} // namespace proc
