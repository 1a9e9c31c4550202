// Sessions at the owners of namespaces: opened by proc when one is first needed, and again after fork, unshare and setns.
#pragma once
#include "vdso.hpp"

namespace vdso {

/// The slot of the session was empty, or it has ended with its server: proc was asked to open it. False: it could not.
[[gnu::noinline, gnu::cold]] inline bool open_session(ThreadArea& thread, proto::NamespaceKind kind, Error error) {
    if (error != ipc::from_kernel(abi::Error::InvalidCapability) &&
        error != ipc::from_kernel(abi::Error::FailedLookup)) {
        return false;
    }
    return ipc::call<proto::Process::OpenSession>(process(thread), kind).has_value();
}

/// ipc::call on the session of that kind.
template <class M, class P, class... Xs>
ipc::Result<typename M::Reply> session_call(ThreadArea& thread, proto::NamespaceKind kind, ipc::Cap<P> session,
                                            Xs const&... arguments) {
    auto result = ipc::call<M>(session, arguments...);
    if (!result && open_session(thread, kind, result.error())) [[unlikely]] {
        result = ipc::call<M>(session, arguments...);
    }
    return result;
}
/// ipc::call_into on the session of that kind.
template <class M, class P, class... Xs>
ipc::Result<typename M::Reply> session_call_into(ThreadArea& thread, proto::NamespaceKind kind,
                                                 abi::CapabilityPointer slot, ipc::Cap<P> session,
                                                 Xs const&... arguments) {
    auto result = ipc::call_into<M>(slot, session, arguments...);
    if (!result && open_session(thread, kind, result.error())) [[unlikely]] {
        result = ipc::call_into<M>(slot, session, arguments...);
    }
    return result;
}

} // namespace vdso
