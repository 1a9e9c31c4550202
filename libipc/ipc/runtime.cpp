#include "runtime.hpp"
#include "dispatch.hpp"

namespace ipc {

// --- SessionTable ----------------------------------------------------------------------------------------------------

CapabilityPointer SessionTable::find(Word badge) const {
    if (capacity_ == 0) { return 0; }
    for (Word i = hash(badge) & (capacity_ - 1); entries_[i].badge != 0; i = (i + 1) & (capacity_ - 1)) {
        if (entries_[i].badge == badge) { return entries_[i].slot; }
    }
    return 0;
}

void SessionTable::grow() {
    Entry* const old = entries_;
    Word const old_capacity = capacity_;
    capacity_ = old_capacity == 0 ? 64 : old_capacity * 2;
    entries_ = new Entry[capacity_]{};
    size_ = 0;
    for (Word i = 0; i < old_capacity; ++i) {
        if (old[i].badge != 0) { insert(old[i].badge, old[i].slot); }
    }
    delete[] old;
}

bool SessionTable::insert(Word badge, CapabilityPointer slot) {
    if ((size_ + 1) * 2 > capacity_) { grow(); }
    Word i = hash(badge) & (capacity_ - 1);
    for (; entries_[i].badge != 0; i = (i + 1) & (capacity_ - 1)) {
        if (entries_[i].badge == badge) { return false; }
    }
    entries_[i] = {badge, slot};
    ++size_;
    return true;
}

CapabilityPointer SessionTable::remove(Word badge) {
    if (capacity_ == 0) { return 0; }
    Word const mask = capacity_ - 1;
    Word i = hash(badge) & mask;
    while (entries_[i].badge != badge) {
        if (entries_[i].badge == 0) { return 0; }
        i = (i + 1) & mask;
    }
    CapabilityPointer const slot = entries_[i].slot;
    // Close the gap, so that no probe ends too early.
    for (Word next = (i + 1) & mask; entries_[next].badge != 0; next = (next + 1) & mask) {
        Word const home = hash(entries_[next].badge) & mask;
        if (((next - home) & mask) >= ((next - i) & mask)) {
            entries_[i] = entries_[next];
            i = next;
        }
    }
    entries_[i] = {};
    --size_;
    return slot;
}

// --- Runtime ---------------------------------------------------------------------------------------------------------

CapabilityPointer Runtime::take_reply() {
    if (spare_count_ != 0) { return spare_[--spare_count_]; }
    auto const made = make_object(abi::ObjectType::Reply, 0, object::Untyped{untyped});
    if (!made) { return 0; }
    ++reply_objects_;
    return *made;
}

void Runtime::give_reply(CapabilityPointer reply) {
    if (spare_count_ < spare_limit) {
        spare_[spare_count_++] = reply;
        return;
    }
    release_slot(reply);
    --reply_objects_;
}

void send_reply(Pending const& pending, abi::MessageInfo info) {
    abi::IpcBuffer const& mine = buffer();
    SystemCall call;
    call.info = info.with(abi::Syscall::Send);
    call.target = pending.reply;
    call.word0 = info.length() > 0 ? mine.message[0] : 0;
    call.word1 = info.length() > 1 ? mine.message[1] : 0;
    sys_call(call); // an error means that nobody waited any more
    runtime().give_reply(pending.reply);
}

// --- sessions --------------------------------------------------------------------------------------------------------

Result<CapabilityPointer> mint_session_slot(Word badge) {
    SessionTable& sessions = runtime().sessions;
    if (sessions.find(badge) != 0) { return fail(Error::Exists); }
    CapabilityPointer const slot = slots().take();
    if (slot == 0) { return fail(Error::NoMemory); }
    // Not read: whoever holds a session may call, never receive.
    constexpr Word rights = abi::right::write | abi::right::grant | abi::right::grant_reply;
    Word const flags = runtime().no_senders_bits != 0 ? abi::mint_flag::watched : 0; // watching needs bind_no_senders
    if (auto minted = own_cnode().mint(slot, own_cnode(), runtime().endpoint, rights, badge, flags); !minted) {
        slots().give(slot);
        return fail(minted.error());
    }
    sessions.insert(badge, slot);
    return slot;
}

void forget(Word badge) {
    CapabilityPointer const slot = runtime().sessions.remove(badge);
    if (slot != 0) {
        (void)own_cnode().revoke(slot);
        release_slot(slot);
    }
}

Result<Cap<Notification>> mint_notification(Word bit) {
    CapabilityPointer const slot = slots().take();
    if (slot == 0) { return fail(Error::NoMemory); }
    if (auto minted = own_cnode().mint(slot, own_cnode(), runtime().notification, abi::right::write, Word{1} << bit);
        !minted) {
        slots().give(slot);
        return fail(minted.error());
    }
    return Cap<Notification>{slot};
}

Result<void> bind_no_senders(Word bit) {
    auto const notification = mint_notification(bit);
    if (!notification) { return fail(notification.error()); }
    if (auto bound = own_cnode().bind_no_senders(runtime().endpoint, notification->slot); !bound) {
        release_slot(notification->slot);
        return bound;
    }
    runtime().no_senders_bits |= Word{1} << bit;
    return {};
}

} // namespace ipc
