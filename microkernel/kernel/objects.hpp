// Layout of the kernel objects. All are made by Untyped.Retype in zeroed memory, so zero is every field's first value.
#pragma once
#include "slot.hpp"

namespace kernel {

using abi::ThreadState;

/// Head of a queue of threads linked by queue_next/queue_previous.
struct ThreadQueue {
    Thread* first;
    Thread* last; ///< stale while `first` is null
    [[nodiscard]] bool is_empty() const { return first == nullptr; }
    inline void push_back(Thread& thread);
    inline void push_front(Thread& thread);
    inline void remove(Thread& thread);
};

/// Bits of Context::hazards: what keeps a thread from the fast paths. The architecture has its own from `first_of_machine` on.
namespace hazard {
inline constexpr Word no_reply = 1;   ///< BlockedOnReceive without a Reply object
inline constexpr Word signal = 2;     ///< its bound notification has a signal for it
inline constexpr Word buffers = 4;    ///< its call declares buffers
inline constexpr Word fault = 8;      ///< as PendingMessage::is_fault: it waits for the answer to a fault
inline constexpr Word no_buffer = 16; ///< no IPC buffer
inline constexpr Word first_of_machine = 256;
} // namespace hazard

/// What a thread that waits on an endpoint asks for, and what the message is.
struct PendingMessage {
    Word badge;
    bool is_call;         ///< wants a reply
    bool is_fault;        ///< the message is in Thread::fault
    bool can_grant;       ///< extra capabilities may be attached
    bool can_grant_reply; ///< ... to the reply
};

/// A buffer that a caller declared for bulk transfer.
struct CallerBuffer {
    Address address;
    Word length;
};

struct Thread {
    arch::Context context; ///< first: entry code saves into it

    // What the fast paths touch; an architecture may know these offsets.
    ThreadState state;
    std::uint8_t priority;
    bool queued;           ///< in a ready queue
    bool restart;          ///< the system call was preempted: done again before user mode is reached
    bool stopped_by_fault; ///< Inactive because a fault had no handler
    Thread* queue_next;    ///< ready queue, or queue of what it waits on
    Thread* queue_previous;
    void* waiting_on; ///< Endpoint or Notification while blocked on it, else stale
    Reply* reply;     ///< BlockedOnReply: who holds it; BlockedOnReceive: the one to be used, or null; else stale
    SchedContext* own_context;
    SchedContext* time; ///< what it runs on: the borrowed context if there is one, else its own
    Slot* cspace_slots; ///< copy of what cspace_root says if its guard is zero and leaves nothing unresolved
    Word cspace_size;   ///< ... else 0 (see update_cspace)
    Word call_rights;   ///< BlockedOnReply: badge and rights (Capability::word1) of what it called
    Word called;        ///< BlockedOnReply: address of the endpoint it called; only compared, for the wait graph
    /// Where cspace_root is the first of two levels: its slot 0, while the CNode in there was seen to resolve the rest of a pointer
    /// (cspace_slots: that one's). Null: otherwise. Holds as long as the slot says what it said: leaf() compares.
    Slot* leaf_slot;
    Word leaf_size;  ///< slots of that CNode, 0: none
    Word leaf_word1; ///< of its capability

    /// Slots of the thread, deleted with it. `zombie` is free until then.
    /// `replaced` holds what another was put in place of, until it is deleted.
    Slot cspace_root, address_space, ipc_buffer_frame, fault_handler, replaced, zombie;
    static constexpr Word slot_count = 5;
    [[nodiscard]] Slot* slots() { return &cspace_root; }

    PendingMessage message; ///< while BlockedOnSend; is_fault and can_grant_reply also while BlockedOnReply
    CallerBuffer read_buffer, write_buffer; ///< valid with hazard::buffers
    abi::IpcBuffer* ipc_buffer;             ///< kernel address, null: none
    SchedContext*
        borrowed_context; ///< while BlockedOnReceive: of the last call, kept for the next; nobody's time (ipc.hpp)
    Thread* borrow_next;  ///< others that borrow the same scheduling context
    Thread* borrow_previous;
    Notification* bound_notification;
    Word fault_label, fault_length; ///< message of a fault (or of a forwarded one)
    Word fault[8];
    Word fault_kind;  ///< abi::Fault of the last fault: says what its answer may change
    Word progress[2]; ///< of a preempted invocation; zero at the start of each system call
    Word name[4];
    Word receives_on; ///< address of the endpoint it last received on; likewise
    Thread* all_next; ///< every thread, for debugging
    Thread* all_previous;

