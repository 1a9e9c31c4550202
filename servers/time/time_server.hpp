// Time namespaces (time_namespaces(7)): what is added to the monotonic and boot-time clocks of the processes inside.
#pragma once
#include "ipc/namespace_server.hpp"
#include "proto/time.hpp"
#include <functional>

namespace time_namespace {

struct Clocks {
    proto::TimeOffsets offsets{};
    bool frozen = false; ///< a process has entered: the offsets can no longer change
};
/// A new namespace begins with its parent's offsets.
inline Clocks inherit(Clocks const& parent) { return {parent.offsets, false}; }

class TimeServer : public ipc::NamespaceServer<Clocks, proto::NamespaceKind::Time> {
public:
    /// `now`: nanoseconds that the machine's monotonic clock shows.
    explicit TimeServer(std::function<std::uint64_t()> now) : NamespaceServer{Clocks{{}, true}}, now_{std::move(now)} {}
    using NamespaceServer::on;

    ipc::Result<ipc::Unit> on(proto::Time::SetOffset, ipc::Sender& sender, std::uint32_t clock, std::int64_t seconds,
                              std::uint32_t nanoseconds);
    ipc::Result<proto::TimeOffsets> on(proto::Time::Offsets, ipc::Sender& sender);
    ipc::Result<proto::TimeOffsets> on(proto::Time::Freeze, ipc::Sender& sender);

private:
    std::function<std::uint64_t()> now_;
};

} // namespace time_namespace
