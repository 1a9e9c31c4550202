// Owners for host tests of proc's Core, that count what they gave out.
#pragma once
#include "fake_machine.hpp"
#include "servers/proc/machine/fake_kernel.hpp"
#include "servers/proc/process/core.hpp"
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <variant>

namespace proc {

class FakeOwners final : public Owners, public UserNamespace::Observer {
public:
    explicit FakeOwners(FakeMachine& machine) : machine_{machine} {
        machine.on_drop = [this](CapabilityPointer dropped) { given.erase(dropped); };
        UserNamespace::observer = this;
    }
    std::map<CapabilityPointer, std::uint32_t> terminals; ///< file -> session
    std::map<CapabilityPointer, std::uint32_t> foregrounds;
    std::deque<proto::TerminalSignal> signals;
    std::string host = "cella";
    std::uint64_t free = 64 << 20;
    int manager = 0;
    CapabilityPointer next = 500;

    ipc::Result<CapabilityPointer> give() {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        ++machine_.capabilities;
        return ++next;
    }
    std::array<std::uint64_t, 2> file_position(CapabilityPointer) override { return {0, 0}; }
    /// What each capability given out stands for, until it is dropped.
    struct Given {
        char what;
        std::uint32_t inode;
        CapabilityPointer from;
        std::uint32_t user;
        bool operator==(Given const&) const = default;
    };
    std::map<CapabilityPointer, Given> given;
    std::map<std::uint32_t, std::vector<std::array<std::uint32_t, 3>>> maps; ///< of user namespaces, as told
    std::map<CapabilityPointer, proto::Credentials> credentials;
    std::map<CapabilityPointer, proto::SessionCredentials> vouched;
    std::map<Word, CapabilityPointer> minted; ///< handles by badge
    std::vector<CapabilityPointer> signalled;
    std::map<std::uint32_t, std::array<std::int64_t, 2>> offsets;
    bool chrooted = false;
    std::uint32_t next_inode = 9000;
    int created = 0;

