// Moves one message from its sender to its receiver: words, capabilities, declared buffers.
#include "ipc.hpp"
#include <algorithm>

namespace kernel {

namespace {

/// Transfers up to three capabilities. Returns the mask of those that were unwrapped to badges.
Word transfer_capabilities(Thread& sender, Thread& receiver, Word count, Endpoint* endpoint) {
    abi::CapabilityPointer free_slot = receiver.ipc_buffer->receive_slot;
    Word unwrapped = 0;
    for (Word i = 0; i < count; ++i) {
        Word& told = receiver.ipc_buffer->capabilities[i];
        Slot* const source = lookup(sender, sender.ipc_buffer->capabilities[i]);
        Capability copy;
        told = 0;
        if (source == nullptr || source->is_empty()) continue;
        if (endpoint != nullptr && source->capability.is(CapabilityType::Endpoint) &&
            source->capability.object_pointer<Endpoint>() == endpoint) {
            told = source->capability.badge();
            unwrapped |= Word{1} << i;
            continue;
        }
        if (free_slot == 0 || derive(*source, copy) != Error::None) continue;
        Slot* const destination = lookup(receiver, free_slot);
        if (destination == nullptr || !destination->is_empty()) continue;
        insert_derived(*destination, copy, *source);
        told = free_slot++;
    }
    return unwrapped;
}

} // namespace

void transfer_message(Thread& sender, Thread& receiver, PendingMessage const& message, Endpoint* endpoint) {
    if (message.is_fault) {
        Word length = sender.fault_length;
        if (receiver.ipc_buffer != nullptr)
            for (Word i = abi::register_words; i < length; ++i) receiver.ipc_buffer->message[i] = sender.fault[i];
        else length = std::min(length, abi::register_words);
        receiver.context.set_message(abi::MessageInfo{sender.fault_label, length}.raw, message.badge, sender.fault[0],
                                     sender.fault[1]);
        return;
    }
    abi::MessageInfo const info{sender.context.info()};
    bool const both_buffers = sender.ipc_buffer != nullptr && receiver.ipc_buffer != nullptr;
    Word const length = std::min(info.length(), both_buffers ? abi::message_words : abi::register_words);
    for (Word i = abi::register_words; i < length; ++i) receiver.ipc_buffer->message[i] = sender.ipc_buffer->message[i];
    Word const count = both_buffers && message.can_grant ? info.capabilities() : 0;
    Word unwrapped = 0;
    if (count != 0) unwrapped = transfer_capabilities(sender, receiver, count, endpoint);
    Word buffers = 0;
    if (message.is_call) {
        buffers = info.raw & (abi::MessageInfo::read_buffer | abi::MessageInfo::write_buffer);
        if (receiver.ipc_buffer != nullptr) {
            bool const declared = (sender.context.hazards & hazard::buffers) != 0;
            receiver.ipc_buffer->caller_read_length = declared ? sender.read_buffer.length : 0;
            receiver.ipc_buffer->caller_write_length = declared ? sender.write_buffer.length : 0;
        }
    }
    Word const raw = abi::MessageInfo{info.label(), length, count, buffers}.with_unwrapped(unwrapped).raw;
    receiver.context.set_message(raw, message.badge, sender.context.word0(), sender.context.word1());
}

} // namespace kernel
