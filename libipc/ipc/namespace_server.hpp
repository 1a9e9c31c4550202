// What every owner of a kind of namespace does alike: protocol Namespace, badges of namespaces and sessions, their ends.
//
// A server derives from NamespaceServer<State, its kind> and adds the operations on its State:
//
//     class UtsServer : public ipc::NamespaceServer<Names, proto::NamespaceKind::Uts> { ... };
//
//  - `State inherit(State const& parent)`, or with the quota as second argument, makes the state of a new namespace.
//  - A *namespace* and each *session* in it are badges of the server's endpoint, looked up in `objects_`: the kernel vouches for a
//    badge, nothing in a message is believed.
//  - A namespace lives as long as a capability for it or a session in it does: when the last copy of a badged capability goes,
//    on_no_senders(badge) says so. A server with badges of its own takes them from new_badge() and passes others on to the base.
//  - A handler checks everything first and changes something last, so that a refusal has no effect.
//  - What it costs does not depend on how many namespaces there are.
#pragma once
#include "file_defaults.hpp"
#include "proto/namespace.hpp"
#include "server.hpp"
#include <map>
#include <string>
#include <unordered_map>

namespace ipc {

inline constexpr Word first_namespace_badge = 1; ///< the first namespace: minted by root, given out by the manifest
inline constexpr Word first_dynamic_badge = 16;
/// From here on badges are never a namespace's or session's: the server may give them to what else it has.
inline constexpr Word reserved_badge = Word{1} << (abi::badge_bits - 1);

template <class State, proto::NamespaceKind owned_kind>
class NamespaceServer : public FileDefaults {
public:
    using FileDefaults::on;
    using Protocol = proto::Namespace;
    static constexpr std::size_t default_limit = 1024;

    /// `name`: as the manifest provides it, needed for kinds that Linux does not have.
    explicit NamespaceServer(State first, std::string_view name = proto::namespace_name(owned_kind)) : name_{name} {
        // Root holds this one for ever: it is not watched.
        auto& space =
            add_space(first_inode, std::move(first), 0, proto::first_namespace_inode(proto::NamespaceKind::User));
        space.pins = 1;
        objects_[first_namespace_badge] = {Object::Kind::Namespace, &space, Protocol::every_operation};
    }
    /// Which instance of the server this is (ServerInfo::generation), before the first message. The badges of each are its own: a session or a
    /// namespace of one that has died is nothing here, and InvalidCapability says so.
    void set_generation(Word generation) {
        generation_ = generation << generation_shift & (reserved_badge - 1);
        next_badge_ = generation_ + first_dynamic_badge - 1;
    }
    /// How many namespaces there may be, the first included: one more is NoSpace.
    void set_limit(std::size_t limit) { limit_ = limit; }

