// Invocations on the loopback's kernel objects: arguments and answers as abi/objects.hpp lists them.
#include "world.hpp"

namespace ipc::host {

using abi::Error;
using abi::Invocation;

Capability* World::extra(Word index) { return find(*own_, context_->buffer.capabilities[index]); }

Error World::invoke(Invocation invocation, Capability& target, SystemCall& call, Word& result_length) {
    auto const number = static_cast<Word>(invocation);
    Word const given = call.info.capabilities();
    auto const& object = target.object;
    auto const plain = [&] { return static_cast<HostPlain*>(object.get()); };
    if (invocation == Invocation::UntypedRetype && object->kind == Kind::Untyped) { return retype(target); }
    if (invocation == Invocation::UntypedInspect && object->kind == Kind::Untyped) {
        auto const& untyped = static_cast<HostUntyped const&>(*object);
        word(0) = static_cast<Word>((std::uint64_t{1} << untyped.size_bits) -
                                    (has_children(target.node) ? untyped.watermark : 0));
        word(1) = untyped.size_bits;
        word(2) = 0;
        word(3) = untyped.physical;
        result_length = 4;
        return Error::None;
    }
    if (number >= 10 && number <= 20 && object->kind == Kind::CNode) {
        if (invocation == Invocation::CNodeBindNoSenders && given == 0) { context_->buffer.capabilities[0] = 0; }
        return invoke_cnode(invocation, target, result_length);
    }
    if (number >= 30 && number <= 46 && object->kind == Kind::Thread) {
        if (given == 0) { context_->buffer.capabilities[0] = 0; }
        return invoke_thread(invocation, static_cast<HostThread&>(*object), result_length);
    }
    switch (invocation) {
    case Invocation::SchedControlConfigure:
    case Invocation::IrqHandlerAcknowledge:
    case Invocation::IoPortsOut:
    case Invocation::IoPortsOutBytes: return Error::None;
    case Invocation::IoPortsIn:
        word(0) = 0;
        result_length = 1;
        return Error::None;
    case Invocation::SchedContextBind:
    case Invocation::IrqHandlerSetNotification:
        if (Capability const* const bound = extra(0)) {
            plain()->bound = bound->object;
            return Error::None;
        }
        return Error::InvalidCapability;
    case Invocation::SchedContextUnbind:
    case Invocation::IrqHandlerClear: plain()->bound = nullptr; return Error::None;
    case Invocation::SchedContextConsumed:
        word(0) = word(1) = 0;
        result_length = 2;
        return Error::None;
    case Invocation::FrameMap: return object->kind == Kind::Frame ? map_frame(target) : Error::InvalidCapability;
    case Invocation::FrameGetAddress:
        word(0) = static_cast<HostFrame const&>(*object).first << abi::page_bits;
        result_length = 1;
        return Error::None;
    case Invocation::PageTableMap:
    case Invocation::PageTableUnmap:
    case Invocation::AddressSpaceUnmap:
    case Invocation::AddressSpaceProtect:
    case Invocation::AddressSpaceCopyRange:
    case Invocation::AddressSpaceQuery: return invoke_space(invocation, target, result_length);
    case Invocation::IrqControlGet:
    case Invocation::IoPortControlIssue: {
        bool const interrupt = invocation == Invocation::IrqControlGet;
        Capability const* const destination = extra(0);
        if (destination == nullptr || destination->object->kind != Kind::CNode) { return Error::InvalidCapability; }
        insert(static_cast<HostCNode&>(*destination->object), word(interrupt ? 1 : 2),
               {std::make_shared<HostPlain>(interrupt ? Kind::IrqHandler : Kind::IoPorts)}, 0);
        return Error::None;
    }
    case Invocation::ReplyForward:
        return object->kind == Kind::Reply ? forward(static_cast<HostReply&>(*object)) : Error::InvalidCapability;
    case Invocation::ReplyStatus:
        word(0) = object->kind == Kind::Reply && static_cast<HostReply const&>(*object).caller != nullptr ? 1 : 0;
        result_length = 1;
        return Error::None;
    case Invocation::DebugWrite: return Error::None;
    default: return Error::IllegalOperation;
    }
}

ObjectPointer World::make(abi::ObjectType type, Word size_bits, Word physical) {
    switch (type) {
    case abi::ObjectType::Untyped: return std::make_shared<HostUntyped>(size_bits, physical);
    case abi::ObjectType::CNode: return std::make_shared<HostCNode>(size_bits);
    case abi::ObjectType::Thread: return std::make_shared<HostThread>();
    case abi::ObjectType::Endpoint: return std::make_shared<HostEndpoint>();
    case abi::ObjectType::Notification: return std::make_shared<HostNotification>();
    case abi::ObjectType::Reply: return std::make_shared<HostReply>();
    case abi::ObjectType::SchedContext: return std::make_shared<HostPlain>(Kind::SchedContext);
    case abi::ObjectType::AddressSpace: return std::make_shared<HostAddressSpace>();
    case abi::ObjectType::PageTable: return std::make_shared<HostPlain>(Kind::PageTable);
    case abi::ObjectType::Frame: return std::make_shared<HostFrame>(1);
    case abi::ObjectType::LargeFrame: return std::make_shared<HostFrame>(1024);
    default: return nullptr;
    }
}

Error World::retype(Capability& target) {
    auto& untyped = static_cast<HostUntyped&>(*target.object);
    auto const type = static_cast<abi::ObjectType>(word(0));
    Word const size_bits = word(1), first = word(2), count = word(3);
    Capability const* const destination = extra(0);
    if (destination == nullptr || destination->object->kind != Kind::CNode) { return Error::InvalidCapability; }
    auto& cnode = static_cast<HostCNode&>(*destination->object);
    if (type >= abi::ObjectType::Count || count == 0) { return Error::InvalidArgument; }
    if (first == 0 || first + count > cnode.size) { return Error::RangeError; }
    for (Word i = 0; i < count; ++i) {
        if (cnode.slots.contains(first + i)) { return Error::DeleteFirst; }
    }
    if (!has_children(target.node)) { untyped.watermark = 0; }
    auto const size = abi::object_size(type, size_bits);
    std::uint64_t const alignment = std::uint64_t{1} << size.align_bits;
    std::uint64_t const start = (untyped.watermark + alignment - 1) & ~(alignment - 1);
    std::uint64_t const stride = (size.bytes + alignment - 1) & ~(alignment - 1);
    if (start + stride * count > std::uint64_t{1} << untyped.size_bits) { return Error::NotEnoughMemory; }
    untyped.watermark = start + stride * count;
    NodeId const parent = target.node;
    for (Word i = 0; i < count; ++i) {
        insert(cnode, first + i, {make(type, size_bits, untyped.physical + static_cast<Word>(start + stride * i))},
               parent);
    }
    return Error::None;
}

Error World::invoke_cnode(Invocation invocation, Capability& target, Word& result_length) {
    auto const keep = target.object;
    auto& cnode = static_cast<HostCNode&>(*keep);
    Word const index = word(0);
    Capability* const here = find(cnode, index);
    auto const source_cnode = [&]() -> HostCNode* {
        Capability const* const given = extra(0);
        return given != nullptr && given->object->kind == Kind::CNode ? static_cast<HostCNode*>(given->object.get())
                                                                      : nullptr;
    };
    switch (invocation) {
    case Invocation::CNodeCopy:
    case Invocation::CNodeMint: {
        HostCNode* const from = source_cnode();
        Capability* const source = from != nullptr ? find(*from, word(2)) : nullptr;
        if (source == nullptr) { return from == nullptr ? Error::InvalidCapability : Error::FailedLookup; }
        bool const mint = invocation == Invocation::CNodeMint;
        Word const badge = mint ? word(5) : 0;
        bool const watched = mint && (word(6) & abi::mint_flag::watched) != 0;
        if (mint && badge != 0 && source->badge != 0 && source->object->kind == Kind::Endpoint) {
            return Error::IllegalOperation;
        }
        if (watched && (source->object->kind != Kind::Endpoint || badge == 0 ||
                        static_cast<HostEndpoint&>(*source->object).no_senders == nullptr)) {
            return Error::IllegalOperation;
        }
        if (Error const error = derive(cnode, index, *source, word(4)); error != Error::None) { return error; }
        Capability& made = *find(cnode, index);
        if (mint && badge != 0) { made.badge = badge; }
        if (watched) {
            made.watch = std::make_shared<Watch>();
            made.watch->endpoint = std::static_pointer_cast<HostEndpoint>(made.object);
            made.is_watched = true;
        }
        return Error::None;
    }
    case Invocation::CNodeMove:
    case Invocation::CNodeMutate: {
        HostCNode* const from = source_cnode();
        if (from == nullptr || find(*from, word(2)) == nullptr) {
            return from == nullptr ? Error::InvalidCapability : Error::FailedLookup;
        }
        if (here != nullptr) { return Error::DeleteFirst; }
        move(cnode, index, *from, word(2));
        if (invocation == Invocation::CNodeMutate) { find(cnode, index)->badge = word(4); }
        return Error::None;
    }
    case Invocation::CNodeDelete: remove(cnode, index); return Error::None;
    case Invocation::CNodeRevoke:
        if (here != nullptr) { revoke(here->node); }
        return Error::None;
    case Invocation::CNodeCancelBadgedSends: return Error::None;
    case Invocation::CNodeBindNoSenders: {
        if (here == nullptr || here->object->kind != Kind::Endpoint) { return Error::InvalidCapability; }
        auto& endpoint = static_cast<HostEndpoint&>(*here->object);
        Capability const* const notification = extra(0);
        endpoint.no_senders =
            notification != nullptr ? std::dynamic_pointer_cast<HostNotification>(notification->object) : nullptr;
        endpoint.no_senders_badge = notification != nullptr ? notification->badge : 0;
        return Error::None;
    }
    case Invocation::CNodeNextDead: {
        if (here == nullptr || here->object->kind != Kind::Endpoint) { return Error::InvalidCapability; }
        auto& endpoint = static_cast<HostEndpoint&>(*here->object);
        if (endpoint.dead.empty()) { return Error::WouldBlock; }
        Node const node = nodes_[endpoint.dead.front()];
        word(0) = find(*node.cnode, node.slot)->badge;
        result_length = 1;
        remove(*node.cnode, node.slot);
        return Error::None;
    }
    case Invocation::CNodeCopyRange: {
        HostCNode* const from = source_cnode();
        if (from == nullptr) { return Error::InvalidCapability; }
        Word const first = word(0), source_first = word(1), count = word(2);
        Word copied = 0;
        for (Word i = 0; i < count; ++i) {
            Capability* const source = find(*from, source_first + i);
            if (source != nullptr && derive(cnode, first + i, *source) == Error::None) { ++copied; }
        }
        word(0) = copied;
        result_length = 1;
        return Error::None;
    }
    case Invocation::CNodeDeleteRange:
        for (Word i = 0, first = word(0), count = word(1); i < count; ++i) { remove(cnode, first + i); }
        return Error::None;
    default: return Error::IllegalOperation;
    }
}

Error World::forward(HostReply& reply) {
    Word const label = word(0), length = word(1);
    Capability const* const given = extra(0);
    if (given == nullptr || given->object->kind != Kind::Endpoint) { return Error::InvalidCapability; }
    if (length > 8) { return Error::RangeError; }
    if (reply.caller == nullptr) { return Error::InvalidCapability; }
    Capability const target = *given;
    std::vector<Word> const words(&context_->buffer.message[2], &context_->buffer.message[2] + length);
    auto const record = std::exchange(reply.caller, nullptr);
    deliver(static_cast<HostEndpoint&>(*target.object), target.badge, abi::MessageInfo{label, length}, words, {},
            record);
    return Error::None;
}

} // namespace ipc::host
