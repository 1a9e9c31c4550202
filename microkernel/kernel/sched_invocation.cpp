// SchedControl and SchedContext invocations.
#pragma GCC optimize("Os") // not where time counts
#include "syscall.hpp"

namespace kernel {

namespace {
constexpr Word period_at_most = 60'000'000; ///< microseconds

Word to_ticks(Word microseconds) { return (microseconds + tick_microseconds - 1) / tick_microseconds; }

Error change_parent(Invocation& call) {
    Slot* const slot = call.extra(0, CapabilityType::SchedContext);
    Slot* const parent_slot = call.extra(1);
    if (slot == nullptr || (parent_slot != nullptr && !parent_slot->capability.is(CapabilityType::SchedContext)))
        return call.refuse(Error::InvalidCapability, "no SchedContext given");
    auto& context = slot->capability.object<SchedContext>();
    auto* const parent = parent_slot != nullptr ? parent_slot->capability.object_pointer<SchedContext>() : nullptr;
    // A tree grows from its root, so that no ring can be made and no subtree has to be measured.
    if (context.first_child != nullptr || parent == &context)
        return call.refuse(Error::IllegalOperation, "the context has children");
    if (parent != nullptr && parent->depth + 1 >= SchedContext::depth_limit)
        return call.refuse(Error::RangeError, "the tree is too deep");
    set_parent(context, parent);
    return call.result();
}

} // namespace

Error invoke_sched_control(Invocation& call) {
    if (call.label == abi::Invocation::SchedControlSetParent) return change_parent(call);
    if (call.label != abi::Invocation::SchedControlConfigure)
        return call.refuse(Error::IllegalOperation, "not a SchedControl invocation");
    Word const budget = call.word(0), period = call.word(1);
    Slot* const context = call.extra(0, CapabilityType::SchedContext);
    if (context == nullptr) return call.refuse(Error::InvalidCapability, "no SchedContext given");
    if (budget == 0 || budget > period || period > period_at_most)
        return call.refuse(Error::RangeError, "no such budget and period");
    configure(context->capability.object<SchedContext>(), to_ticks(budget), to_ticks(period));
    return call.result();
}

Error invoke_sched_context(Invocation& call) {
    auto& context = call.capability().object<SchedContext>();
    switch (call.label) {
    case abi::Invocation::SchedContextBind: {
        if (context.bound_thread != nullptr || context.bound_notification != nullptr)
            return call.refuse(Error::IllegalOperation, "the context is bound");
        if (Slot* const thread = call.extra(0, CapabilityType::Thread); thread != nullptr) {
            if (thread->capability.object<Thread>().own_context != nullptr)
                return call.refuse(Error::IllegalOperation, "the thread has a context");
            bind(context, thread->capability.object<Thread>());
            return call.result();
        }
        Slot* const notification = call.extra(0, CapabilityType::Notification);
        if (notification == nullptr) return call.refuse(Error::InvalidCapability, "neither thread nor notification");
        if (notification->capability.object<Notification>().sched_context != nullptr)
            return call.refuse(Error::IllegalOperation, "the notification has a context");
        bind(context, notification->capability.object<Notification>());
        return call.result();
    }
    case abi::Invocation::SchedContextUnbind: unbind(context); return call.result();
    case abi::Invocation::SchedContextConsumed: {
        std::uint64_t const consumed = context.consumed;
        context.consumed = 0;
        return call.result(consumed, consumed >> 32);
    }
    default: return call.refuse(Error::IllegalOperation, "not a SchedContext invocation");
    }
}

} // namespace kernel
