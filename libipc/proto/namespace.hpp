// Protocol Namespace: what every owner of a kind of namespace speaks (DESIGN §5). A namespace capability keeps its
// namespace alive; a session capability is one member's way in.
#pragma once
#include "../ipc/method.hpp"

namespace proto {

enum class NamespaceKind : std::uint32_t { Mount = 1, Uts, Ipc, User, Pid, Network, Cgroup, Time, First = 32 };

struct NamespaceIdentity {
    NamespaceKind kind;
    std::uint32_t inode, parent, user; ///< inode numbers, unique over all kinds (owner's kind in the high bits), 0: none
    std::uint32_t members, pins;
};

struct Session {};

struct Namespace {
    static constexpr abi::Word number = 3;
    /// On a namespace: a new one, child or copy of it. quota: bytes its state may take, 0: the owner's default.
    using Create = ipc::Method<Namespace, 1, ipc::Cap<Namespace>(ipc::OptionalCap<Namespace> user, std::uint32_t quota)>;
    using Identify = ipc::Method<Namespace, 2, NamespaceIdentity()>;
    using Enter = ipc::Method<Namespace, 3, ipc::Cap<Session>()>;
    /// On a session: another session in the same namespace, for a forked process.
    using ForkSession = ipc::Method<Namespace, 4, ipc::Cap<Session>()>;
    /// On a session: the namespace it is in.
    using Of = ipc::Method<Namespace, 5, ipc::Cap<Namespace>()>;
    /// A capability for the same namespace with fewer operations (bit n: operation n allowed).
    using Attenuate = ipc::Method<Namespace, 6, ipc::Cap<Namespace>(std::uint32_t operations)>;
    /// Ends it for everybody.
    using Destroy = ipc::Method<Namespace, 7, ipc::Unit()>;
    using methods = ipc::Methods<Create, Identify, Enter, ForkSession, Of, Attenuate, Destroy>;
};

} // namespace proto
