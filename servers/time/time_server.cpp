#include "time_server.hpp"

namespace time_namespace {

using ipc::Error;
using ipc::fail;
using ipc::Result;

Result<ipc::Unit> TimeServer::on(proto::Time::SetOffset, ipc::Sender& sender, std::uint32_t clock, std::int64_t seconds,
                                 std::uint32_t nanoseconds) {
    constexpr std::uint32_t monotonic = 1, boottime = 7;
    constexpr std::int64_t second = 1'000'000'000, most_seconds = INT64_MAX / second;
    auto const space = opened(sender.badge, true);
    if (!space) { return fail(unknown(sender.badge)); }
    if ((clock != monotonic && clock != boottime) || nanoseconds >= second) { return fail(Error::Invalid); }
    if (seconds > most_seconds || seconds < -most_seconds) { return fail(Error::Range); }
    auto const now = static_cast<std::int64_t>(now_());
    std::int64_t const shown = now / second + seconds;
    if (shown < 0 || shown > most_seconds / 2) { return fail(Error::Range); }
    if (space->state.frozen) { return fail(Error::Access); }
    auto& offsets = space->state.offsets;
    (clock == monotonic ? offsets.monotonic : offsets.boottime) = seconds * second + nanoseconds;
    return ipc::Unit{};
}

Result<proto::TimeOffsets> TimeServer::on(proto::Time::Offsets, ipc::Sender& sender) {
    auto const space = opened(sender.badge, false);
    if (!space) { return fail(unknown(sender.badge)); }
    return space->state.offsets;
}

Result<proto::TimeOffsets> TimeServer::on(proto::Time::Freeze, ipc::Sender& sender) {
    auto const space = opened(sender.badge, true);
    if (!space) { return fail(unknown(sender.badge)); }
    space->state.frozen = true;
    return space->state.offsets;
}

} // namespace time_namespace
