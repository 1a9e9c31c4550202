#include "container.hpp"

namespace container {

std::string_view state_text(State state) {
    switch (state) {
    case State::Created: return "created";
    case State::Running: return "running";
    case State::Paused: return "paused";
    case State::Stopped: return "stopped";
    }
    return "unknown";
}

std::string_view Container::limit_reached() const {
    if (!ended) { return {}; }
    switch (last.end) {
    case proto::DomainEnd::ProcessLimit: return "processes";
    case proto::DomainEnd::MemoryLimit:
    case proto::DomainEnd::OutOfMemory: return "memory";
    case proto::DomainEnd::DiskLimit: return "disk";
    default: return {};
    }
}

std::int32_t exit_status(proto::DomainStatus const& status) {
    constexpr std::int32_t killed = 9, signal_base = 128;
    switch (status.end) {
    case proto::DomainEnd::OutOfMemory:
    case proto::DomainEnd::ProcessLimit:
    case proto::DomainEnd::MemoryLimit:
    case proto::DomainEnd::DiskLimit:
    case proto::DomainEnd::Stopped: return signal_base + killed;
    default: break;
    }
    auto const signal = status.exit_status & 0x7f;
    return signal != 0 ? signal_base + signal : status.exit_status >> 8 & 0xff;
}

} // namespace container
