// I/O ports for user mode: ranges handed out once by IoPortControl, accessed by invocation.
#pragma GCC optimize("Os") // not where time counts
#include "syscall.hpp"

namespace kernel {

namespace {

constexpr Word bytes_at_most = 240;

bool is_port_capability(Capability const& capability) {
    return capability.is(CapabilityType::IoPorts) ||
           (capability.is(CapabilityType::Control) && capability.control_kind() == ControlKind::IoPort);
}

/// All issued ranges, and all copies of the control capability, descend from one original: they stand together in the
/// derivation list. A range that overlaps one of them is not given again.
bool is_issued(Slot const& control, Word first, Word last) {
    Slot const* slot = &control;
    while (is_port_capability(slot->previous()->capability)) slot = slot->previous();
    for (; slot != nullptr && is_port_capability(slot->capability); slot = slot->next())
        if (slot->capability.is(CapabilityType::IoPorts) && first <= slot->capability.last_port() &&
            slot->capability.first_port() <= last)
            return true;
    return false;
}

bool covers(Capability const& ports, Word first, Word count) {
    return first >= ports.first_port() && first <= ports.last_port() && count - 1 <= ports.last_port() - first;
}

} // namespace

Error invoke_io_port_control(Invocation& call) {
    if (call.label != abi::Invocation::IoPortControlIssue)
        return call.refuse(Error::IllegalOperation, "not an IoPortControl invocation");
    Word const first = call.word(0), last = call.word(1);
    Slot* const cnode = call.extra(0, CapabilityType::CNode);
    if (first > last || last > 0xffff) return call.refuse(Error::RangeError, "no such range of ports");
    if (cnode == nullptr) return call.refuse(Error::InvalidCapability, "destination is no CNode");
    Slot* const destination = resolve(cnode->capability, call.word(2), 0);
    if (destination == nullptr) return call.refuse(Error::RangeError, "destination slot out of range");
    if (!destination->is_empty()) return call.refuse(Error::DeleteFirst, "destination slot is in use");
    if (is_issued(call.slot, first, last)) return call.refuse(Error::RevokeFirst, "some of the ports are given out");
    insert_derived(*destination, {static_cast<Word>(CapabilityType::IoPorts), first | last << 16}, call.slot);
    return call.result();
}

Error invoke_io_ports(Invocation& call) {
    Capability const& ports = call.capability();
    Word const port = call.word(0), size = call.word(1);
    switch (call.label) {
    case abi::Invocation::IoPortsIn:
    case abi::Invocation::IoPortsOut:
        if (size != 1 && size != 2 && size != 4)
            return call.refuse(Error::InvalidArgument, "port access of no such size");
        if (!covers(ports, port, size)) return call.refuse(Error::RangeError, "port outside the capability's range");
        if (call.label == abi::Invocation::IoPortsIn) return call.result(arch::port_in(port, size));
        arch::port_out(port, size, call.word(2));
        return call.result();
    case abi::Invocation::IoPortsOutBytes: {
        Word const count = size;
        if (count > bytes_at_most || 2 + (count + 3) / 4 > call.length)
            return call.refuse(Error::RangeError, "more bytes than words");
        if (!covers(ports, port, 1)) return call.refuse(Error::RangeError, "port outside the capability's range");
        for (Word i = 0; i < count; ++i) arch::port_out(port, 1, call.word(2 + i / 4) >> i % 4 * 8 & 0xff);
        return call.result();
    }
    default: return call.refuse(Error::IllegalOperation, "not an IoPorts invocation");
    }
}

} // namespace kernel
