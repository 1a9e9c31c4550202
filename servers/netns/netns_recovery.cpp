// Stacks that die, and those that an administrator has killed.
#include "ipc/log.hpp"
#include "netns_server.hpp"
#include <algorithm>

namespace netns {

void NetnsServer::stack_died(std::uint32_t number, std::uint64_t now) {
    auto const found = std::ranges::find(all_, number, &NetworkNamespace::stack);
    if (number == 0 || found == all_.end()) { return; }
    auto& space = **found;
    auto& deaths = deaths_[space.id];
    deaths.count = deaths.last != 0 && now - deaths.last < deaths_apart ? deaths.count + 1 : 1;
    deaths.last = now;
    if (deaths.count <= deaths_maximum && stacks_.restart(number)) {
        write_configuration(space);
        return;
    }
    ipc::log("netns: the stack of network namespace {} {}; the next socket or change of its devices starts another",
             space.id,
             deaths.count > deaths_maximum ? "dies again and again and stays down" : "finds no memory for a fresh one");
    stacks_.stop(number);
    space.stack = 0;
    for (auto const& link : space.links()) {
        if (link.pair != nullptr) { drop_ring(*link.pair); }
        space.find(link.index)->local_ring = 0;
    }
    for (auto* const other : all_) {
        if (other->dirty && other->stack != 0) { write_configuration(*other); }
    }
    space.dirty = false;
}

Result<std::uint32_t> NetnsServer::kill_stack(NetworkNamespace& space, bool may_change) {
    if (!may_change) { return fail(Error::NotPermitted); }
    if (space.stack == 0) { return fail(Error::NoDevice); }
    if (!stacks_.restart(space.stack)) {
        stack_died(space.stack, 0);
        return fail(Error::NoMemory);
    }
    write_configuration(space);
    return 0U;
}

} // namespace netns
