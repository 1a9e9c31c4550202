// A session: one process's view of the files. Mount namespace, root, working directory, umask and credentials.
#pragma once
#include "mount.hpp"

namespace vfs {

struct Session {
    Badge badge = 0;
    Ref<MountNamespace> space;
    HeldPlace root;
    HeldPlace working;
    /// If `working` is the root of a file system served elsewhere: the path inside it, without leading slash.
    std::string working_rest;
    std::uint32_t umask = 022;
    bool shared = false; ///< with another process (CLONE_FS), at least for a while
    Credentials who{};
    Ref<QuotaDomain> domain;
    Ref<LockOwner> locks;             ///< its process's, made with the first lock
    std::uint32_t container = 0;      ///< all sessions of one have the same
    Ref<UserNamespace> network_owner; ///< of `network`, if that is known
    std::uint32_t network = 0; ///< inode of its network namespace, as far as it was needed; 0: proc is to be asked
};

} // namespace vfs
