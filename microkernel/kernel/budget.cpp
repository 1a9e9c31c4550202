// Budgets: charging the tree, refilling, and telling those below. No step depends on how many contexts there are; what
// concerns many of them is done in steps, with preemption points between (do_time_work).
#include "ipc.hpp"

namespace kernel {

namespace {

constexpr Word places = 256, borrowers_at_once = 16, steps_between_preemptions = 16;

bool is_before(Word first, Word second) { return static_cast<std::int32_t>(first - second) < 0; }

void link_refill(SchedContext& context) {
    Cpu& processor = cpu();
    bool const soon = context.refill_time - processor.refill_next < places;
    SchedContext*& place = soon ? processor.refill_wheel[0][context.refill_time % places]
                                : processor.refill_wheel[1][context.refill_time / places % places];
    context.refill_next = place;
    context.refill_link = &place;
    if (place != nullptr) place->refill_link = &context.refill_next;
    place = &context;
}

void unlink_refill(SchedContext& context) {
    *context.refill_link = context.refill_next;
    if (context.refill_next != nullptr) context.refill_next->refill_link = context.refill_link;
    context.refill_next = nullptr;
    context.refill_link = nullptr;
}

/// One tick of the budget. A period begins with its first use.
void charge_budget(SchedContext& context) {
    Cpu const& processor = cpu();
    if (context.throttled) return;
    Word const used_tick = processor.now - 1; // the tick that ends now
    if (context.remaining == context.budget || !is_before(used_tick, context.refill_time)) {
        context.remaining = context.budget;
        context.refill_time = used_tick + context.period;
    }
    if (--context.remaining != 0) return;
    context.throttled = true;
    link_refill(context);
    mark_changed(context);
}

/// One refill that is due, or one step of the wheel. False: all are done.
bool refill_step() {
    Cpu& processor = cpu();
    if (is_before(processor.now, processor.refill_next)) return false;
    SchedContext* const later = processor.refill_wheel[1][processor.refill_next / places % places];
    if (processor.refill_next % places == 0 && later != nullptr) {
        unlink_refill(*later);
        link_refill(*later);
    } else if (SchedContext* const due = processor.refill_wheel[0][processor.refill_next % places]; due != nullptr) {
        stop_throttling(*due);
        due->remaining = due->budget;
        mark_changed(*due);
    } else {
        ++processor.refill_next;
    }
    return true;
}

/// Next context of the walk through the tree of `root`, depth first; null: it has ended.
SchedContext* next_in_tree(SchedContext& context, SchedContext& root, bool descend) {
    if (descend && context.first_child != nullptr) return context.first_child;
    for (SchedContext* at = &context; at != &root; at = at->parent)
        if (at->next_sibling != nullptr) return at->next_sibling;
    return nullptr;
}

/// Tells one context of the tree below the first changed one, and some of its users. False: nothing has changed.
bool spread_step() {
    Cpu& processor = cpu();
    SchedContext* const root = processor.changed_first;
    if (root == nullptr) return false;
    if (processor.spread_at == nullptr) processor.spread_at = root;
    SchedContext& context = *processor.spread_at;
    if (!processor.spread_entered) {
        bool const blocked = context.throttled || (context.parent != nullptr && context.parent->blocked);
        Word const usable = context.budget != 0 && !blocked;
        processor.spread_entered = true;
        processor.spread_descends = blocked != context.blocked;
        context.blocked = blocked;
        if (usable != context.usable) {
            context.usable = usable;
            if (context.bound_thread != nullptr) reconsider(*context.bound_thread);
            processor.spread_borrower = context.borrowers;
        }
    }
    for (Word count = 0; processor.spread_borrower != nullptr; ++count) {
        if (count == borrowers_at_once) return true;
        reconsider(*processor.spread_borrower);
        processor.spread_borrower = processor.spread_borrower->borrow_next;
    }
    processor.spread_entered = false;
    processor.spread_at = next_in_tree(context, *root, processor.spread_descends);
    if (processor.spread_at == nullptr) unmark_changed(*root);
    return true;
}

} // namespace

bool charge(SchedContext& context) {
    bool slice_over = false;
    Word const ticks = arch::ticks_per_millisecond() * (tick_microseconds / 1000); // a millisecond of them
    for (SchedContext* at = &context; at != nullptr; at = at->parent) {
        at->consumed += ticks;
        ++at->charged;
        if (at->budget != at->period) {
            charge_budget(*at);
        } else if (at == &context && --at->remaining == 0) {
            at->remaining = at->budget;
            slice_over = true;
        }
    }
    ++context.charged_directly;
    return slice_over;
}

void stop_throttling(SchedContext& context) {
    if (!context.throttled) return;
    unlink_refill(context);
    context.throttled = false;
}

void mark_changed(SchedContext& context) {
    Cpu& processor = cpu();
    processor.has_time_work = true;
    if (context.changed_link != nullptr) return;
    // Behind the first, whose tree is being gone through.
    SchedContext*& place =
        processor.changed_first != nullptr ? processor.changed_first->changed_next : processor.changed_first;
    context.changed_next = place;
    context.changed_link = &place;
    if (place != nullptr) place->changed_link = &context.changed_next;
    place = &context;
}

void unmark_changed(SchedContext& context) {
    if (context.changed_link == nullptr) return;
    *context.changed_link = context.changed_next;
    if (context.changed_next != nullptr) context.changed_next->changed_link = context.changed_link;
    context.changed_next = nullptr;
    context.changed_link = nullptr;
}

void do_time_work() {
    Cpu& processor = cpu();
    for (Word count = 1; refill_step() || spread_step(); ++count) {
        if (count % steps_between_preemptions != 0 || !should_preempt()) continue;
        processor.in_preemption = true;
        arch::serve_interrupts();
        processor.in_preemption = false;
    }
    processor.has_time_work = false;
}

} // namespace kernel