    ipc::Result<CapabilityPointer> give(Given what) {
        auto made = give();
        if (made) given[*made] = what;
        return made;
    }
    ipc::Result<CapabilityPointer> fork_vfs_session(CapabilityPointer from, std::uint32_t flags,
                                                    UserNamespace const& owner, std::uint32_t) override {
        return give({'v', (flags & 2) != 0 ? ++next_inode : 0, from, Core::number_for_owners(owner)});
    }
    void set_credentials(CapabilityPointer session, proto::Credentials const& told) override {
        credentials[session] = told;
    }
    ipc::Result<ipc::Unit> join_mount_namespace(CapabilityPointer session, CapabilityPointer name_space,
                                                bool) override {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        auto const space = given.find(name_space);
        if (space == given.end() || space->second.what != 'm') return ipc::fail(Error::Invalid);
        given[session].inode = space->second.inode;
        return ipc::Unit{};
    }
    bool is_chrooted(CapabilityPointer) override { return chrooted; }
    ipc::Result<ipc::Unit> publish_maps(UserNamespace const& space) override {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        auto& lines = maps[space.inode()];
        lines.clear();
        for (auto const& each : space.users.extents()) lines.push_back({each.inside, each.global, each.count});
        return ipc::Unit{};
    }
    void forget_maps(UserNamespace const& space) override { maps.erase(space.inode()); }
    void user_namespace_ends(UserNamespace const& space) override { forget_maps(space); }
    ~FakeOwners() override { UserNamespace::observer = nullptr; }
    ipc::Result<CapabilityPointer> create_namespace(CapabilityPointer from, UserNamespace& owner) override {
        auto made = give({'n', next_inode + 1, from, owner.inode()});
        if (made) ++next_inode, ++created;
        return made;
    }
    ipc::Result<ipc::Unit> set_namespace_limit(CapabilityPointer first, std::uint32_t maximum) override {
        namespace_limits[first] = maximum;
        return ipc::Unit{};
    }
    std::map<CapabilityPointer, std::uint32_t> namespace_limits;
    ipc::Result<ipc::Unit> set_mount_limit(UserNamespace const& space, std::uint32_t maximum) override {
        mount_limits[space.inode()] = maximum;
        return ipc::Unit{};
    }
    std::map<std::uint32_t, std::uint32_t> mount_limits; ///< by user namespace
    ipc::Result<ipc::Unit> set_root_group(CapabilityPointer, CapabilityPointer name_space,
                                          std::uint32_t group) override {
        root_groups[name_space] = group;
        return ipc::Unit{};
    }
    std::uint32_t root_group(CapabilityPointer name_space) override {
        return root_groups.contains(name_space) ? root_groups.at(name_space) : 0;
    }
    std::map<CapabilityPointer, std::uint32_t> root_groups;
    ipc::Result<CapabilityPointer> enter_namespace(CapabilityPointer name_space, std::uint64_t) override {
        return give({'s', 0, name_space, 0});
    }
    void watch_queues() override { ++watches; }
    int watches = 0;
    void vouch(CapabilityPointer, CapabilityPointer session, proto::SessionCredentials const& told) override {
        vouched[session] = told;
    }
    ipc::Result<CapabilityPointer> namespace_of(CapabilityPointer session) override {
        return give({'m', 0, session, 0});
    }
    ipc::Result<proto::NamespaceIdentity> identify_namespace(CapabilityPointer name_space) override {
        auto const found = given.find(name_space);
        bool const made = found != given.end() && found->second.what == 'n';
        std::uint32_t owner = made ? found->second.user : 0;
        if (found != given.end() && found->second.what == 'm') {
            if (auto const session = given.find(found->second.from); session != given.end())
                owner = session->second.user;
        }
        // Capabilities below 100 are first namespaces: 10 uts, 11 ipc, 12 time.
        CapabilityPointer root = name_space;
        while (given.contains(root)) root = given.at(root).from;
        auto const kind = root == 10   ? proto::NamespaceKind::Uts
                          : root == 11 ? proto::NamespaceKind::Ipc
                          : root == 12 ? proto::NamespaceKind::Time
                                       : proto::NamespaceKind::Mount;
        return proto::NamespaceIdentity{
            kind, made ? found->second.inode : root, 0, owner != 0 ? owner : UserNamespace::first_inode, 0, 0};
    }
    ipc::Result<CapabilityPointer> recovered(CapabilityPointer, CapabilityPointer name_space) override {
        auto const found = given.find(name_space);
        return give(found == given.end() ? Given{'a', 0, name_space, 0} : found->second);
    }
    ipc::Result<CapabilityPointer> attenuated(CapabilityPointer name_space, std::uint64_t) override {
        return give({'a', 0, name_space, 0});
    }
    std::array<std::int64_t, 2> time_offsets(CapabilityPointer name_space, bool) override {
        return offsets[name_space];
    }
    ipc::Result<ipc::Unit> set_time_offset(CapabilityPointer name_space, std::uint32_t clock, std::int64_t seconds,
                                           std::uint32_t nanoseconds) override {
        offsets[name_space][clock == 7 ? 1 : 0] = seconds * 1'000'000'000 + nanoseconds;
        return ipc::Unit{};
    }
    ipc::Result<CapabilityPointer> mint_handle(Word badge) override {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        return minted[badge] = ++next;
    }
    void forget_handle(Word badge) override { minted.erase(badge); }
    void signal(CapabilityPointer notification) override { signalled.push_back(notification); }
    ipc::Result<ipc::Unit> set_terminal_session(CapabilityPointer file, std::uint32_t session) override {
        terminals[file] = session;
        return ipc::Unit{};
    }
    ipc::Result<std::uint32_t> terminal_session(CapabilityPointer file) override {
        auto found = terminals.find(file);
        if (found == terminals.end()) return ipc::fail(Error::NotTerminal);
        return found->second;
    }
    ipc::Result<ipc::Unit> set_terminal_foreground(CapabilityPointer file, std::uint32_t group) override {
        foregrounds[file] = group;
        return ipc::Unit{};
    }
    ipc::Result<std::uint32_t> terminal_foreground(CapabilityPointer file) override { return foregrounds[file]; }
    ipc::Result<CapabilityPointer> new_pseudo_terminal(CapabilityPointer, std::uint32_t) override {
        return ipc::fail(Error::NoSpace);
    }
    ipc::Result<proto::TerminalSignal> take_terminal_signal() override {
        if (signals.empty()) return ipc::fail(Error::NoData);
        auto signal = signals.front();
        signals.pop_front();
        return signal;
    }
    ipc::Result<ipc::Unit> set_host_name(CapabilityPointer, bool, proto::HostName const& name) override {
        host = name.view();
        return ipc::Unit{};
    }
    ipc::Result<proto::HostName> host_name(CapabilityPointer, bool) override { return proto::HostName{host}; }
    ipc::Result<proto::FileStatus> file_status(CapabilityPointer, CapabilityPointer) override {
        return proto::FileStatus{};
    }
    std::string file_name(CapabilityPointer) override { return "/bin/busybox"; }
    ipc::Result<CapabilityPointer> reopen(CapabilityPointer, std::uint32_t) override { return give(); }
    std::string place(CapabilityPointer, std::uint32_t which) override { return which == 0 ? "/" : "/root"; }
    std::string mount_table(CapabilityPointer, std::uint32_t) override { return "tmpfs / tmpfs rw 0 0\n"; }
    std::string network_table(CapabilityPointer, std::uint32_t table) override { return table == 1 ? "lo\n" : ""; }
    ipc::Result<std::array<std::int32_t, 2>> network_setting(CapabilityPointer, std::uint32_t setting,
                                                             std::array<std::int32_t, 2> const* change) override {
        if (change != nullptr) settings[setting] = *change;
        return settings[setting];
    }
    std::array<std::array<std::int32_t, 2>, 8> settings{};
    std::uint64_t free_memory() override { return free; }
    std::uint64_t total_memory() override { return 96 << 20; }
    void notify_manager() override { ++manager; }

private:
    FakeMachine& machine_;
};

} // namespace proc