    [[nodiscard]] SchedContext* current_context() const { return time; }
};
static_assert(sizeof(Thread) <= abi::object_size(abi::ObjectType::Thread, 0).bytes);

enum class EndpointState : Word { Idle = 0, Sending = 1, Receiving = 2 };

struct Endpoint {
    ThreadQueue queue;
    Word state_and_badge; ///< EndpointState, and the badge that no-senders signals give << 4
    Slot* bind_slot;      ///< BindNoSenders: slot of the unbadged capability
    Notification* no_senders;
    Endpoint* next_bound; ///< others bound to the same notification
    Slot* first_dead;     ///< run of dead capabilities in the derivation list, oldest first
    Slot* last_dead;

    [[nodiscard]] EndpointState state() const { return static_cast<EndpointState>(state_and_badge & 3); }
    void set_state(EndpointState state) { state_and_badge = (state_and_badge & ~Word{3}) | static_cast<Word>(state); }
};
static_assert(sizeof(Endpoint) == 32);

struct Notification {
    ThreadQueue queue;
    Word signals;   ///< badges of the signals not yet received, or-ed
    Word is_active; ///< a signal waits
    Thread* bound_thread;
    SchedContext* sched_context;
    Endpoint* endpoints; ///< whose no-senders binding this is
    Word endpoint_count;
};
static_assert(sizeof(Notification) <= 32);

struct Reply {
    Thread* caller;   ///< waits for the answer
    Thread* receiver; ///< waits in a Receive with this object
    Word reserved[6];
};
static_assert(sizeof(Reply) == 32);

/// Time that a thread may use: `budget` ticks in each `period`, and no more than each context above it in the tree has left.
/// Equal: a time slice, round robin; above others: no limit. A tick is charged to the whole chain.
struct SchedContext {
    Word usable; ///< has_time() as the fast paths read it
    Thread* bound_thread;
    Notification* bound_notification;
    Thread* borrowers; ///< linked by borrow_next
    SchedContext *parent, *first_child, *next_sibling, *previous_sibling;
    Word depth;                     ///< more than the parent's, less than depth_limit
    Word budget, period, remaining; ///< ticks; budget 0: not configured
    Word refill_time;               ///< tick count at which the budget is full again
    SchedContext* refill_next;      ///< others in the same place of the refill wheel
    SchedContext** refill_link;     ///< who points to it there
    SchedContext *changed_next,
        **changed_link;     ///< list of contexts whose users and children do not know yet (budget.cpp)
    bool throttled;         ///< its own budget is used up: it is in the refill wheel
    bool blocked;           ///< it, or one above it, is throttled
    std::uint64_t consumed; ///< time-stamp ticks since SchedContextConsumed
    // Ticks charged ever; by its own users; by children that left it; and `charged` when it came to its parent.
    Word charged, charged_directly, charged_by_former, charged_before;
    Word reserved[8];

    static constexpr Word depth_limit = 8;
    [[nodiscard]] bool has_time() const { return usable != 0; }
};
static_assert(sizeof(SchedContext) == abi::object_size(abi::ObjectType::SchedContext, 0).bytes);

struct PageTable {
    Word hardware[1024];
    Slot shadow[1024];
};
static_assert(sizeof(PageTable) == abi::object_size(abi::ObjectType::PageTable, 0).bytes);

struct AddressSpace {
    static constexpr Word user_entries = abi::user_end >> abi::large_page_bits;
    Word hardware[1024];
    Slot shadow[user_entries]; ///< PageTable or large Frame mappings
};
static_assert(sizeof(AddressSpace) == abi::object_size(abi::ObjectType::AddressSpace, 0).bytes);

inline void ThreadQueue::push_back(Thread& thread) {
    thread.queue_next = nullptr;
    thread.queue_previous = first != nullptr ? last : nullptr;
    (first != nullptr ? last->queue_next : first) = &thread;
    last = &thread;
}
inline void ThreadQueue::push_front(Thread& thread) {
    thread.queue_previous = nullptr;
    thread.queue_next = first;
    (first != nullptr ? first->queue_previous : last) = &thread;
    first = &thread;
}
inline void ThreadQueue::remove(Thread& thread) {
    (thread.queue_previous != nullptr ? thread.queue_previous->queue_next : first) = thread.queue_next;
    (thread.queue_next != nullptr ? thread.queue_next->queue_previous : last) = thread.queue_previous;
    thread.queue_next = thread.queue_previous = nullptr;
}

} // namespace kernel
