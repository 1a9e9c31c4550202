// The seams of Core over libipc: other servers, late replies, the clock.
#pragma once
#include "core.hpp"
#include "ipc/server.hpp"
#include "proto/cgroup.hpp"
#include "proto/clock.hpp"
#include "proto/memory.hpp"
#include "proto/message_queue.hpp"
#include "proto/terminal.hpp"
#include "proto/time.hpp"
#include "proto/vfs.hpp"
#include "seams.hpp"

namespace proc {

/// Capabilities as the manifest's `needs` give them; a null one means that the server is not there.
struct OwnerCapabilities {
    ipc::Cap<proto::VfsControl> vfs_control;
    ipc::Cap<proto::TerminalControl> terminal_control;
    ipc::Cap<proto::Memory> memory;
};

class GuestOwners final : public Owners, public UserNamespace::Observer {
public:
    void user_namespace_ends(UserNamespace const& space) override { forget_maps(space); }
    ipc::Cap<proto::MessageQueue> queues; ///< the first IPC namespace
    ipc::Cap<ipc::Notification> queues_notification;
    explicit GuestOwners(OwnerCapabilities const& capabilities) : to_{capabilities} {}
    ipc::Result<CapabilityPointer> fork_vfs_session(CapabilityPointer from, std::uint32_t flags,
                                                    UserNamespace const& owner, std::uint32_t process) override {
        return slot_of(ipc::call<proto::VfsControl::ForkSession>(to_.vfs_control, ipc::Cap<proto::VfsSession>{from},
                                                                 flags, Core::number_for_owners(owner), process));
    }
    void set_credentials(CapabilityPointer vfs_session, proto::Credentials const& credentials) override {
        static_cast<void>(ipc::call<proto::VfsControl::SetCredentials>(
            to_.vfs_control, ipc::Cap<proto::VfsSession>{vfs_session}, credentials));
    }
    ipc::Result<ipc::Unit> join_mount_namespace(CapabilityPointer vfs_session, CapabilityPointer name_space,
                                                bool permitted) override {
        return ipc::call<proto::VfsControl::JoinNamespace>(to_.vfs_control, ipc::Cap<proto::VfsSession>{vfs_session},
                                                           ipc::Cap<proto::Namespace>{name_space}, permitted ? 1U : 0U);
    }
    bool is_chrooted(CapabilityPointer vfs_session) override {
        auto const chrooted =
            ipc::call<proto::VfsControl::IsChrooted>(to_.vfs_control, ipc::Cap<proto::VfsSession>{vfs_session});
        return !chrooted || *chrooted != 0;
    }
    ipc::Result<ipc::Unit> publish_maps(UserNamespace const& space) override;
    void forget_maps(UserNamespace const& space) override;
    ipc::Result<CapabilityPointer> create_namespace(CapabilityPointer from, UserNamespace& owner) override {
        ipc::OptionalCap<proto::Namespace> pin; // the first one needs none: it cannot end
        if (owner.parent() != nullptr) {
            auto const handle = core->make_handle(owner);
            if (!handle) return ipc::fail(handle.error());
            pin.slot = *handle;
        }
        return slot_of(ipc::call<proto::Namespace::Create>(ipc::Cap<proto::Namespace>{from}, pin, owner.inode(), 0u));
    }
    ipc::Result<ipc::Unit> set_namespace_limit(CapabilityPointer first, std::uint32_t maximum) override {
        return ipc::call<proto::Namespace::SetLimit>(
            ipc::Cap<proto::Namespace>{first != 0 ? first : to_.vfs_control.slot}, maximum);
    }
    ipc::Result<ipc::Unit> set_root_group(CapabilityPointer first, CapabilityPointer name_space,
                                          std::uint32_t group) override {
        return ipc::call<proto::Cgroup::SetRoot>(
            ipc::Cap<proto::Cgroup>{first}, ipc::OptionalCap<proto::Namespace>{ipc::Cap<proto::Namespace>{name_space}},
            group);
    }
    std::uint32_t root_group(CapabilityPointer name_space) override {
        return ipc::call<proto::Cgroup::Root>(ipc::Cap<proto::Cgroup>{name_space}).value_or(0);
    }
    ipc::Result<CapabilityPointer> enter_namespace(CapabilityPointer name_space, std::uint64_t allowed) override {
        return slot_of(ipc::call<proto::Namespace::Enter>(ipc::Cap<proto::Namespace>{name_space}, allowed));
    }
    void watch_queues() override {
        if (queues.slot != 0 && queues_notification.slot != 0)
            static_cast<void>(ipc::call<proto::MessageQueue::Watch>(queues, queues_notification));
    }
    void vouch(CapabilityPointer name_space, CapabilityPointer session,
               proto::SessionCredentials const& credentials) override {
        static_cast<void>(ipc::call<proto::Namespace::Vouch>(ipc::Cap<proto::Namespace>{name_space},
                                                             ipc::Cap<proto::Session>{session}, credentials));
    }
    ipc::Result<CapabilityPointer> namespace_of(CapabilityPointer vfs_session) override {
        return slot_of(ipc::call<proto::Namespace::Of>(ipc::Cap<proto::Namespace>{vfs_session}));
    }
    ipc::Result<proto::NamespaceIdentity> identify_namespace(CapabilityPointer name_space) override {
        return ipc::call<proto::Namespace::Identify>(ipc::Cap<proto::Namespace>{name_space});
    }
    ipc::Result<CapabilityPointer> attenuated(CapabilityPointer name_space, std::uint64_t allowed) override {
        return slot_of(ipc::call<proto::Namespace::Attenuate>(ipc::Cap<proto::Namespace>{name_space}, allowed));
    }
    ipc::Result<CapabilityPointer> recovered(CapabilityPointer first, CapabilityPointer attenuated) override {
        return slot_of(ipc::call<proto::Namespace::Recover>(
            ipc::Cap<proto::Namespace>{first},
            ipc::OptionalCap<proto::Namespace>{ipc::Cap<proto::Namespace>{attenuated}}));
    }
    std::array<std::int64_t, 2> time_offsets(CapabilityPointer name_space, bool freeze) override {
        ipc::Cap<proto::Time> const time{name_space};
        auto const offsets = freeze ? ipc::call<proto::Time::Freeze>(time) : ipc::call<proto::Time::Offsets>(time);
        return offsets ? std::array{offsets->monotonic, offsets->boottime} : std::array<std::int64_t, 2>{};
    }
    ipc::Result<ipc::Unit> set_time_offset(CapabilityPointer name_space, std::uint32_t clock, std::int64_t seconds,
                                           std::uint32_t nanoseconds) override {
        return ipc::call<proto::Time::SetOffset>(ipc::Cap<proto::Time>{name_space}, clock, seconds, nanoseconds);
    }
    ipc::Result<CapabilityPointer> mint_handle(Word badge) override { return ipc::mint_session_slot(badge); }
    void forget_handle(Word badge) override { ipc::forget(badge); }
    void signal(CapabilityPointer notification) override { ipc::signal(notification); }
    ipc::Result<ipc::Unit> set_terminal_session(CapabilityPointer file, std::uint32_t session) override {
        return ipc::call<proto::TerminalControl::SetSession>(to_.terminal_control, ipc::Cap<proto::File>{file},
                                                             session);
    }
    ipc::Result<std::uint32_t> terminal_session(CapabilityPointer file) override {
        return ipc::call<proto::TerminalControl::SessionOf>(to_.terminal_control, ipc::Cap<proto::File>{file});
    }
    ipc::Result<ipc::Unit> set_terminal_foreground(CapabilityPointer file, std::uint32_t group) override {
        return ipc::call<proto::TerminalControl::SetForeground>(to_.terminal_control, ipc::Cap<proto::File>{file},
                                                                group);
    }
    ipc::Result<std::uint32_t> terminal_foreground(CapabilityPointer file) override {
        return ipc::call<proto::TerminalControl::Foreground>(to_.terminal_control, ipc::Cap<proto::File>{file});
    }
    ipc::Result<proto::TerminalSignal> take_terminal_signal() override {
        return ipc::call<proto::TerminalControl::TakeSignal>(to_.terminal_control);
    }
    ipc::Result<CapabilityPointer> new_pseudo_terminal(CapabilityPointer multiplexer, std::uint32_t flags) override {
        return slot_of(ipc::call<proto::TerminalControl::NewPseudoTerminal>(
            to_.terminal_control, ipc::OptionalCap<proto::File>{ipc::Cap<proto::File>{multiplexer}}, flags));
    }
    ipc::Result<ipc::Unit> set_host_name(CapabilityPointer uts_session, bool domain,
                                         proto::HostName const& name) override {
        ipc::Cap<proto::Uts> const uts{uts_session};
        return domain ? ipc::call<proto::Uts::SetDomainname>(uts, name) : ipc::call<proto::Uts::SetHostname>(uts, name);
    }
    ipc::Result<proto::HostName> host_name(CapabilityPointer uts_session, bool domain) override {
        ipc::Cap<proto::Uts> const uts{uts_session};
        return domain ? ipc::call<proto::Uts::Domainname>(uts) : ipc::call<proto::Uts::Hostname>(uts);
    }
    std::uint64_t free_memory() override {
        auto const status = ipc::call<proto::Memory::Status>(to_.memory);
        return status ? status->free : 0;
    }
    std::uint64_t total_memory() override {
        auto const status = ipc::call<proto::Memory::Status>(to_.memory);
        return status ? status->total : 0;
    }
    std::string file_name(CapabilityPointer file) override {
        char text[512];
        auto const length =
            ipc::call<proto::File::Name>(ipc::Cap<proto::File>{file}, ipc::WriteBuffer{text, sizeof text});
        return length ? std::string{text, std::min<std::size_t>(*length, sizeof text)} : std::string{};
    }
    std::array<std::uint64_t, 2> file_position(CapabilityPointer file) override {
        constexpr std::uint32_t current = 1; // SEEK_CUR
        auto const offset = ipc::call<proto::File::Seek>(ipc::Cap<proto::File>{file}, std::int64_t{0}, current);
        auto const flags = ipc::call<proto::File::GetFlags>(ipc::Cap<proto::File>{file});
        return {offset ? *offset : 0, flags ? *flags : 0};
    }
    std::string place(CapabilityPointer vfs_session, std::uint32_t which) override {
        char text[512];
        auto const done = ipc::call<proto::VfsSession::Describe>(ipc::Cap<proto::VfsSession>{vfs_session}, which,
                                                                 ipc::WriteBuffer{text, sizeof text});
        return done ? std::string{text, std::min<std::size_t>(done->count, sizeof text)} : std::string{};
    }
    std::string mount_table(CapabilityPointer vfs_session, std::uint32_t format) override {
        return whole([&](std::uint32_t offset, ipc::WriteBuffer buffer) {
            return ipc::call<proto::VfsSession::MountTable>(ipc::Cap<proto::VfsSession>{vfs_session}, format, offset,
                                                            buffer);
        });
    }
    std::string ipc_table(CapabilityPointer session, std::uint32_t which) override {
        std::string text;
        char part[1024];
        for (;;) {
            auto const done = ipc::call<proto::SystemV::Table>(ipc::Cap<proto::SystemV>{session}, which,
                                                               static_cast<std::uint32_t>(text.size()),
                                                               ipc::WriteBuffer{part, sizeof part});
            if (!done || done->count == 0 || text.size() >= 1 << 20) return text;
            text.append(part, std::min<std::size_t>(done->count, sizeof part));
        }
    }
    ipc::Result<proto::SystemVLimits> ipc_limits(CapabilityPointer session) override {
        return ipc::call<proto::SystemV::Limits>(ipc::Cap<proto::SystemV>{session});
    }
    ipc::Result<ipc::Unit> set_ipc_limits(CapabilityPointer session, proto::SystemVLimits const& limits) override {
        return ipc::call<proto::SystemV::SetLimits>(ipc::Cap<proto::SystemV>{session}, limits);
    }
    void set_network(CapabilityPointer vfs_session, std::uint32_t network, std::uint32_t owner) override {
        static_cast<void>(ipc::call<proto::VfsControl::SetNetwork>(
            to_.vfs_control, ipc::OptionalCap<proto::VfsSession>{ipc::Cap<proto::VfsSession>{vfs_session}}, network,
            owner));
    }
    ipc::Result<ipc::Unit> set_mount_limit(UserNamespace const& space, std::uint32_t maximum) override {
        return ipc::call<proto::VfsControl::SetMountLimit>(to_.vfs_control, Core::number_for_owners(space), maximum);
    }
    std::string local_socket_table(std::uint32_t network) override {
        std::string text;
        char part[1024];
        for (;;) {
            auto const done = ipc::call<proto::VfsControl::SocketTable>(
                to_.vfs_control, network, static_cast<std::uint32_t>(text.size()), ipc::WriteBuffer{part, sizeof part});
            if (!done || done->count == 0 || text.size() >= 65536) return text;
            text.append(part, std::min<std::size_t>(done->count, sizeof part));
        }
    }
    std::string network_table(CapabilityPointer network_session, std::uint32_t table) override {
        std::string text;
        char part[1024];
        for (;;) { // here `count` is what was copied
            auto const done = ipc::call<proto::Network::Table>(
                ipc::Cap<proto::Network>{network_session}, static_cast<proto::NetworkTable>(table),
                static_cast<std::uint32_t>(text.size()), ipc::WriteBuffer{part, sizeof part});
            if (!done || done->count == 0 || text.size() >= 65536) return text;
            text.append(part, std::min<std::size_t>(done->count, sizeof part));
        }
    }
    ipc::Result<std::array<std::int32_t, 2>> network_setting(CapabilityPointer network_session, std::uint32_t setting,
                                                             std::array<std::int32_t, 2> const* change) override {
        // Of IPv6 each device has its own: its index is above the number of the setting, and netns takes it as the second value.
        constexpr std::uint32_t setting_mask = 0xff, device_default = 0xffffff;
        auto const device = setting >> 8;
        auto values = change != nullptr ? *change : proto::SettingValues{};
        if (static_cast<proto::NetworkSetting>(setting & setting_mask) >= proto::NetworkSetting::Forwarding6) {
            values[1] = device == device_default ? proto::setting_default : static_cast<std::int32_t>(device);
        }
        return ipc::call<proto::Network::Setting>(ipc::Cap<proto::Network>{network_session},
                                                  static_cast<proto::NetworkSetting>(setting & setting_mask),
                                                  change != nullptr ? 1U : 0U, values);
    }
    ipc::Result<CapabilityPointer> reopen(CapabilityPointer file, std::uint32_t flags) override {
        auto const made = ipc::call<proto::File::Reopen>(ipc::Cap<proto::File>{file}, flags);
        if (!made) return ipc::fail(made.error());
        return std::get<0>(*made).slot;
    }
    ipc::Result<proto::FileStatus> file_status(CapabilityPointer vfs_session, CapabilityPointer file) override {
        constexpr std::uint32_t empty_path = 0x1000; // AT_EMPTY_PATH
        auto const status =
            ipc::call<proto::Directory::Stat>(ipc::Cap<proto::Directory>{vfs_session}, ipc::Cap<proto::File>{file},
                                              ipc::OptionalCap<proto::Process>{}, empty_path, ipc::Path{});
        if (status) return status;
        if (status.error() == ipc::Error::Elsewhere) { // vfs hands the file back, as the directory to go on from
            ipc::OptionalCap<proto::Directory> back;
            auto reader = ipc::last_reply();
            ipc::Codec<ipc::OptionalCap<proto::Directory>>::get(reader, back);
            ipc::release_slot(back.slot);
        }
        if (!terminal_session(file)) return ipc::fail(ipc::Error::NotSupported);
        return ipc::call<proto::File::Stat>(ipc::Cap<proto::File>{file});
    }
    void notify_manager() override {
        if (manager != nullptr && *manager != 0) ipc::signal(*manager);
    }

