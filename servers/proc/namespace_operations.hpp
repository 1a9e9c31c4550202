// The operations that need both processes and procfs.
#pragma once
#include "domain/operations.hpp"
#include "process/operations.hpp"
#include "procfs/procfs.hpp"

namespace proc {

class NamespaceOperations : public Requests {
public:
    using P = proto::Process;
    template <class T> using Result = ipc::Result<T>;

    NamespaceOperations(Core& core, ProcFs& procfs) : Requests{core}, procfs{procfs} {}

    Result<ipc::Unit> on(P::SetNamespace, ipc::Sender& sender, ipc::OptionalCap<proto::File> const& file, std::uint32_t flags) {
        return run<P::SetNamespace>(sender, [&](Thread& thread) { return procfs.set_namespace(*thread.process, file, flags); });
    }
    Result<ipc::Cap<proto::Directory>> on(P::ProcFileSystem, ipc::Sender& sender) {
        return run<P::ProcFileSystem>(sender, [&](Thread& thread) { return procfs.file_system(thread.process->space()); });
    }
    Result<ipc::Cap<proto::Directory>> on(proto::Domain::ProcFileSystem, ipc::Sender& sender) {
        Domain* const domain = core.table.badges.find<Domain>(sender.badge, ObjectKind::Domain);
        if (domain == nullptr) return fail(Error::NoProcess);
        return procfs.file_system(*domain->space);
    }
    /// pidfds are for later: the vDSO's programs fall back to PIDs.
    Result<ipc::Cap<proto::File>> on(P::OpenProcess, ipc::Sender& sender, std::int32_t, std::uint32_t) {
        return run<P::OpenProcess>(sender, [&](Thread&) -> Result<ipc::Cap<proto::File>> { return fail(Error::NotImplemented); });
    }
    /// What stands for the capabilities that nobody holds any more.
    void no_senders(Word badge) {
        if (auto* const domain = core.table.badges.find<Domain>(badge, ObjectKind::Domain)) {
            core.release_domain(*domain);
        } else {
            procfs.no_senders(badge);
        }
    }
    ProcFs& procfs;
};

} // namespace proc
