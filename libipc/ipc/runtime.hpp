// What a server's message loop keeps between messages: its Reply objects and the sessions it minted. One per server.
#pragma once
#include "call.hpp"
#include "objects.hpp"

namespace ipc {

/// A call to be answered later. Plain data: store it, then ipc::reply, ipc::forward or ipc::discard it exactly once.
struct Pending {
    CapabilityPointer reply = 0; ///< Reply object, 0: none
    Word badge = 0;              ///< of the capability the caller used
    Word read_length = 0;        ///< bytes of the caller's readable buffer
    Word write_length = 0;       ///< bytes of its writable buffer
    constexpr explicit operator bool() const { return reply != 0; }
};

/// Badge -> slot of the watched capability minted for it. Open addressing; badges are never 0.
class SessionTable {
public:
    ~SessionTable() { delete[] entries_; }
    [[nodiscard]] CapabilityPointer find(Word badge) const;
    /// False if it is there already.
    bool insert(Word badge, CapabilityPointer slot);
    /// Its slot, or 0.
    CapabilityPointer remove(Word badge);
    [[nodiscard]] Word size() const { return size_; }

private:
    struct Entry {
        Word badge = 0; ///< 0: free
        CapabilityPointer slot = 0;
    };
    [[nodiscard]] static Word hash(Word badge) { return badge * 2654435761U >> 4; }
    void grow();
    Entry* entries_ = nullptr;
    Word capacity_ = 0;
    Word size_ = 0;
};

class Runtime {
public:
    /// An empty Reply object to receive with, or 0 if there is no memory for one.
    CapabilityPointer take_reply();
    /// Its caller has been answered.
    void give_reply(CapabilityPointer reply);
    [[nodiscard]] Word reply_objects() const { return reply_objects_; }

    SessionTable sessions;
    /// Where this server receives, its bound notification and its memory. Only root has them elsewhere than server_slot says.
    CapabilityPointer endpoint = server_slot::endpoint;
    CapabilityPointer notification = server_slot::notification;
    CapabilityPointer untyped = server_slot::untyped;
    /// Bits of the server's notification that mean: look at NextDead.
    Word no_senders_bits = 0;

private:
    static constexpr Word spare_limit = 256;
    CapabilityPointer spare_[spare_limit] = {};
    Word spare_count_ = 0;
    Word reply_objects_ = 0;
};

#ifdef CELLA_HOST_TEST
/// The runtime of the server that is running: the loopback switches.
Runtime& runtime();
#else
inline Runtime runtime_instance;
inline Runtime& runtime() { return runtime_instance; }
#endif

// --- sessions --------------------------------------------------------------------------------------------------------

/// Mints a watched capability with that badge (1..2^28-1) from the server's endpoint. The slot stays the server's: return it in a
/// reply, the caller gets a copy. When the last copy has gone, on_no_senders(badge) is called and the slot is free (if
/// bind_no_senders was called before).
/// Errors: Exists (badge in use), NoMemory (no slots).
Result<CapabilityPointer> mint_session_slot(Word badge);
template <class P>
Result<Cap<P>> mint_session(Word badge) {
    auto slot = mint_session_slot(badge);
    if (!slot) { return fail(slot.error()); }
    return Cap<P>{*slot};
}
/// The capability minted for that badge, slot 0 if none. While nobody holds a copy, it may be dead: sending it fails.
template <class P>
Cap<P> session(Word badge) {
    return Cap<P>{runtime().sessions.find(badge)};
}
/// Revokes every copy of that badge's capability and forgets it: nobody reaches the object any more. No on_no_senders follows.
void forget(Word badge);
/// From now on the end of minted sessions is told through this bit (0..27) of the server's own notification.
Result<void> bind_no_senders(Word bit);
/// A copy of the server's notification whose badge is 1 << bit, in a slot of its own: to give to whoever shall signal.
Result<Cap<Notification>> mint_notification(Word bit);

} // namespace ipc
