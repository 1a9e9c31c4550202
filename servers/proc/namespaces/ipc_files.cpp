// What /proc shows of System V IPC: tables and limits of the reader's IPC namespace, asked of its owner.
#include "../process/core.hpp"
#include <charconv>

namespace proc {

namespace {
using Limits = proto::SystemVLimits;

/// The numbers of one file, in the order in which it shows them.
std::vector<std::uint32_t Limits::*> members(std::uint32_t index) {
    switch (index) {
    case 0: return {&Limits::shmmax};
    case 1: return {&Limits::shmall};
    case 2: return {&Limits::shmmni};
    case 3: return {&Limits::semmsl, &Limits::semmns, &Limits::semopm, &Limits::semmni};
    case 4: return {&Limits::msgmax};
    case 5: return {&Limits::msgmnb};
    case 6: return {&Limits::msgmni};
    default: return {};
    }
}
} // namespace

std::string Core::ipc_table(Process& process, std::uint32_t which) {
    int const kind = kinds.find(proto::NamespaceKind::Ipc);
    auto const session = kind < 0 ? ipc::Result<CapabilityPointer>{fail(Error::NotSupported)}
                                  : open_session(process, static_cast<unsigned>(kind));
    return session ? owners.ipc_table(*session, which) : std::string{};
}

std::string Core::ipc_limit(Process& process, std::uint32_t index) {
    int const kind = kinds.find(proto::NamespaceKind::Ipc);
    auto const session = kind < 0 ? ipc::Result<CapabilityPointer>{fail(Error::NotSupported)}
                                  : open_session(process, static_cast<unsigned>(kind));
    auto const limits = session ? owners.ipc_limits(*session) : fail(session.error());
    if (!limits) return {};
    std::string text;
    for (auto const member : members(index)) {
        char digits[12];
        char const* const end = std::to_chars(digits, digits + sizeof digits, (*limits).*member).ptr;
        if (!text.empty()) text += '\t';
        text.append(digits, static_cast<std::size_t>(end - digits));
    }
    return text + "\n";
}

ipc::Result<ipc::Unit> Core::set_ipc_limit(Process& process, std::uint32_t index, std::string_view value) {
    int const kind = kinds.find(proto::NamespaceKind::Ipc);
    auto const session = kind < 0 ? ipc::Result<CapabilityPointer>{fail(Error::NotSupported)}
                                  : open_session(process, static_cast<unsigned>(kind));
    if (!session) return fail(session.error());
    auto limits = owners.ipc_limits(*session);
    if (!limits) return fail(limits.error());
    char const* position = value.data();
    char const* const end = value.data() + value.size();
    for (auto const member : members(index)) {
        while (position != end && (*position == ' ' || *position == '\t')) ++position;
        std::uint32_t number = 0;
        auto const [next, error] = std::from_chars(position, end, number);
        if (error != std::errc{}) return fail(Error::Invalid);
        (*limits).*member = number;
        position = next;
    }
    if (position != end) return fail(Error::Invalid);
    return owners.set_ipc_limits(*session, *limits);
}

} // namespace proc
