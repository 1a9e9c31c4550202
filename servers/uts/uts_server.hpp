// UTS namespaces: the host and domain names that uname(2) shows (uts_namespaces(7)).
//
// The worked example of a namespace server. What there is to know:
//  - A *namespace* and each *session* in it are badges of this server's endpoint. A badge is looked up in `objects_`: the
//    kernel vouches for it, nothing in a message is believed.
//  - A namespace lives as long as a capability for it or a session in it does. When the last copy of a badged capability
//    goes, on_no_senders(badge) says so.
//  - A handler checks everything first and changes something last, so that a refusal has no effect.
#pragma once
#include "ipc/server.hpp"
#include "proto/uts.hpp"
#include <unordered_map>

namespace uts {

inline constexpr abi::Word first_namespace_badge = 1; ///< minted by root, given to proc and container by the manifest
inline constexpr abi::Word first_dynamic_badge = 16;
inline constexpr std::size_t maximum_namespaces = 1024;

struct Names {
    proto::HostName host, domain;
};

class UtsServer {
public:
    UtsServer();

    // Protocol Namespace: `sender.badge` is a namespace for Create, Identify, Enter, Attenuate, Destroy; a session for the others.
    ipc::Result<ipc::Cap<proto::Namespace>> on(proto::Namespace::Create, ipc::Sender&, ipc::OptionalCap<proto::Namespace> user, std::uint32_t quota);
    ipc::Result<proto::NamespaceIdentity> on(proto::Namespace::Identify, ipc::Sender&);
    ipc::Result<ipc::Cap<proto::Session>> on(proto::Namespace::Enter, ipc::Sender&);
    ipc::Result<ipc::Cap<proto::Session>> on(proto::Namespace::ForkSession, ipc::Sender&);
    ipc::Result<ipc::Cap<proto::Namespace>> on(proto::Namespace::Of, ipc::Sender&);
    ipc::Result<ipc::Cap<proto::Namespace>> on(proto::Namespace::Attenuate, ipc::Sender&, std::uint32_t operations);
    ipc::Result<ipc::Unit> on(proto::Namespace::Destroy, ipc::Sender&);

    // Protocol Uts: on a session.
    ipc::Result<ipc::Unit> on(proto::Uts::SetHostname, ipc::Sender&, proto::HostName const& name);
    ipc::Result<proto::HostName> on(proto::Uts::Hostname, ipc::Sender&);
    ipc::Result<ipc::Unit> on(proto::Uts::SetDomainname, ipc::Sender&, proto::HostName const& name);
    ipc::Result<proto::HostName> on(proto::Uts::Domainname, ipc::Sender&);

    void on_no_senders(abi::Word badge);

    [[nodiscard]] std::size_t namespace_count() const { return namespaces_.size(); }

private:
    struct Namespace {
        Names names;
        abi::Word parent = 0, user = 0;
        abi::Word members = 0;      ///< sessions
        abi::Word capabilities = 0; ///< badges of Object::Kind::Namespace for it
    };
    struct Object {
        enum class Kind : std::uint8_t { Namespace, Session } kind;
        abi::Word space;            ///< key of namespaces_
        abi::Word operations;       ///< Namespace: bit n, operation n is allowed
    };

    /// The object behind the badge if it is of that kind and, for a namespace, may be asked that operation; null otherwise.
    Object* find(abi::Word badge, Object::Kind kind, abi::Word operation = 0);
    Namespace& space_of(Object const& object) { return namespaces_.find(object.space)->second; }
    template <class P> ipc::Result<ipc::Cap<P>> add(Object object);
    void drop_if_unreachable(abi::Word space);

    std::unordered_map<abi::Word, Namespace> namespaces_;
    std::unordered_map<abi::Word, Object> objects_;
    abi::Word next_badge_ = first_dynamic_badge, next_space_ = 1;
};

} // namespace uts
