// Untyped memory: Retype and Inspect.
#include "memory.hpp"
#include "object_creation.hpp"
#include "scheduler.hpp"
#include "syscall.hpp"

namespace kernel {

namespace {

using abi::ObjectType;

constexpr Word count_at_most = 1024;
constexpr Word min_untyped_bits = 4, max_untyped_bits = 29;

bool is_valid_size(ObjectType type, Word size_bits) {
    if (type == ObjectType::Untyped) return size_bits >= min_untyped_bits && size_bits <= max_untyped_bits;
    if (type == ObjectType::CNode) return size_bits >= 1 && size_bits <= Capability::max_radix;
    return true;
}

bool is_kernel_object(ObjectType type) {
    return type != ObjectType::Untyped && type != ObjectType::Frame && type != ObjectType::LargeFrame;
}

/// Zeroes free memory in steps. What a preempted Retype has done is kept in the Cpu for its next try.
Error zero_memory(Address start, Word bytes) {
    if (bytes <= abi::page_size) {
        void* at = arch::to_virtual(start);
        zero_words(at, bytes / sizeof(Word)); // every object's size is a multiple of a word's
        return Error::None;
    }
    Cpu& processor = cpu();
    if (processor.zeroed_start != start) processor.zeroed_start = processor.zeroed_end = start;
    while (processor.zeroed_end - start < bytes) {
        Word const left = bytes - (processor.zeroed_end - start);
        Word const step = left < abi::page_size ? left : abi::page_size;
        zero_bytes(arch::to_virtual(processor.zeroed_end), step);
        processor.zeroed_end += step;
        if (left > step && should_preempt()) return preempted;
    }
    return Error::None;
}

/// The memory is in use from now on: it counts as zeroed no longer.
void forget_zeroed(Address start, Word bytes) {
    Cpu& processor = cpu();
    if (start < processor.zeroed_end && processor.zeroed_start - start < bytes)
        processor.zeroed_start = processor.zeroed_end = 0;
    if (start >= processor.zeroed_start && start < processor.zeroed_end)
        processor.zeroed_start = processor.zeroed_end = 0;
}

/// abi::object_size by table.
inline abi::ObjectSize size_of(ObjectType type, Word size_bits) {
    static constexpr auto fixed = [] {
        std::array<abi::ObjectSize, static_cast<std::size_t>(ObjectType::Count)> sizes{};
        for (std::size_t index = 0; index < sizes.size(); ++index)
            sizes[index] = abi::object_size(static_cast<ObjectType>(index), 0);
        return sizes;
    }();
    if (type == ObjectType::Untyped || type == ObjectType::CNode) return abi::object_size(type, size_bits);
    return fixed[static_cast<std::size_t>(type)];
}

[[gnu::noinline]] Error retype(Invocation& call) {
    Capability& untyped = call.capability();
    auto const type = static_cast<ObjectType>(call.word(0));
    Word const size_bits = call.word(1), first = call.word(2), count = call.word(3);
    if (call.word(0) >= static_cast<Word>(ObjectType::Count))
        return call.refuse(Error::InvalidArgument, "no such object type");
    if (!is_valid_size(type, size_bits)) return call.refuse(Error::RangeError, "object of no such size");
    if (count == 0 || count > count_at_most) return call.refuse(Error::RangeError, "count of objects out of range");
    bool const device = untyped.untyped_is_device();
    if (device && is_kernel_object(type)) return call.refuse(Error::InvalidArgument, "kernel object of device memory");
    Slot* const cnode = call.extra(0, CapabilityType::CNode);
    if (cnode == nullptr) return call.refuse(Error::InvalidCapability, "destination is no CNode");
    Capability const destination = cnode->capability;
    if (first >= destination.slot_count() || count > destination.slot_count() - first)
        return call.refuse(Error::RangeError, "destination slots out of range");
    Slot* const slots = destination.slots() + first;
    Word& made = call.caller.progress[0]; // before it was preempted
    for (Word i = made; i < count; ++i)
        if (!slots[i].is_empty()) return call.refuse(Error::DeleteFirst, "destination slot is in use");

    abi::ObjectSize const size = size_of(type, size_bits);
    Word const used = has_children(call.slot) ? untyped.watermark() : 0;
    Word const alignment = Word{1} << size.align_bits;
    static_assert(max_untyped_bits < 31, "sums of two such sizes fit a word");
    Word const offset = (used + alignment - 1) & ~(alignment - 1), bytes = untyped.untyped_bytes();
    if (offset > bytes || std::uint64_t{size.bytes} * (count - made) > bytes - offset)
        return call.refuse(Error::NotEnoughMemory, "untyped memory too small");
    Word end = offset; // every size is a multiple of its alignment: objects follow one another
    Address const start = untyped.pointer() + end;
    // The offset is aligned; the address is too unless the Untyped is smaller than the alignment, which does not fit.
    if ((start & (alignment - 1)) != 0) return call.refuse(Error::NotEnoughMemory, "untyped memory not aligned enough");
    bool const is_zeroed = !device && type != ObjectType::Untyped;
    while (true) {
        Address const object = untyped.pointer() + end;
        if (is_zeroed)
            if (Error const error = zero_memory(object, size.bytes); error != Error::None) return error;
        forget_zeroed(object, size.bytes);
        end += size.bytes;
        untyped.set_watermark(end);
        insert_original(slots[made],
                        type == ObjectType::Endpoint || type == ObjectType::Notification
                            ? Capability::make(type == ObjectType::Endpoint ? CapabilityType::Endpoint
                                                                            : CapabilityType::Notification,
                                               arch::to_virtual(object), abi::right::all)
                            : create_object(type, object, size_bits, device),
                        &call.slot);
        if (++made == count) return call.result();
        if (should_preempt()) return preempted;
    }
}

[[gnu::noinline]] Error inspect(Invocation& call) {
    Capability const& untyped = call.capability();
    Word const used = has_children(call.slot) ? untyped.watermark() : 0;
    return call.result(untyped.untyped_bytes() - used, untyped.untyped_size_bits(), untyped.untyped_is_device() ? 1 : 0,
                       untyped.pointer());
}

} // namespace

Capability create_object(ObjectType type, Address physical, Word size_bits, bool device) {
    if (type == ObjectType::Untyped) return Capability::untyped(physical, size_bits, device);
    if (type == ObjectType::Frame || type == ObjectType::LargeFrame)
        return Capability::frame(physical, abi::right::all, type == ObjectType::LargeFrame, device);
    void* const memory = arch::to_virtual(physical);
    switch (type) {
    case ObjectType::CNode: return Capability::make(CapabilityType::CNode, memory, size_bits);
    case ObjectType::Thread: {
        auto& thread = *static_cast<Thread*>(memory);
        arch::context_initialize(thread.context);
        thread.state = ThreadState::Inactive;
        thread.context.hazards = hazard::no_buffer;
        Cpu& processor = cpu();
        thread.all_next = processor.all_threads;
        if (processor.all_threads != nullptr) processor.all_threads->all_previous = &thread;
        processor.all_threads = &thread;
        ++processor.thread_count;
        trace(TraceEvent::ThreadCreated, &thread);
        return Capability::make(CapabilityType::Thread, memory);
    }
    case ObjectType::Endpoint: return Capability::make(CapabilityType::Endpoint, memory, abi::right::all);
    case ObjectType::Notification: return Capability::make(CapabilityType::Notification, memory, abi::right::all);
    case ObjectType::Reply: return Capability::make(CapabilityType::Reply, memory);
    case ObjectType::SchedContext: return Capability::make(CapabilityType::SchedContext, memory);
    case ObjectType::AddressSpace:
        arch::directory_initialize(static_cast<AddressSpace*>(memory)->hardware);
        return Capability::make(CapabilityType::AddressSpace, memory);
    case ObjectType::PageTable: return Capability::make(CapabilityType::PageTable, memory);
    default: return {};
    }
}

Error invoke_untyped(Invocation& call) {
    switch (call.label) {
    case abi::Invocation::UntypedRetype: return retype(call);
    case abi::Invocation::UntypedInspect: return inspect(call);
    default: return call.refuse(Error::IllegalOperation, "not an Untyped invocation");
    }
}

} // namespace kernel
