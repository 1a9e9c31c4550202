// Capabilities that came with a message belong to its handler. One that has no use for them says so.
#pragma once
#include "method.hpp"
#include "slots.hpp"

namespace ipc {

template <class T>
void release_unused_one(T const&) {}
template <class P>
void release_unused_one(Cap<P> const& capability) {
    release_slot(capability.slot);
}
template <class P>
void release_unused_one(OptionalCap<P> const& capability) {
    release_slot(capability.slot);
}
/// Deletes whichever of the arguments of a request are capabilities in slots of this server, and gives the slots back.
template <class... Arguments>
void release_unused(Arguments const&... arguments) {
    (release_unused_one(arguments), ...);
}

} // namespace ipc
