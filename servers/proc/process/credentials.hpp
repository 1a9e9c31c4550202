// Credentials of a process (credentials(7), capabilities(7)) as plain values, and the rules of changing them.
#pragma once
#include "../../../libipc/proto/process.hpp"
#include <array>
#include <cstdint>

namespace proc {

namespace capability {
inline constexpr std::uint32_t chown = 0, dac_override = 1, fowner = 3, kill = 5, setgid = 6, setuid = 7, setpcap = 8,
                               net_admin = 12, sys_chroot = 18, sys_ptrace = 19, sys_admin = 21, sys_boot = 22,
                               sys_nice = 23, sys_resource = 24, sys_time = 25, sys_tty_config = 26, setfcap = 31,
                               last = 40;
inline constexpr std::uint64_t all = (std::uint64_t{1} << (last + 1)) - 1;
/// What follows the file system user id: CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID LINUX_IMMUTABLE MKNOD MAC_OVERRIDE.
inline constexpr std::uint64_t of_files =
    0x1f | std::uint64_t{1} << 9 | std::uint64_t{1} << 27 | std::uint64_t{1} << 32;
} // namespace capability

/// securebits(7); each one's lock is the next higher bit.
namespace securebit {
inline constexpr std::uint32_t no_root = 1, no_setuid_fixup = 4, keep_capabilities = 0x10, no_ambient_raise = 0x40,
                               every = 0x55, locks = 0xaa;
}

/// Ids are global (see UserNamespace); capabilities are relative to the process's own user namespace.
struct Credentials {
    static constexpr std::uint32_t group_maximum = 32;
    std::uint32_t user = 0, effective_user = 0, saved_user = 0, file_user = 0;
    std::uint32_t group = 0, effective_group = 0, saved_group = 0, file_group = 0;
    std::uint32_t group_count = 0;
    std::array<std::uint32_t, group_maximum> groups{};
    std::uint64_t effective = capability::all, permitted = capability::all, inheritable = 0, bounding = capability::all,
                  ambient = 0;
    std::uint32_t secure_bits = 0;
    bool no_new_privileges = false;

    [[nodiscard]] bool capable(std::uint32_t number) const { return (effective >> number & 1) != 0; }
    [[nodiscard]] bool in_group(std::uint32_t id) const;
    /// set*uid and set*gid (Process::SetIdentity's `which`). The value is setfsuid's and setfsgid's old id, else 0. `root`: the global id
    /// of user 0 in the process's user namespace (UserNamespace::root_user).
    ipc::Result<std::uint32_t> set_identity(std::uint32_t which, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                                            std::uint32_t root);
    ipc::Result<ipc::Unit> set_groups(std::uint32_t const* ids, std::uint32_t count);
    /// {effective, permitted, inheritable} as capset(2) allows them.
    ipc::Result<ipc::Unit> set_capabilities(std::array<std::uint64_t, 3> const& sets);
    /// All there is, as the first process of a new user namespace has it (user_namespaces(7)).
    void become_owner();
    /// prctl(2) PR_SET_SECUREBITS. NotPermitted: without CAP_SETPCAP, against a lock, or no such bits.
    ipc::Result<ipc::Unit> set_secure_bits(std::uint32_t bits);
    /// prctl(2) PR_CAP_AMBIENT: operation 1 is set, 2 raise, 3 lower, 4 clear all.
    ipc::Result<std::uint32_t> change_ambient(std::uint32_t operation, std::uint32_t number);
    /// At execve: set-user-ID and set-group-ID bits of the file `mode` (0 if they do not count), then the capability rules of
    /// capabilities(7). Returns whether AT_SECURE is due.
    bool execute(std::uint32_t mode, std::uint32_t file_owner, std::uint32_t file_group_owner, std::uint32_t root);
    /// Does it own a process with `target`, as kill(2) asks? CAP_KILL is Core's to look at.
    [[nodiscard]] bool may_signal(Credentials const& target) const;
    /// Are all ids of `target` its own and its capabilities no more, as ptrace(2)'s read access asks? CAP_SYS_PTRACE is Core's to look at.
    [[nodiscard]] bool may_inspect(Credentials const& target) const;
    [[nodiscard]] proto::Credentials for_vfs() const;

private:
    void fix_capabilities(std::uint32_t old_user, std::uint32_t old_effective, std::uint32_t old_saved,
                          std::uint32_t root);
    void fix_file_capabilities(std::uint32_t old_file, std::uint32_t root);
};

} // namespace proc
