// Credentials of a process (credentials(7), capabilities(7)) as plain values, and the rules of changing them.
#pragma once
#include "../../../libipc/proto/process.hpp"
#include <array>
#include <cstdint>

namespace proc {

namespace capability {
inline constexpr std::uint32_t chown = 0, dac_override = 1, fowner = 3, kill = 5, setgid = 6, setuid = 7, setpcap = 8, net_admin = 12,
                               sys_chroot = 18, sys_ptrace = 19, sys_admin = 21, sys_boot = 22, sys_nice = 23, sys_resource = 24,
                               sys_time = 25, sys_tty_config = 26, last = 40;
inline constexpr std::uint64_t all = (std::uint64_t{1} << (last + 1)) - 1;
} // namespace capability

struct Credentials {
    static constexpr std::uint32_t group_maximum = 32;
    std::uint32_t user = 0, effective_user = 0, saved_user = 0, file_user = 0;
    std::uint32_t group = 0, effective_group = 0, saved_group = 0, file_group = 0;
    std::uint32_t group_count = 0;
    std::array<std::uint32_t, group_maximum> groups{};
    std::uint64_t effective = capability::all, permitted = capability::all, inheritable = 0, bounding = capability::all, ambient = 0;
    bool no_new_privileges = false, keep_capabilities = false;

    [[nodiscard]] bool capable(std::uint32_t number) const { return (effective >> number & 1) != 0; }
    [[nodiscard]] bool in_group(std::uint32_t id) const;
    /// set*uid and set*gid (Process::SetIdentity's `which`). The value is setfsuid's and setfsgid's old id, else 0.
    ipc::Result<std::uint32_t> set_identity(std::uint32_t which, std::uint32_t a, std::uint32_t b, std::uint32_t c);
    ipc::Result<ipc::Unit> set_groups(std::uint32_t const* ids, std::uint32_t count);
    /// {effective, permitted, inheritable} as capset(2) allows them.
    ipc::Result<ipc::Unit> set_capabilities(std::array<std::uint64_t, 3> const& sets);
    /// At execve: set-user-ID and set-group-ID bits of the file `mode`, then the capability rules. Returns whether AT_SECURE is due.
    bool execute(std::uint32_t mode, std::uint32_t file_owner, std::uint32_t file_group_owner);
    /// May a process with these credentials send a signal to (kill(2)) one with `target`?
    [[nodiscard]] bool may_signal(Credentials const& target) const;
    /// May it read what ptrace(2)'s read access covers of `target` (/proc/PID/environ, fd, exe, ...)?
    [[nodiscard]] bool may_inspect(Credentials const& target) const;
    [[nodiscard]] proto::Credentials for_vfs() const;

private:
    void fix_capabilities(std::uint32_t old_user, std::uint32_t old_effective, std::uint32_t old_saved);
};

} // namespace proc
