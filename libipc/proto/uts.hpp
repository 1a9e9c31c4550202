// Protocol Uts: host and domain name of a UTS namespace (uts_namespaces(7)), spoken on its sessions.
#pragma once
#include "namespace.hpp"

namespace proto {
using HostName = ipc::Text<64>;
struct Uts {
    static constexpr abi::Word number = 11;
    /// Longer than 64 bytes does not fit the type: the vDSO answers Invalid. Whether the caller may is proc's to say (CAP_SYS_ADMIN).
    using SetHostname = ipc::Method<Uts, 1, ipc::Unit(HostName)>;
    using Hostname = ipc::Method<Uts, 2, HostName()>;
    using SetDomainname = ipc::Method<Uts, 3, ipc::Unit(HostName)>;
    using Domainname = ipc::Method<Uts, 4, HostName()>;
    using methods = ipc::Methods<SetHostname, Hostname, SetDomainname, Domainname>;
};
} // namespace proto
