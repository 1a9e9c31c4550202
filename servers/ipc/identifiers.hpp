// What the three kinds of System V objects have in common (sysvipc(7)): ids, keys, permissions, who asks, what it may cost.
#pragma once
#include "ipc/error.hpp"
#include "proto/system_v.hpp"
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace sysv {

using ipc::Error;
using ipc::fail;
using ipc::Result;

/// Flags of the get calls and commands, as Linux numbers them.
inline constexpr std::uint32_t create_flag = 01000, exclusive_flag = 02000, no_wait_flag = 04000;
inline constexpr std::int32_t private_key = 0;

/// Who asks: what proc vouched for, with global ids.
struct Caller {
    std::uint32_t user = 0, group = 0;
    std::vector<std::uint32_t> groups;
    std::uint64_t capabilities = 0; ///< over the user namespace that owns the IPC namespace
    std::int32_t process = 0;
    [[nodiscard]] bool capable(unsigned capability) const { return (capabilities >> capability & 1) != 0; }
    [[nodiscard]] bool in_group(std::uint32_t wanted) const;
};
namespace capability {
inline constexpr unsigned ipc_lock = 14, ipc_owner = 15, sys_admin = 21, sys_resource = 24;
}

struct Permissions {
    std::int32_t key = 0;
    std::uint32_t user = 0, group = 0, creator = 0, creator_group = 0, mode = 0, sequence = 0;

    [[nodiscard]] static Permissions of(Caller const& caller, std::int32_t key, std::uint32_t flags) {
        return {key, caller.user, caller.group, caller.user, caller.group, flags & 0777, 0};
    }
    /// `wanted` as the last digits of a mode: 4 read, 2 write. Access.
    [[nodiscard]] bool allow(Caller const& caller, std::uint32_t wanted) const;
    /// IPC_SET, IPC_RMID. NotPermitted.
    [[nodiscard]] bool owned_by(Caller const& caller) const {
        return caller.user == user || caller.user == creator || caller.capable(capability::sys_admin);
    }
};

/// Bytes that objects of a namespace take, in all the namespaces above it too: one that is made inside another spends of the outer one's.
class Budget {
public:
    explicit Budget(std::uint64_t limit, std::shared_ptr<Budget> outer = {})
        : limit_{limit}, outer_{std::move(outer)} {}
    bool take(std::uint64_t bytes) {
        if (bytes > limit_ - used_ || (outer_ != nullptr && !outer_->take(bytes))) { return false; }
        used_ += bytes;
        return true;
    }
    void give(std::uint64_t bytes) {
        used_ -= bytes;
        if (outer_ != nullptr) { outer_->give(bytes); }
    }
    [[nodiscard]] std::uint64_t used() const { return used_; }

private:
    std::uint64_t limit_, used_ = 0;
    std::shared_ptr<Budget> outer_;
};

/// The objects of one kind in one namespace, by id and by key. T has a `permissions`.
///
/// An id is index + sequence * 32768. Indices go round among the lowest (64, or half as many again as are in use), and the sequence goes on with each round:
/// an id that was removed names nothing for a long time.
template <class T>
class Identifiers {
public:
    static constexpr std::uint32_t sequence_shift = 15, maximum = 1 << sequence_shift;

    [[nodiscard]] std::size_t size() const { return objects_.size(); }
    [[nodiscard]] std::int32_t highest() const {
        return objects_.empty() ? -1 : static_cast<std::int32_t>(objects_.rbegin()->first);
    }
    /// By the id that a get call returned. Null: EINVAL.
    T* find(std::int32_t id) {
        if (id < 0) { return nullptr; }
        auto const found = objects_.find(static_cast<std::uint32_t>(id) % maximum);
        return found == objects_.end() || id_of(found->second) != id ? nullptr : &found->second.object;
    }
    /// By index (*_STAT).
    T* at(std::int32_t index) {
        auto const found = index < 0 ? objects_.end() : objects_.find(static_cast<std::uint32_t>(index));
        return found == objects_.end() ? nullptr : &found->second.object;
    }
    T* find_key(std::int32_t key) {
        auto const found = keys_.find(key);
        return found == keys_.end() ? nullptr : at(static_cast<std::int32_t>(found->second));
    }
    /// The object becomes this id's. There must be fewer than `maximum`.
    std::int32_t add(T object) {
        auto const range = std::min<std::uint32_t>(
            maximum, std::max<std::uint32_t>(64, static_cast<std::uint32_t>(objects_.size()) * 3 / 2 + 1));
        std::uint32_t index = next_ < range ? next_ : 0;
        while (objects_.contains(index)) { index = index + 1 < range ? index + 1 : 0; }
        if (made_any_ && index <= last_) { sequence_ = (sequence_ + 1) % (1U << 16); }
        last_ = index;
        made_any_ = true;
        next_ = index + 1;
        object.permissions.sequence = sequence_;
        auto const& stored = objects_.emplace(index, Entry{std::move(object), index}).first->second;
        if (stored.object.permissions.key != private_key) { keys_[stored.object.permissions.key] = index; }
        return id_of(stored);
    }
    void remove(std::int32_t id) {
        auto const found = objects_.find(static_cast<std::uint32_t>(id) % maximum);
        hide_key(found->second.object);
        objects_.erase(found);
    }
    /// From now on its key names nothing (a segment that was removed while attached); it is private.
    void hide_key(T& object) {
        if (object.permissions.key != private_key) { keys_.erase(object.permissions.key); }
        object.permissions.key = private_key;
    }
    /// visit(id, object), in the order of their indices.
    template <class Visitor>
    void each(Visitor visit) {
        for (auto& [index, entry] : objects_) { visit(id_of(entry), entry.object); }
    }
    /// The key must name an object.
    [[nodiscard]] std::int32_t id_of_key(std::int32_t key) const { return id_of(objects_.at(keys_.at(key))); }
    [[nodiscard]] std::int32_t id_at(std::int32_t index) const {
        return id_of(objects_.at(static_cast<std::uint32_t>(index)));
    }

private:
    struct Entry {
        T object;
        std::uint32_t index;
    };
    static std::int32_t id_of(Entry const& entry) {
        return static_cast<std::int32_t>((entry.object.permissions.sequence << sequence_shift | entry.index) &
                                         0x7fffffff);
    }
    std::map<std::uint32_t, Entry> objects_;
    std::unordered_map<std::int32_t, std::uint32_t> keys_;
    std::uint32_t next_ = 0, last_ = 0, sequence_ = 0;
    bool made_any_ = false;
};

/// The rules of shmget, semget and msgget alike. make() checks and makes a new object; check(object) says whether the existing one will do.
template <class T, class Check, class Make>
Result<std::int32_t> get(Identifiers<T>& objects, Caller const& caller, std::int32_t key, std::uint32_t flags,
                         Check check, Make make) {
    if (key == private_key) { return make(); }
    T* const found = objects.find_key(key);
    if (found == nullptr) {
        if ((flags & create_flag) == 0) { return fail(Error::NoEntry); }
        return make();
    }
    if ((flags & create_flag) != 0 && (flags & exclusive_flag) != 0) { return fail(Error::Exists); }
    if (auto const good = check(*found); good != Error::None) { return fail(good); }
    std::uint32_t const wanted = (flags >> 6 | flags >> 3 | flags) & 7;
    if (!found->permissions.allow(caller, wanted)) { return fail(Error::Access); }
    return objects.id_of_key(key);
}

/// The object that a *ctl command with an id or an index means, which the caller may see. Invalid, Access.
template <class T>
Result<T*> look(Identifiers<T>& objects, Caller const& caller, std::int32_t id, std::uint32_t command) {
    using V = proto::SystemV;
    bool const by_index = command == V::status_by_index || command == V::any_status_by_index;
    T* const object = by_index ? objects.at(id) : objects.find(id);
    if (object == nullptr) { return fail(Error::Invalid); }
    if (command != V::any_status_by_index && !object->permissions.allow(caller, 4)) { return fail(Error::Access); }
    return object;
}

} // namespace sysv
