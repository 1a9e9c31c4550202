// IPv6 multicast groups that sockets have joined. A device hears every frame; this says which of them concern the stack.
#pragma once
#include "lwip/ip6_addr.h"
#include <vector>

namespace netstack {

/// The groups of one socket. The stack's are those of all its sockets.
class Groups {
public:
    Groups() = default;
    Groups(Groups const&) = delete;
    Groups& operator=(Groups const&) = delete;
    ~Groups();
    /// False: it is a member already.
    bool join(ip6_addr_t const& group);
    /// False: it was none.
    bool leave(ip6_addr_t const& group);
    /// Some socket of the stack is a member.
    static bool joined(ip6_addr_t const& group);

private:
    std::vector<ip6_addr_t> own_;
};

} // namespace netstack
