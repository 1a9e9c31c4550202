// The end of a stack and a fresh one in its place.
#include "guest_stacks.hpp"

namespace netns {

using ipc::own_cnode;
namespace stack = proto::stack;

void GuestStacks::wake_clients(Stack& dead) {
    auto const temporary = dead.objects[temporary_slot];
    auto const of_stack = cnode(dead);
    // Its Reply objects are made of this: with them go the waits of callers (ServerDied).
    static_cast<void>(of_stack.revoke(ipc::server_slot::untyped));
    // What it was given are notifications of those who poll. They ask again and are answered by the fresh one. There are
    // capabilities of its own endpoint, too: nobody receives there, and nobody waits for that.
    auto const slots = abi::Word{1} << (dead.large ? large_radix : small_radix);
    for (abi::Word slot = stack::first_free_slot; slot < slots; ++slot) {
        if (!own_cnode().copy(temporary, of_stack, slot)) { continue; }
        ipc::SystemCall call;
        call.info = abi::MessageInfo{}.with(abi::Syscall::NonBlockingSend);
        call.target = temporary;
        ipc::sys_call(call);
        static_cast<void>(own_cnode().remove(temporary));
    }
}

void GuestStacks::take_legacy(Stack& dead, stack::StatusPage const& left, Legacy& legacy) {
    auto const of_stack = cnode(dead);
    auto const take = [&](abi::Word slot) {
        auto const own = ipc::slots().take();
        if (own != 0 && own_cnode().move(own, of_stack, slot)) { return own; }
        ipc::slots().give(own);
        return abi::CapabilityPointer{0};
    };
    legacy.sockets = left.saved; // its author was broken: only what the capabilities say counts, and they are its own
    legacy.sockets.count = std::min(legacy.sockets.count, stack::SavedSockets::maximum);
    legacy.endpoint = take(ipc::server_slot::endpoint);
    auto const end = abi::Word{1} << (dead.large ? large_radix : small_radix);
    for (std::uint32_t i = 0; i < legacy.sockets.count; ++i) {
        auto& listener = legacy.sockets.listeners[i];
        legacy.sessions[i] = listener.slot >= stack::first_free_slot && listener.slot < end ? take(listener.slot) : 0;
        listener.slot = legacy.sessions[i] != 0 ? end - stack::kept_slots + i : 0;
        if (listener.slot == 0) { listener.badge = 0; }
    }
}

ipc::Result<void> GuestStacks::hand_over(ipc::object::CNode to, Legacy const& legacy) {
    if (auto moved = to.move(ipc::server_slot::endpoint, own_cnode(), legacy.endpoint); !moved) { return moved; }
    for (std::uint32_t i = 0; i < legacy.sockets.count; ++i) {
        if (legacy.sessions[i] != 0) {
            static_cast<void>(to.move(legacy.sockets.listeners[i].slot, own_cnode(), legacy.sessions[i]));
        }
    }
    return {};
}

ipc::Result<void> GuestStacks::restart(std::uint32_t number) {
    static Legacy legacy; // too large for our stack
    Stack& dead = stacks_[number];
    static_cast<void>(ipc::object::Thread{dead.objects[thread_slot]}.suspend());
    std::memcpy(legacy.configuration.data(), configuration(number).data(), legacy.configuration.size());
    wake_clients(dead);
    take_legacy(dead, status(number), legacy);
    tear_down(dead);
    ++dead.generation;
    auto built = legacy.endpoint != 0 ? build(number, &legacy) : ipc::Result<void>{ipc::fail(ipc::Error::NoMemory)};
    if (!built) { tear_down(dead); }
    if (legacy.endpoint != 0) { ipc::release_slot(legacy.endpoint); }
    for (std::uint32_t i = 0; i < legacy.sockets.count; ++i) {
        if (legacy.sessions[i] != 0) { ipc::release_slot(legacy.sessions[i]); }
    }
    return built;
}

} // namespace netns
