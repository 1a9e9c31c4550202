// Protocols Domain and ProcessControl: the container manager's requests.
#pragma once
#include "../process/core.hpp"
#include "ipc/server.hpp"
#include <string>

namespace proc {

class DomainOperations {
public:
    using D = proto::Domain;
    using C = proto::ProcessControl;
    using Sender = ipc::Sender;
    template <class T>
    using Result = ipc::Result<T>;
    using Unit = ipc::Unit;
    static constexpr Word control_badge = 1; ///< root minted it for the container manager

    DomainOperations(Core& core, Executor& executor) : core{core}, executor_{executor} {}

    // --- ProcessControl ---
    Result<ipc::Cap<D>> on(C::CreateDomain, Sender& sender, proto::DomainLimits const& limits, std::uint32_t sealed,
                           ipc::Text<32> const& name);
    Result<Unit> on(C::Notify, Sender& sender, ipc::Cap<ipc::Notification> notification);
    Result<proto::ProcUsage> on(C::Usage, Sender& sender);
    Result<proto::NamespaceIdentity> on(C::ListNamespaces, Sender& sender, std::uint32_t after);
    Result<std::uint32_t> on(C::NamespaceMembers, Sender& sender, proto::NamespaceKind kind, std::uint32_t inode);
    // --- Domain ---
    Result<std::uint32_t> on(D::Begin, Sender& sender, ipc::Cap<proto::VfsSession> session);
    Result<Unit> on(D::SetDescriptor, Sender& sender, std::uint32_t handle, std::uint32_t descriptor,
                    ipc::Cap<proto::File> file);
    Result<Unit> on(D::SetNamespace, Sender& sender, std::uint32_t handle, proto::NamespaceKind kind,
                    ipc::Cap<proto::Namespace> name_space);
    Result<std::int32_t> on(D::Start, Sender& sender, std::uint32_t handle, std::uint32_t argument_count,
                            std::uint32_t environment_count, std::int32_t terminal_descriptor, ipc::ReadBuffer);
    Result<Unit> on(D::Abandon, Sender& sender, std::uint32_t handle);
    Result<proto::DomainStatus> on(D::Status, Sender& sender);
    Result<Unit> on(D::SetLimits, Sender& sender, proto::DomainLimits const& limits);
    Result<Unit> on(D::Pause, Sender& sender);
    Result<Unit> on(D::Resume, Sender& sender);
    Result<Unit> on(D::Signal, Sender& sender, std::uint32_t number);
    Result<Unit> on(D::Stop, Sender& sender, proto::DomainEnd why, std::uint32_t culprit, std::uint64_t wanted);
    Result<proto::ProcessSummary> on(D::List, Sender& sender, std::uint32_t index);
    Result<std::array<std::int32_t, 2>> on(D::ProcessStatus, Sender& sender, std::int32_t inner_pid);
    Result<std::array<std::uint32_t, 2>> on(D::UnknownCalls, Sender& sender, std::uint32_t index);

    /// The container manager's notification, 0: none yet. Owned.
    CapabilityPointer notification = 0;

    Core& core;

private:
    [[nodiscard]] Domain* domain_of(Sender const& sender) const {
        return core.table.badges.find<Domain>(sender.badge, ObjectKind::Domain);
    }
    static Domain::Building* building_of(Domain& domain, std::uint32_t handle);
    Executor& executor_;
};

/// What Domain::Start's buffer holds: path, arguments, environment, each ended by a NUL. False if it does not hold exactly that.
bool parse_program(std::string_view text, std::uint32_t argument_count, std::uint32_t environment_count,
                   std::string& path, std::vector<std::string>& arguments, std::vector<std::string>& environment);

} // namespace proc