    // On a namespace. Errors: NotPermitted (no namespace, or attenuated), NoSpace (too many), NoMemory.
    Result<Cap<Protocol>> on(Protocol::Create, Sender& sender, OptionalCap<Protocol> user, std::uint32_t user_inode,
                             std::uint32_t quota) {
        auto const* object = find_namespace(sender.badge, Protocol::Create::number);
        auto const refused = object == nullptr          ? Error::NotPermitted
                             : spaces_.size() >= limit_ ? Error::NoSpace
                                                        : Error::None;
        if (refused != Error::None) {
            release_unused(user);
            return fail(refused);
        }
        auto& parent = *object->space;
        auto& space = add_space(next_inode(), make_state(parent.state, quota), parent.inode,
                                user_inode != 0 ? user_inode : parent.user);
        space.user_pin = Owned<Protocol>{Cap<Protocol>{user.slot}};
        auto capability = add<Protocol>({Object::Kind::Namespace, &space, Protocol::every_operation});
        if (!capability) { spaces_.erase(space.inode); }
        return capability;
    }
    Result<Cap<proto::Session>> on(Protocol::Enter, Sender& sender, std::uint64_t operations) {
        auto const* object = find_namespace(sender.badge, Protocol::Enter::number);
        if (object == nullptr) { return fail(unknown(sender.badge)); }
        return add<proto::Session>({Object::Kind::Session, object->space, operations});
    }
    Result<Cap<Protocol>> on(Protocol::Attenuate, Sender& sender, std::uint64_t operations) {
        auto const* object = find_namespace(sender.badge, Protocol::Attenuate::number);
        if (object == nullptr) { return fail(Error::NotPermitted); }
        return add<Protocol>({Object::Kind::Namespace, object->space, object->operations & operations});
    }
    /// Ends it for everybody: its sessions' capabilities are revoked. The first namespace cannot be destroyed.
    Result<Unit> on(Protocol::Destroy, Sender& sender) {
        auto const* object = find_namespace(sender.badge, Protocol::Destroy::number);
        if (object == nullptr || object->space->inode == first_inode) { return fail(Error::NotPermitted); }
        Space* const space = object->space;
        for (auto entry = objects_.begin(); entry != objects_.end();) {
            bool const gone = entry->second.space == space;
            if (gone) {
                if (entry->second.kind == Object::Kind::Session) { session_ended(entry->first, space->state); }
                forget(entry->first);
            }
            entry = gone ? objects_.erase(entry) : std::next(entry);
        }
        end(*space);
        return Unit{};
    }
    Result<Unit> on(Protocol::Vouch, Sender& sender, OptionalCap<proto::Session> session,
                    proto::SessionCredentials const& credentials) {
        release_unused(session);
        auto const* object = find_namespace(sender.badge, Protocol::Vouch::number);
        auto const* of = session.unwrapped ? find(session.badge, Object::Kind::Session) : nullptr;
        if (object == nullptr || of == nullptr ||
            (sender.badge != first_namespace_badge && of->space != object->space)) {
            return fail(Error::NotPermitted);
        }
        vouched(session.badge, of->space->state, credentials);
        return Unit{};
    }
    Result<Unit> on(Protocol::SetUserMap, Sender& sender, std::uint32_t, std::uint32_t, std::uint32_t, ReadBuffer) {
        if (sender.badge != first_namespace_badge) { return fail(Error::NotPermitted); }
        return Unit{};
    }
    Result<proto::NamespaceIdentity> on(Protocol::List, Sender& sender, std::uint32_t after) {
        if (sender.badge != first_namespace_badge) { return fail(Error::NotPermitted); }
        auto const next = spaces_.upper_bound(after);
        if (next == spaces_.end()) { return fail(Error::NoData); }
        return identity(next->second);
    }

    Result<Unit> on(Protocol::SetLimit, Sender& sender, std::uint32_t maximum) {
        if (sender.badge != first_namespace_badge) { return fail(Error::NotPermitted); }
        limit_ = maximum;
        return Unit{};
    }
    Result<Cap<Protocol>> on(Protocol::Recover, Sender& sender, OptionalCap<Protocol> attenuated) {
        release_unused(attenuated);
        auto const* object = attenuated.unwrapped ? find(attenuated.badge, Object::Kind::Namespace) : nullptr;
        if (sender.badge != first_namespace_badge || object == nullptr) { return fail(Error::NotPermitted); }
        return add<Protocol>({Object::Kind::Namespace, object->space, Protocol::every_operation});
    }

