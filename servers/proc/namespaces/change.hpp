// A change of a process's namespaces, put together step by step: by clone for the child, by unshare and setns for the caller.
// Nothing of the process is touched before commit; whatever was made goes again with a change that is not committed.
#pragma once
#include "../process/core.hpp"
#include <utility>

namespace proc {

class NamespaceChange {
public:
    /// What the process has now; `from` must outlive it.
    NamespaceChange(Core& core, Process& from);
    ~NamespaceChange();
    NamespaceChange(NamespaceChange const&) = delete;
    NamespaceChange& operator=(NamespaceChange const&) = delete;

    using Status = ipc::Result<ipc::Unit>;
    /// CLONE_NEWUSER: a child of the present user namespace and all capabilities over it. Before everything else, which then belongs to it.
    /// NotPermitted: chrooted, or its ids are not mapped. NoSpace: too deep, too many.
    Status create_user();
    /// A new PID namespace for children. Invalid: they have another than the process already. NoSpace: too deep, too many.
    Status create_pid();
    /// New ones of all kinds whose flag is there.
    Status create_kinds(std::uint32_t flags);
    Status create_kind(unsigned kind);
    /// A vfs session of its own: flags as Owners::fork_vfs_session.
    Status fork_files(std::uint32_t flags);

    /// exec: the time namespace of children becomes its own.
    void enter_time();

    /// setns: into namespaces that are there. The checks of permission are part of it, in the order of user first.
    Status join_user(UserNamespace& space);
    Status join_pid(PidNamespace& space);
    /// `capability` is taken over if it succeeds.
    Status join_kind(unsigned kind, CapabilityPointer capability, UserNamespace& owner, std::uint32_t inode);
    Status join_shared(SharedNamespace& name_space);
    /// At once, as vfs has it: the last step before commit.
    Status join_mount(CapabilityPointer name_space, UserNamespace& owner);

    /// CAP_* `number` over `over`, with the capabilities that the process is going to have.
    [[nodiscard]] bool capable(std::uint32_t number, UserNamespace const& over) const;
    /// Over its own user namespace, as that is going to be.
    [[nodiscard]] bool capable(std::uint32_t number) const {
        return user_changed_ || from_.credentials.capable(number);
    }
    [[nodiscard]] UserNamespace& user() const { return *user_; }

    /// The process goes over. Nothing can fail.
    void commit();
    /// clone: a child that has nothing yet gets credentials, user namespace and set; vfs session and PID namespace are the caller's to take.
    void give_to(Process& child);
    PidNamespace* take_pid() { return std::exchange(pid_, nullptr); }

private:
    /// A copy of the set to change, made with the first change.
    NamespaceSet& own_set();
    void put(unsigned kind, SharedNamespace& name_space);
    /// May the process, with the capabilities that it is going to have, enter what belongs to `owner`?
    [[nodiscard]] bool may_enter(UserNamespace const& owner) const;
    Core& core_;
    Process& from_;
    UserReference user_;
    NamespaceSet* set_ = nullptr; ///< null: as it was
    std::uint32_t changed_ = 0;   ///< bit n: set_->at[n] may be another than it was
    PidNamespace* pid_ = nullptr; ///< of the children; null: as it was
    CapabilityPointer files_ = 0; ///< vfs session, 0: as it was
    bool user_changed_ = false;   ///< then it gets all capabilities there (Credentials::become_owner)
    bool undumpable_ = false;
};

} // namespace proc
