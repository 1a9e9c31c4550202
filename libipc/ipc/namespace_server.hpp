// What every owner of a kind of namespace does alike: protocol Namespace, badges of namespaces and sessions, their ends.
//
// A server derives from NamespaceServer<State, its kind> and adds the operations on its State:
//
//     class UtsServer : public ipc::NamespaceServer<Names, proto::NamespaceKind::Uts> { ... };
//
//  - A *namespace* and each *session* in it are badges of the server's endpoint, looked up in `objects_`: the kernel vouches for a
//    badge, nothing in a message is believed.
//  - A namespace lives as long as a capability for it or a session in it does: when the last copy of a badged capability goes,
//    on_no_senders(badge) says so.
//  - A handler checks everything first and changes something last, so that a refusal has no effect.
#pragma once
#include "proto/namespace.hpp"
#include "server.hpp"
#include "unused.hpp"
#include <unordered_map>

namespace ipc {

inline constexpr Word first_namespace_badge = 1; ///< the first namespace: minted by root, given out by the manifest
inline constexpr Word first_dynamic_badge = 16;

template <class State, proto::NamespaceKind owned_kind>
class NamespaceServer {
public:
    static constexpr std::size_t maximum_namespaces = 1024;

    explicit NamespaceServer(State first) {
        Word const space = next_space_++;
        // Root holds this one for ever: it is not watched.
        spaces_[space] = {std::move(first), 0, 0, 0, 1};
        objects_[first_namespace_badge] = {Object::Kind::Namespace, space, every_operation};
    }

    // On a namespace. Errors: NotPermitted (no namespace, or attenuated), NoSpace (too many).
    Result<Cap<proto::Namespace>> on(proto::Namespace::Create, Sender& sender, OptionalCap<proto::Namespace> user,
                                     std::uint32_t) {
        release_unused(user); // a user namespace is another server's: only its badge, if it were ours, says anything
        auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Create::number);
        if (object == nullptr) { return fail(Error::NotPermitted); }
        if (spaces_.size() >= maximum_namespaces) { return fail(Error::NoSpace); }
        Word const parent = object->space;
        Word const space = next_space_++;
        spaces_[space] = {inherit(spaces_[parent].state), parent, user.badge, 0, 0};
        auto capability = add<proto::Namespace>({Object::Kind::Namespace, space, every_operation});
        if (!capability) { spaces_.erase(space); }
        return capability;
    }
    Result<Cap<proto::Session>> on(proto::Namespace::Enter, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Enter::number);
        if (object == nullptr) { return fail(Error::NotPermitted); }
        return add<proto::Session>({Object::Kind::Session, object->space, every_operation});
    }
    Result<Cap<proto::Namespace>> on(proto::Namespace::Attenuate, Sender& sender, std::uint32_t operations) {
        auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Attenuate::number);
        if (object == nullptr) { return fail(Error::NotPermitted); }
        return add<proto::Namespace>({Object::Kind::Namespace, object->space, object->operations & operations});
    }
    /// Ends it for everybody: its sessions' capabilities are revoked. The first namespace cannot be destroyed.
    Result<Unit> on(proto::Namespace::Destroy, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Destroy::number);
        if (object == nullptr || object->space == 1) { return fail(Error::NotPermitted); }
        Word const space = object->space;
        std::erase_if(objects_, [&](auto const& entry) {
            bool const gone = entry.second.space == space;
            if (gone) { forget(entry.first); }
            return gone;
        });
        spaces_.erase(space);
        return Unit{};
    }

    // On a session.
    Result<Cap<proto::Session>> on(proto::Namespace::ForkSession, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Session);
        if (object == nullptr) { return fail(Error::NotPermitted); }
        return add<proto::Session>({Object::Kind::Session, object->space, every_operation});
    }
    Result<Cap<proto::Namespace>> on(proto::Namespace::Of, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Session);
        if (object == nullptr) { return fail(Error::NotPermitted); }
        return add<proto::Namespace>({Object::Kind::Namespace, object->space, every_operation});
    }

    // On either.
    Result<proto::NamespaceIdentity> on(proto::Namespace::Identify, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Namespace, proto::Namespace::Identify::number);
        if (object == nullptr) { object = find(sender.badge, Object::Kind::Session); }
        if (object == nullptr) { return fail(Error::NotPermitted); }
        auto const& space = spaces_[object->space];
        return proto::NamespaceIdentity{
            owned_kind, inode_of(object->space), space.parent != 0 ? inode_of(space.parent) : 0,
            space.user, space.members,           space.capabilities};
    }

    void on_no_senders(Word badge) {
        auto const found = objects_.find(badge);
        if (found == objects_.end()) { return; }
        auto const object = found->second;
        objects_.erase(found);
        auto& space = spaces_[object.space];
        --(object.kind == Object::Kind::Session ? space.members : space.capabilities);
        if (space.members == 0 && space.capabilities == 0) { spaces_.erase(object.space); }
    }

    [[nodiscard]] std::size_t namespace_count() const { return spaces_.size(); }

protected:
    ~NamespaceServer() = default;
    /// State of the namespace that the session `badge` is in; null if it is no session.
    State* state_of(Word badge) {
        auto const* object = find(badge, Object::Kind::Session);
        return object == nullptr ? nullptr : &spaces_[object->space].state;
    }

private:
    static constexpr Word every_operation = ~Word{0};
    struct Space {
        State state;
        Word parent = 0, user = 0;
        Word members = 0;      ///< sessions
        Word capabilities = 0; ///< badges for the namespace itself
    };
    struct Object {
        enum class Kind : std::uint8_t { Namespace, Session } kind;
        Word space;      ///< key of spaces_
        Word operations; ///< Namespace: bit n, operation n is allowed
    };

    /// Numbers as Linux's: large, unlike any file's; the kind in the upper bits keeps kinds apart.
    static constexpr Word inode_of(Word space) { return 0xE0000000 | static_cast<Word>(owned_kind) << 20 | space; }

    /// The object behind the badge if it is of that kind and may be asked that operation; null otherwise.
    Object* find(Word badge, typename Object::Kind object_kind, Word operation = 0) {
        auto const found = objects_.find(badge);
        if (found == objects_.end() || found->second.kind != object_kind ||
            (found->second.operations >> operation & 1) == 0) {
            return nullptr;
        }
        return &found->second;
    }
    template <class P>
    Result<Cap<P>> add(Object object) {
        while (objects_.contains(next_badge_) || next_badge_ < first_dynamic_badge) {
            next_badge_ = (next_badge_ + 1) & ((Word{1} << abi::badge_bits) - 1);
        }
        Word const badge = next_badge_++;
        auto capability = mint_session<P>(badge);
        if (!capability) { return fail(capability.error()); }
        objects_[badge] = object;
        auto& space = spaces_[object.space];
        ++(object.kind == Object::Kind::Session ? space.members : space.capabilities);
        return capability;
    }

    std::unordered_map<Word, Space> spaces_;
    std::unordered_map<Word, Object> objects_;
    Word next_badge_ = first_dynamic_badge, next_space_ = 1;
};

} // namespace ipc