    // On a session that allows everything: proc's or the container manager's own.
    Result<Cap<proto::Session>> on(Protocol::ForkSession, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Session);
        if (object == nullptr || object->operations != Protocol::every_operation) { return fail(Error::NotPermitted); }
        return add<proto::Session>({Object::Kind::Session, object->space, object->operations});
    }
    Result<Cap<Protocol>> on(Protocol::Of, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Session);
        if (object == nullptr || object->operations != Protocol::every_operation) { return fail(Error::NotPermitted); }
        return add<Protocol>({Object::Kind::Namespace, object->space, Protocol::every_operation});
    }

    // On either.
    Result<proto::NamespaceIdentity> on(Protocol::Identify, Sender& sender) {
        auto const* object = find_namespace(sender.badge, Protocol::Identify::number);
        if (object == nullptr) { object = find(sender.badge, Object::Kind::Session); }
        if (object == nullptr) { return fail(unknown(sender.badge)); }
        return identity(*object->space);
    }

    // --- File: what /proc/PID/ns/KIND opens to ---
    Result<proto::FileStatus> on(File::Stat, Sender& sender) {
        auto const* object = find(sender.badge, Object::Kind::Namespace);
        if (object == nullptr) { return fail(Error::BadDescriptor); }
        proto::FileStatus status{};
        status.inode = object->space->inode;
        status.device_minor = nsfs_device_minor;
        status.mode = regular_file | 0444;
        status.links = 1;
        status.block_size = 4096;
        return status;
    }
    Result<std::uint32_t> on(File::Name, Sender& sender, WriteBuffer) {
        auto const* object = find(sender.badge, Object::Kind::Namespace);
        if (object == nullptr) { return fail(Error::BadDescriptor); }
        return give_name(sender, std::string{name_} + ":[" + std::to_string(object->space->inode) + "]");
    }
    /// NS_GET_NSTYPE. What needs to know processes and user namespaces (NS_GET_PARENT, ...) is proc's to answer.
    Result<std::uint32_t> on(File::Ioctl, Sender& sender, std::uint32_t request, std::uint32_t, ReadBuffer,
                             WriteBuffer) {
        constexpr std::uint32_t get_type = 0xb703;
        if (find(sender.badge, Object::Kind::Namespace) == nullptr) { return fail(Error::BadDescriptor); }
        if (request != get_type) { return fail(Error::NotTerminal); }
        return proto::namespace_flag(owned_kind);
    }
    Result<std::tuple<Cap<File>, std::uint32_t>> on(File::Reopen, Sender& sender, std::uint32_t) {
        auto const* object = find(sender.badge, Object::Kind::Namespace);
        if (object == nullptr) { return fail(Error::BadDescriptor); }
        auto capability = add<File>({Object::Kind::Namespace, object->space, object->operations});
        if (!capability) { return fail(capability.error()); }
        return std::tuple{*capability, static_cast<std::uint32_t>(proto::FileKind::Namespace)};
    }
    Result<std::array<std::uint64_t, 8>> on(File::StatFileSystem, Sender& sender) {
        constexpr std::uint64_t nsfs_magic = 0x6e736673;
        if (find(sender.badge, Object::Kind::Namespace) == nullptr) { return fail(Error::BadDescriptor); }
        return std::array<std::uint64_t, 8>{nsfs_magic, 4096, 0, 0, 0, 0, 255, 0x20};
    }

    void on_no_senders(Word badge) {
        auto const found = objects_.find(badge);
        if (found == objects_.end()) { return; }
        auto const object = found->second;
        objects_.erase(found);
        if (object.kind == Object::Kind::Session) { session_ended(badge, object.space->state); }
        --(object.kind == Object::Kind::Session ? object.space->members : object.space->pins);
        if (object.space->members == 0 && object.space->pins == 0) { end(*object.space); }
    }

    virtual ~NamespaceServer() = default;
    [[nodiscard]] std::size_t namespace_count() const { return spaces_.size(); }
    [[nodiscard]] std::size_t object_count() const { return objects_.size(); }