    /// DomainOperations::notification.
    CapabilityPointer const* manager = nullptr;
    Core* core = nullptr; ///< set once it is made

private:
    template <class Result>
    static ipc::Result<CapabilityPointer> slot_of(Result const& made) {
        if (!made) return ipc::fail(made.error());
        return made->slot;
    }
    template <class Fetch>
    static std::string whole(Fetch fetch) {
        std::string text;
        char part[1024];
        for (;;) {
            auto const done = fetch(static_cast<std::uint32_t>(text.size()), ipc::WriteBuffer{part, sizeof part});
            if (!done || done->count <= text.size()) return text;
            // `count` is the text's whole length; the buffer got what fits from the offset on.
            text.append(part, std::min<std::size_t>(done->count - text.size(), sizeof part));
            if (text.size() >= 65536) return text;
        }
    }
    OwnerCapabilities to_;
};

class GuestReplies final : public Replies {
public:
    using P = proto::Process;
    void clone(PendingReply to, ipc::Result<std::int32_t> const& result) override {
        ipc::reply<P::Clone>(pending(to), result);
    }
    void wait(PendingReply to, ipc::Result<proto::WaitResult> const& result) override {
        ipc::reply<P::Wait>(pending(to), result);
    }
    void sleep(PendingReply to, ipc::Result<std::uint64_t> const& result) override {
        ipc::reply<P::Sleep>(pending(to), result);
    }
    void suspend(PendingReply to, ipc::Result<ipc::Unit> const& result) override {
        ipc::reply<P::Suspend>(pending(to), result);
    }
    void signal_wait(PendingReply to, ipc::Result<proto::SignalInformation> const& result) override {
        ipc::reply<P::WaitSignal>(pending(to), result);
    }
    void futex(PendingReply to, ipc::Result<std::uint32_t> const& result) override {
        ipc::reply<P::Futex>(pending(to), result);
    }
    void discard(PendingReply to) override {
        if (to) ipc::discard(pending(to));
    }

private:
    static ipc::Pending pending(PendingReply to) { return ipc::Pending{to.slot, 0, 0, 0}; }
};

/// Time from the time stamp counter; the alarm from the clock driver.
class GuestClock final : public Clock {
public:
    GuestClock(ipc::Cap<proto::Clock> driver, proto::ClockParameters const& parameters)
        : driver_{driver}, parameters_{parameters} {}
    [[nodiscard]] std::uint64_t now() const override {
        std::uint64_t const ticks = __builtin_ia32_rdtsc() - parameters_.boot_time_stamp;
        std::uint32_t const rate = parameters_.ticks_per_millisecond;
        return ticks / rate * 1'000'000 + ticks % rate * 1'000'000 / rate;
    }
    [[nodiscard]] std::uint64_t wall_offset() const override { return parameters_.boot_wall_nanoseconds; }
    void set_wall(std::uint64_t wall) override { parameters_.boot_wall_nanoseconds = wall - now(); }
    void arm(std::uint64_t deadline) override {
        if (deadline == armed_ && deadline > now()) return;
        // An alarm that comes too early does no harm: leave one that is nearer.
        if (armed_ != 0 && (deadline == 0 || armed_ < deadline) && armed_ > now()) return;
        armed_ = deadline;
        if (driver_) static_cast<void>(ipc::call<proto::Clock::Arm>(driver_, deadline));
    }
    [[nodiscard]] Word ticks_per_millisecond() const override { return parameters_.ticks_per_millisecond; }
    [[nodiscard]] std::uint64_t boot_time_stamp() const override { return parameters_.boot_time_stamp; }

private:
    ipc::Cap<proto::Clock> driver_;
    proto::ClockParameters parameters_;
    std::uint64_t armed_ = 0;
};

} // namespace proc
