#include "kinds.hpp"
#include "user/linux/layout.hpp"

namespace proc {

bool NamespaceKinds::add(std::string_view name, proto::NamespaceKind kind, abi::CapabilityPointer first) {
    using proto::NamespaceKind;
    namespace slot = linux_process::slot;
    if (size_ == maximum) return false;
    NamespaceKindEntry& entry = entries_[size_++];
    entry.name = ipc::Text<32>{name};
    entry.kind = kind;
    entry.first = first;
    entry.flag = proto::namespace_flag(kind);
    switch (kind) {
    case NamespaceKind::Uts: entry.session_slot = slot::uts; break;
    case NamespaceKind::Ipc: entry.session_slot = slot::ipc; break;
    case NamespaceKind::Network: entry.session_slot = slot::network; break;
    case NamespaceKind::Cgroup: entry.session_slot = slot::cgroup; break;
    case NamespaceKind::Time: entry.session_slot = slot::time; break;
    default: break; // its programs speak to it through its file in /proc/PID/ns
    }
    flags_ |= entry.flag;
    return true;
}

int NamespaceKinds::find(std::string_view name) const {
    for (unsigned i = 0; i < size_; ++i) {
        if (entries_[i].name.view() == name) return static_cast<int>(i);
    }
    return -1;
}

int NamespaceKinds::find(proto::NamespaceKind kind) const {
    for (unsigned i = 0; i < size_; ++i) {
        if (entries_[i].kind == kind) return static_cast<int>(i);
    }
    return -1;
}

} // namespace proc
