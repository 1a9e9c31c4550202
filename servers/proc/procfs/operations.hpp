// Everything of procfs that the server dispatches: the file system itself, and the operations of Process and Domain that hand out
// its roots and namespaces.
#pragma once
#include "../process/operations.hpp"
#include "procfs.hpp"

namespace proc {

class ProcfsOperations : public ProcFs {
public:
    using P = proto::Process;
    template <class T>
    using Result = ipc::Result<T>;

    explicit ProcfsOperations(Core& core) : ProcFs{core}, requests_{core} {}

    using ProcFs::on;
    Result<ipc::Unit> on(P::SetNamespace, ipc::Sender& sender, ipc::OptionalCap<proto::File> const& file,
                         std::uint32_t flags) {
        return requests_.run<P::SetNamespace>(sender,
                                              [&](Thread& thread) { return set_namespace(thread, file, flags); });
    }
    Result<ipc::Cap<proto::Directory>> on(P::ProcFileSystem, ipc::Sender& sender) {
        return requests_.run<P::ProcFileSystem>(sender,
                                                [&](Thread& thread) { return file_system(thread.process->space()); });
    }
    Result<ipc::Cap<proto::Directory>> on(P::CgroupFileSystem, ipc::Sender& sender) {
        return requests_.run<P::CgroupFileSystem>(sender, [&](Thread& thread) {
            return group_file_system(thread.process->space(), core.root_group_of(*thread.process));
        });
    }
    Result<ipc::Cap<proto::Directory>> on(proto::Domain::ProcFileSystem, ipc::Sender& sender) {
        Domain* const domain = core.table.badges.find<Domain>(sender.badge, ObjectKind::Domain);
        if (domain == nullptr) return fail(Error::NoProcess);
        return file_system(*domain->space);
    }
    Result<ipc::Cap<proto::File>> on(P::RelatedNamespace, ipc::Sender& sender,
                                     ipc::OptionalCap<proto::File> const& file, std::uint32_t request) {
        return requests_.run<P::RelatedNamespace>(sender, [&](Thread& thread) -> Result<ipc::Cap<proto::File>> {
            auto const made = related_namespace(*thread.process, file, request);
            if (!made) return fail(made.error());
            if (request == proto::namespace_itself)
                sender.delete_after_reply(*made); // not proc's own, which goes by itself
            return ipc::Cap<proto::File>{*made};
        });
    }
    Result<std::uint32_t> on(P::NamespaceAttribute, ipc::Sender& sender, ipc::OptionalCap<proto::File> const& file,
                             std::uint32_t request) {
        return requests_.run<P::NamespaceAttribute>(
            sender, [&](Thread& thread) { return namespace_attribute(*thread.process, file, request); });
    }
    void on_no_senders(Word badge) { no_senders(badge); }

private:
    Requests requests_;
};

} // namespace proc