protected:
    // For servers that have more per session or namespace than State.
    virtual void vouched(Word, State&, proto::SessionCredentials const&) {}
    virtual void session_ended(Word, State&) {}
    virtual void namespace_ended(State&) {}

    /// State of the namespace that the session `badge` is in; null if it is no session, or does not allow that operation of the kind's own protocol.
    State* state_of(Word badge, Word operation = 0) {
        auto const* object = find(badge, Object::Kind::Session);
        return object == nullptr || (object->operations >> operation & 1) == 0 ? nullptr : &object->space->state;
    }
    /// State of the namespace behind a capability for the namespace itself, with that capability's own File offset: for File::Read
    /// and, with `write`, File::Write where the capability allows it.
    struct Opened {
        State& state;
        std::uint64_t& offset;
    };
    Result<Opened> opened(Word badge, bool write) {
        auto* object = find(badge, Object::Kind::Namespace);
        if (object == nullptr) { return fail(Error::BadDescriptor); }
        if (write && (object->operations & Protocol::write_operation) == 0) { return fail(Error::BadDescriptor); }
        return Opened{object->space->state, object->offset};
    }
    /// Not in use by the base or by `taken`.
    template <class Taken>
    Word new_badge(Taken taken) {
        constexpr Word mask = (Word{1} << generation_shift) - 1;
        do {
            next_badge_ = ((next_badge_ + 1) & mask) | generation_;
        } while ((next_badge_ & mask) < first_dynamic_badge || objects_.contains(next_badge_) || taken(next_badge_));
        return next_badge_;
    }

    /// What to answer one whose badge says nothing here.
    [[nodiscard]] Error unknown(Word badge) const {
        bool const here = (badge & (reserved_badge - 1)) >> generation_shift << generation_shift == generation_;
        return here || badge < first_dynamic_badge ? Error::NotPermitted : from_kernel(abi::Error::InvalidCapability);
    }

private:
    static constexpr unsigned generation_shift = 24; // root starts a server a few times, and no more
    static constexpr std::uint32_t regular_file = 0100000, nsfs_device_minor = 4;
    static constexpr std::uint32_t first_inode = proto::first_namespace_inode(owned_kind);
    struct Space {
        State state;
        std::uint32_t inode, parent, user;
        Owned<Protocol> user_pin;
        Word members = 0; ///< sessions
        Word pins = 0;    ///< badges for the namespace itself
    };
    struct Object {
        enum class Kind : std::uint8_t { Namespace, Session } kind;
        Space* space;
        std::uint64_t
            operations; ///< bit n: operation n is allowed, of Namespace or, for a session, of the kind's own protocol
        std::uint64_t offset = 0; ///< Namespace: of File::Read
    };

    static State make_state(State const& parent, std::uint32_t quota) {
        if constexpr (requires { inherit(parent, quota); }) {
            return inherit(parent, quota);
        } else {
            return inherit(parent);
        }
    }
    Space& add_space(std::uint32_t inode, State state, std::uint32_t parent, std::uint32_t user) {
        return spaces_.try_emplace(inode, Space{std::move(state), inode, parent, user, {}}).first->second;
    }
    void end(Space& space) {
        namespace_ended(space.state);
        spaces_.erase(space.inode);
    }
    std::uint32_t next_inode() {
        do {
            serial_ = serial_ % ((1U << proto::namespace_serial_bits) - 1) + 1;
        } while (spaces_.contains(proto::namespace_inode(owned_kind, serial_)));
        return proto::namespace_inode(owned_kind, serial_);
    }
    static proto::NamespaceIdentity identity(Space const& space) {
        return {owned_kind, space.inode, space.parent, space.user, space.members, space.pins};
    }

    Object* find(Word badge, typename Object::Kind object_kind) {
        auto const found = objects_.find(badge);
        return found == objects_.end() || found->second.kind != object_kind ? nullptr : &found->second;
    }
    /// The namespace behind the badge if it may be asked that operation; null otherwise.
    Object* find_namespace(Word badge, Word operation) {
        auto* const object = find(badge, Object::Kind::Namespace);
        return object == nullptr || (object->operations >> operation & 1) == 0 ? nullptr : object;
    }
    template <class P>
    Result<Cap<P>> add(Object object) {
        Word const badge = new_badge([](Word candidate) { return session<P>(candidate).slot != 0; });
        auto capability = mint_session<P>(badge);
        if (!capability) { return fail(capability.error()); }
        objects_[badge] = object;
        ++(object.kind == Object::Kind::Session ? object.space->members : object.space->pins);
        return capability;
    }

    std::string_view const name_;
    std::size_t limit_ = default_limit;
    std::map<std::uint32_t, Space> spaces_; ///< by inode number
    std::unordered_map<Word, Object> objects_;
    Word generation_ = 0; ///< shifted
    Word next_badge_ = first_dynamic_badge - 1;
    std::uint32_t serial_ = 0;
};

} // namespace ipc
