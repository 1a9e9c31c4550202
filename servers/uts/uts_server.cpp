#include "uts_server.hpp"

namespace uts {

using abi::Word;
using ipc::Cap;
using ipc::Error;
using ipc::fail;
using ipc::Result;
using ipc::Unit;

namespace {
constexpr Word every_operation = ~Word{0};
/// Inode numbers of namespaces: as Linux's, above those of the initial ones, the kind in the upper bits.
constexpr Word inode_of(Word space) { return 0xE0000000 | static_cast<Word>(proto::NamespaceKind::Uts) << 20 | space; }
} // namespace

UtsServer::UtsServer() {
    Word const space = next_space_++;
    namespaces_[space] = {.names = {proto::HostName{"cella"}, proto::HostName{"(none)"}}, .capabilities = 1};
    // Root holds this one for ever: it is not watched.
    objects_[first_namespace_badge] = {Object::Kind::Namespace, space, every_operation};
}

UtsServer::Object* UtsServer::find(Word badge, Object::Kind kind, Word operation) {
    auto const found = objects_.find(badge);
    if (found == objects_.end() || found->second.kind != kind || (found->second.operations >> operation & 1) == 0) {
        return nullptr;
    }
    return &found->second;
}

template <class P> Result<Cap<P>> UtsServer::add(Object object) {
    while (objects_.contains(next_badge_) || next_badge_ < first_dynamic_badge) {
        next_badge_ = (next_badge_ + 1) & ((Word{1} << abi::badge_bits) - 1);
    }
    Word const badge = next_badge_++;
    auto capability = ipc::mint_session<P>(badge);
    if (!capability) {
        return fail(capability.error());
    }
    objects_[badge] = object;
    auto& space = space_of(object);
    ++(object.kind == Object::Kind::Session ? space.members : space.capabilities);
    return capability;
}

Result<Cap<proto::Namespace>> UtsServer::on(proto::Namespace::Create, ipc::Sender& sender, ipc::OptionalCap<proto::Namespace> user, std::uint32_t) {
    auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Create::number);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    if (namespaces_.size() >= maximum_namespaces) {
        return fail(Error::NoSpace);
    }
    Word const parent = object->space;
    Word const space = next_space_++;
    namespaces_[space] = {.names = namespaces_[parent].names, .parent = parent, .user = user.badge};
    auto capability = add<proto::Namespace>({Object::Kind::Namespace, space, every_operation});
    if (!capability) {
        namespaces_.erase(space);
    }
    return capability;
}

Result<proto::NamespaceIdentity> UtsServer::on(proto::Namespace::Identify, ipc::Sender& sender) {
    auto* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Identify::number);
    if (object == nullptr) {
        object = find(sender.badge, Object::Kind::Session);
    }
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    auto const& space = space_of(*object);
    return proto::NamespaceIdentity{proto::NamespaceKind::Uts, inode_of(object->space), space.parent != 0 ? inode_of(space.parent) : 0,
                                    space.user, space.members, space.capabilities};
}

Result<Cap<proto::Session>> UtsServer::on(proto::Namespace::Enter, ipc::Sender& sender) {
    auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Enter::number);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    return add<proto::Session>({Object::Kind::Session, object->space, every_operation});
}

Result<Cap<proto::Session>> UtsServer::on(proto::Namespace::ForkSession, ipc::Sender& sender) {
    auto const* object = find(sender.badge, Object::Kind::Session);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    return add<proto::Session>({Object::Kind::Session, object->space, every_operation});
}

Result<Cap<proto::Namespace>> UtsServer::on(proto::Namespace::Of, ipc::Sender& sender) {
    auto const* object = find(sender.badge, Object::Kind::Session);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    return add<proto::Namespace>({Object::Kind::Namespace, object->space, every_operation});
}

Result<Cap<proto::Namespace>> UtsServer::on(proto::Namespace::Attenuate, ipc::Sender& sender, std::uint32_t operations) {
    auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Attenuate::number);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    return add<proto::Namespace>({Object::Kind::Namespace, object->space, object->operations & operations});
}

Result<Unit> UtsServer::on(proto::Namespace::Destroy, ipc::Sender& sender) {
    auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Destroy::number);
    if (object == nullptr || sender.badge == first_namespace_badge) {
        return fail(Error::NotPermitted);
    }
    Word const space = object->space;
    for (auto entry = objects_.begin(); entry != objects_.end();) {
        if (entry->second.space == space) {
            ipc::forget(entry->first);
            entry = objects_.erase(entry);
        } else {
            ++entry;
        }
    }
    namespaces_.erase(space);
    return Unit{};
}

Result<Unit> UtsServer::on(proto::Uts::SetHostname, ipc::Sender& sender, proto::HostName const& name) {
    auto const* object = find(sender.badge, Object::Kind::Session);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    space_of(*object).names.host = name;
    return Unit{};
}

Result<proto::HostName> UtsServer::on(proto::Uts::Hostname, ipc::Sender& sender) {
    auto const* object = find(sender.badge, Object::Kind::Session);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    return space_of(*object).names.host;
}

Result<Unit> UtsServer::on(proto::Uts::SetDomainname, ipc::Sender& sender, proto::HostName const& name) {
    auto const* object = find(sender.badge, Object::Kind::Session);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    space_of(*object).names.domain = name;
    return Unit{};
}

Result<proto::HostName> UtsServer::on(proto::Uts::Domainname, ipc::Sender& sender) {
    auto const* object = find(sender.badge, Object::Kind::Session);
    if (object == nullptr) {
        return fail(Error::NotPermitted);
    }
    return space_of(*object).names.domain;
}

void UtsServer::on_no_senders(Word badge) {
    auto const found = objects_.find(badge);
    if (found == objects_.end()) {
        return;
    }
    auto const object = found->second;
    objects_.erase(found);
    auto& space = space_of(object);
    --(object.kind == Object::Kind::Session ? space.members : space.capabilities);
    drop_if_unreachable(object.space);
}

void UtsServer::drop_if_unreachable(Word space) {
    auto const& names = namespaces_[space];
    if (names.members == 0 && names.capabilities == 0) {
        namespaces_.erase(space);
    }
}

} // namespace uts
