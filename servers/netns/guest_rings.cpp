// Ring pairs between stacks, and the card's: their memory, who has it mapped, whom it signals.
#include "guest_kernel.hpp"
#include "guest_stacks.hpp"
#include "ipc/log.hpp"

namespace netns {

namespace {
constexpr Address ring_window = 0x50000000; ///< in netns
} // namespace

ipc::Result<std::uint32_t> GuestStacks::make_ring() {
    static_assert(stack::ring_bytes <= Word{1} << MemoryBlocks::block_bits);
    std::uint32_t number = 1;
    while (number < rings_.size() && rings_[number].untyped != 0) { ++number; }
    if (number > rings_maximum) { return ipc::fail(ipc::Error::NoSpace); }
    if (number == rings_.size()) { rings_.emplace_back(); }
    auto const block = blocks_.take();
    if (!block) { return ipc::fail(block.error()); }
    auto const start = ring_place(number);
    auto const slot = ipc::slots().take();
    ipc::Result<void> status = own_table(start);
    for (Word i = 0; status && i < stack::ring_bytes / page; ++i) {
        status = ipc::object::Untyped{*block}.retype(ObjectType::Frame, 0, own_cnode(), slot);
        if (!status) { break; }
        status = ipc::object::Frame{slot}.map(own_address_space(), start + i * page, data_rights);
        static_cast<void>(own_cnode().remove(slot));
    }
    ipc::slots().give(slot);
    if (!status) {
        blocks_.give(*block);
        return ipc::fail(ipc::Error::NoMemory);
    }
    rings_[number].untyped = *block;
    return number;
}

void GuestStacks::remove_ring(std::uint32_t ring) {
    blocks_.give(rings_[ring].untyped); // unmaps it everywhere
    rings_[ring].untyped = 0;
}

Address GuestStacks::ring_place(std::uint32_t ring) {
    return ring_window + (ring == card_ring ? rings_maximum + 1 : ring) * stack::ring_bytes;
}

ipc::Result<Address> GuestStacks::attach_card(Stack& stack) {
    auto const bell = ipc::slots().take();
    ipc::Result<void> status = own_table(ring_place(card_ring));
    if (status) {
        status = own_cnode().mint(bell, own_cnode(), stack.objects[notification_slot], abi::right::write,
                                  Word{1} << stack::ring_bit);
    }
    if (status) { status = card_.attach(bell, ring_place(card_ring), stack::ring_bytes); }
    ipc::release_slot(bell);
    if (status) { return ring_place(card_ring); }
    ipc::log("netns: the network card's driver does not give the card: error {}", status.error());
    if (dead_end_ == 0) {
        auto const made = make_ring();
        if (!made) { return ipc::fail(made.error()); }
        dead_end_ = *made;
    }
    return ring_place(dead_end_);
}

ipc::Result<void> GuestStacks::map_ring(std::uint32_t number, std::uint32_t local) {
    Stack& stack = stacks_[number];
    auto const to = stack::ring_address + local * stack::ring_bytes;
    if (auto ready = table(stack, to); !ready) { return ready; }
    auto const ring = stack.rings[local].ring;
    auto const from = ring == card_ring ? attach_card(stack) : ipc::Result<Address>{ring_place(ring)};
    if (!from) { return ipc::fail(from.error()); }
    if (ring == card_ring) {
        static_cast<void>(space(stack).unmap(to, stack::ring_bytes / page));
    } // what is left of the last one
    auto const copied =
        space(stack).copy_range(own_address_space(), *from, to, stack::ring_bytes / page, data_rights, false);
    if (!copied) { return ipc::fail(copied.error()); }
    set_peer(number, local, stack.rings[local].peer);
    return {};
}

ipc::Result<std::uint32_t> GuestStacks::attach(std::uint32_t ring, std::uint32_t number, std::uint32_t peer) {
    Stack& stack = stacks_[number];
    std::uint32_t local = 0;
    while (local < stack.rings.size() && stack.rings[local].ring != 0) { ++local; }
    if (local >= stack::maximum_rings) { return ipc::fail(ipc::Error::NoSpace); }
    if (local == stack.rings.size()) { stack.rings.emplace_back(); }
    stack.rings[local] = {ring, peer};
    if (auto mapped = map_ring(number, local); !mapped) {
        stack.rings[local] = {};
        return ipc::fail(mapped.error());
    }
    return local;
}

void GuestStacks::set_peer(std::uint32_t number, std::uint32_t local, std::uint32_t peer) {
    Stack& stack = stacks_[number];
    stack.rings[local].peer = peer;
    if (!stack.running && stack.objects[cnode_slot] == 0) { return; }
    auto const to = cnode(stack);
    static_cast<void>(to.remove(stack::ring_slot + local));
    if (stack.rings[local].ring == card_ring) {
        if (card_.kick() != 0) { static_cast<void>(to.copy(stack::ring_slot + local, own_cnode(), card_.kick())); }
        return;
    }
    if (peer != 0 && running(peer)) {
        static_cast<void>(to.mint(stack::ring_slot + local, own_cnode(), stacks_[peer].objects[notification_slot],
                                  abi::right::write, Word{1} << stack::ring_bit));
    }
}

void GuestStacks::detach(std::uint32_t number, std::uint32_t local) {
    Stack& stack = stacks_[number];
    if (!stack.used || local >= stack.rings.size() || stack.rings[local].ring == 0) { return; }
    if (stack.running) {
        static_cast<void>(cnode(stack).remove(stack::ring_slot + local));
        static_cast<void>(
            space(stack).unmap(stack::ring_address + local * stack::ring_bytes, stack::ring_bytes / page));
    }
    if (stack.rings[local].ring == card_ring) { card_.detach(); }
    stack.rings[local] = {};
}

} // namespace netns
