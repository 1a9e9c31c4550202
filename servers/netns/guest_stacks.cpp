#include "guest_stacks.hpp"
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include <algorithm>

namespace netns {

using abi::Address;
using abi::CapabilityPointer;
using abi::ObjectType;
using abi::Word;
using ipc::own_address_space;
using ipc::own_cnode;
namespace stack = proto::stack;

namespace {
constexpr Word table_span = Word{1} << abi::large_page_bits;
constexpr Address stack_window = 0x40000000, scratch_window = 0x4F000000, ring_window = 0x50000000;
constexpr Word stack_window_bytes = 0x10000;
static_assert(stack::configuration_bytes + stack::status_bytes <= stack_window_bytes);
constexpr Word priority = 181, time_slice_microseconds = 10000;
constexpr Word untyped_bits = 14;
constexpr Word call_rights = abi::right::all & ~abi::right::read, data_rights = abi::right::read | abi::right::write;

ipc::Result<void> mint_bell(CapabilityPointer notification, CapabilityPointer slot, Word bit) {
    return own_cnode().mint(slot, own_cnode(), notification, abi::right::write, Word{1} << bit);
}
} // namespace

GuestStacks::GuestStacks(ipc::ServerInfo const& info, ProgramImage const& program)
    : info_{info}, program_{program}, blocks_{ipc::Cap<proto::Memory>{ipc::need(info, "memory")}},
      sched_control_{ipc::need(info, "sched-control")}, card_{ipc::Cap<proto::NetworkCard>{
                                                            ipc::need(info, "network-card")}} {
    if (auto const bell = ipc::mint_notification(doorbell_bit)) { doorbell_ = bell->slot; }
}

Address GuestStacks::window(std::uint32_t number) const { return stack_window + number * stack_window_bytes; }

std::span<std::byte> GuestStacks::configuration(std::uint32_t number) {
    return {reinterpret_cast<std::byte*>(window(number)), stack::configuration_bytes};
}
stack::StatusPage const& GuestStacks::status(std::uint32_t number) {
    return *reinterpret_cast<stack::StatusPage const*>(window(number) + stack::configuration_bytes);
}
void GuestStacks::signal(std::uint32_t number, Word bit) {
    ipc::signal(stacks_[number].objects[bit == stack::timer_bit ? timer_bell : configuration_bell]);
}

ipc::Result<void> GuestStacks::make(Stack& stack, ObjectType type, Word size_bits, CapabilityPointer slot) {
    for (auto block = stack.blocks.rbegin(); block != stack.blocks.rend(); ++block) {
        if (ipc::object::Untyped{*block}.retype(type, size_bits, own_cnode(), slot)) { return {}; }
    }
    if (stack.blocks.size() >= blocks_maximum) { return ipc::fail(ipc::Error::NoMemory); }
    auto const block = blocks_.take();
    if (!block) { return ipc::fail(block.error()); }
    stack.blocks.push_back(*block);
    return ipc::object::Untyped{*block}.retype(type, size_bits, own_cnode(), slot);
}

ipc::Result<void> GuestStacks::table(Stack& stack, Address address) {
    address = address / table_span * table_span;
    if (std::ranges::find(stack.tables, address) != stack.tables.end()) { return {}; }
    auto const slot = stack.objects[temporary_slot];
    if (auto made = make(stack, ObjectType::PageTable, 0, slot); !made) { return made; }
    auto const mapped = ipc::object::PageTable{slot}.map(space(stack), address);
    static_cast<void>(own_cnode().remove(slot)); // the mapping keeps it
    if (mapped) { stack.tables.push_back(address); }
    return mapped;
}

ipc::Result<void> GuestStacks::own_table(Address address) {
    address = address / table_span * table_span;
    if (std::ranges::find(own_tables_, address) != own_tables_.end()) { return {}; }
    auto const slot = ipc::make_object(ObjectType::PageTable);
    if (!slot) { return ipc::fail(slot.error()); }
    auto const mapped = ipc::object::PageTable{*slot}.map(own_address_space(), address);
    ipc::release_slot(*slot);
    if (mapped) { own_tables_.push_back(address); }
    return mapped;
}

ipc::Result<void> GuestStacks::pages(Stack& stack, Address address, Word count, Word rights,
                                     std::span<std::byte const> content, Address window) {
    auto const slot = stack.objects[temporary_slot];
    for (Word i = 0; i < count; ++i, address += page) {
        if (auto ready = table(stack, address); !ready) { return ready; }
        if (auto made = make(stack, ObjectType::Frame, 0, slot); !made) { return made; }
        ipc::object::Frame const frame{slot};
        ipc::Result<void> status{};
        if (std::size_t const offset = std::size_t{i} * page; offset < content.size()) {
            auto const part = content.subspan(offset, std::min<std::size_t>(page, content.size() - offset));
            status = own_table(scratch_window);
            if (status) { status = frame.map(own_address_space(), scratch_window, data_rights); }
            if (status) {
                std::memcpy(reinterpret_cast<void*>(scratch_window), part.data(), part.size());
                static_cast<void>(own_address_space().unmap(scratch_window, 1));
            }
        }
        if (status && window != 0) {
            status = own_table(window + i * page);
            if (status) { status = frame.map(own_address_space(), window + i * page, data_rights); }
        }
        if (status) { status = frame.map(space(stack), address, rights); }
        static_cast<void>(own_cnode().remove(slot));
        if (!status) { return status; }
    }
    return {};
}

ipc::Result<void> GuestStacks::fill(std::uint32_t number) {
    Stack& stack = stacks_[number];
    for (std::size_t i = 0; i < program_.segment_count; ++i) {
        auto const& segment = program_.segments[i];
        Word const offset = segment.address % page;
        Address const start = segment.address - offset;
        Word const count = (segment.memory_bytes + offset + page - 1) / page;
        if (segment.writable) {
            // The file's page before the segment may hold another's bytes: only its own part is taken.
            static std::byte content[64 << 10];
            if (offset + segment.file_bytes > sizeof content) { return ipc::fail(ipc::Error::NotExecutable); }
            std::memset(content, 0, offset);
            std::memcpy(content + offset, program_.file.data() + segment.file_offset, segment.file_bytes);
            if (auto made = pages(stack, start, count, data_rights, {content, offset + segment.file_bytes}); !made) {
                return made;
            }
        } else {
            if (auto ready = table(stack, start); !ready) { return ready; }
            auto const from = reinterpret_cast<Address>(program_.file.data() + segment.file_offset - offset);
            auto const copied =
                space(stack).copy_range(own_address_space(), from, start, count, abi::right::read, false);
            if (!copied) { return ipc::fail(copied.error()); }
        }
    }
    static ipc::ServerInfo info;
    info = {};
    info.magic = ipc::server_info_magic;
    info.server_id = number;
    std::memcpy(info.name, "netstack", 9);
    info.cnode_radix = stack.large ? large_radix : small_radix;
    info.heap_bytes = stack::heap_bytes;
    info.untyped_bits = untyped_bits;
    info.tsc_per_millisecond = info_.tsc_per_millisecond;
    info.generation = stack.generation;
    if (auto made = pages(stack, ipc::server_address::info, 1, abi::right::read, std::as_bytes(std::span{&info, 1}));
        !made) {
        return made;
    }
    if (auto made =
            pages(stack, ipc::server_address::stack_top - stack::stack_bytes, stack::stack_bytes / page, data_rights);
        !made) {
        return made;
    }
    if (auto made = pages(stack, stack::configuration_address, stack::configuration_bytes / page, abi::right::read, {},
                          window(number));
        !made) {
        return made;
    }
    return pages(stack, stack::status_address, stack::status_bytes / page, data_rights, {},
                 window(number) + stack::configuration_bytes);
}

ipc::Result<void> GuestStacks::give_capabilities(std::uint32_t number, Legacy const* legacy) {
    Stack& stack = stacks_[number];
    auto const to = cnode(stack);
    auto const temporary = stack.objects[temporary_slot];
    struct Copy {
        Word target;
        CapabilityPointer source;
    };
    for (auto const& copy :
         {Copy{ipc::server_slot::thread, stack.objects[thread_slot]},
          Copy{ipc::server_slot::cnode, stack.objects[cnode_slot]},
          Copy{ipc::server_slot::address_space, stack.objects[space_slot]},
          Copy{ipc::server_slot::notification, stack.objects[notification_slot]},
          Copy{ipc::server_slot::debug, ipc::server_slot::debug},
          Copy{ipc::server_slot::sched_context, stack.objects[sched_slot]}, Copy{stack::doorbell_slot, doorbell_}}) {
        if (auto copied = to.copy(copy.target, own_cnode(), copy.source); !copied) { return copied; }
    }
    auto const begins =
        legacy == nullptr ? to.copy(ipc::server_slot::endpoint, own_cnode(), stack.endpoint) : hand_over(to, *legacy);
    if (!begins) { return begins; }
    if (auto minted =
            to.mint(stack::network_slot, own_cnode(), ipc::server_slot::endpoint, call_rights, stack.network_badge);
        !minted) {
        return minted;
    }
    if (auto made = make(stack, ObjectType::Untyped, untyped_bits, temporary); !made) { return made; }
    return to.move(ipc::server_slot::untyped, own_cnode(), temporary);
}

ipc::Result<void> GuestStacks::run(std::uint32_t number) {
    Stack& stack = stacks_[number];
    ipc::object::Thread const thread{stack.objects[thread_slot]};
    auto const temporary = stack.objects[temporary_slot];
    if (auto minted = own_cnode().mint(temporary, own_cnode(), ipc::server_slot::endpoint, call_rights,
                                       fault_badge_base + number);
        !minted) {
        return minted;
    }
    auto status = thread.set_fault_handler(temporary);
    static_cast<void>(own_cnode().remove(temporary));
    abi::Registers registers{};
    registers.eip = program_.entry;
    registers.esp = ipc::server_address::stack_top - 16;
    Word const radix = stack.large ? large_radix : small_radix;
    ipc::object::SchedContext const context{stack.objects[sched_slot]};
    if (status) {
        status = thread.configure(cnode(stack), ipc::guard_word(0, 32 - radix), space(stack),
                                  ipc::server_address::ipc_buffer, ipc::object::Frame{stack.objects[ipc_slot]});
    }
    if (status) { status = thread.set_priority(priority); }
    if (status) { status = thread.set_name("netstack"); }
    if (status) { status = thread.bind_notification(stack.objects[notification_slot]); }
    if (status) { status = sched_control_.configure(context, time_slice_microseconds, time_slice_microseconds); }
    if (status) { status = context.bind(thread); }
    if (status) { status = thread.write_registers(registers, true); }
    return status;
}

ipc::Result<void> GuestStacks::build(std::uint32_t number, Legacy const* legacy) {
    Stack& stack = stacks_[number];
    struct Part {
        ObjectType type;
        Word size_bits;
        ObjectSlot slot;
    };
    for (auto const& part : {Part{ObjectType::CNode, stack.large ? large_radix : small_radix, cnode_slot},
                             Part{ObjectType::AddressSpace, 0, space_slot}, Part{ObjectType::Thread, 0, thread_slot},
                             Part{ObjectType::Notification, 0, notification_slot},
                             Part{ObjectType::SchedContext, 0, sched_slot}, Part{ObjectType::Frame, 0, ipc_slot}}) {
        if (auto made = make(stack, part.type, part.size_bits, stack.objects[part.slot]); !made) { return made; }
    }
    if (auto done = fill(number); !done) { return done; }
    if (legacy != nullptr) {
        std::memcpy(configuration(number).data(), legacy->configuration.data(), legacy->configuration.size());
        const_cast<stack::StatusPage&>(status(number)).saved = legacy->sockets;
    }
    ipc::object::Frame const ipc_frame{stack.objects[ipc_slot]};
    if (auto mapped = ipc_frame.map(space(stack), ipc::server_address::ipc_buffer, data_rights); !mapped) {
        return mapped;
    }
    if (auto given = give_capabilities(number, legacy); !given) { return given; }
    if (auto bell =
            mint_bell(stack.objects[notification_slot], stack.objects[configuration_bell], stack::configuration_bit);
        !bell) {
        return bell;
    }
    if (auto bell = mint_bell(stack.objects[notification_slot], stack.objects[timer_bell], stack::timer_bit); !bell) {
        return bell;
    }
    for (std::uint32_t local = 0; local < stack.rings.size(); ++local) {
        if (stack.rings[local].ring == 0) { continue; }
        if (auto mapped = map_ring(number, local); !mapped) { return mapped; }
    }
    if (auto started = run(number); !started) { return started; }
    stack.running = true;
    // Whoever has a ring with it rings the new bell.
    for (std::uint32_t other = 1; other < stacks_.size(); ++other) {
        for (std::uint32_t local = 0; stacks_[other].running && local < stacks_[other].rings.size(); ++local) {
            if (stacks_[other].rings[local].peer == number) { set_peer(other, local, number); }
        }
    }
    return {};
}

void GuestStacks::tear_down(Stack& stack) {
    stack.running = false;
    // Blocks hold every object of the stack; what it was given of others' goes with its CSpace.
    for (auto const block : stack.blocks) { blocks_.give(block); }
    stack.blocks.clear();
    stack.tables.clear();
}

ipc::Result<std::uint32_t> GuestStacks::start(Word network_badge, bool large) {
    std::uint32_t number = 1;
    while (number < stacks_.size() && stacks_[number].used) { ++number; }
    if (number > stacks_maximum) { return ipc::fail(ipc::Error::NoSpace); }
    if (number == stacks_.size()) { stacks_.emplace_back(); }
    Stack& stack = stacks_[number];
    stack = {};
    stack.used = true;
    stack.large = large;
    stack.network_badge = network_badge;
    ipc::Result<void> status{};
    auto const endpoint = ipc::make_object(ObjectType::Endpoint);
    stack.endpoint = endpoint.value_or(0);
    stack.control = ipc::slots().take();
    bool slots = stack.endpoint != 0 && stack.control != 0;
    for (auto& slot : stack.objects) {
        slot = ipc::slots().take();
        slots = slots && slot != 0;
    }
    if (slots) { status = own_cnode().mint(stack.control, own_cnode(), stack.endpoint, call_rights, 1); }
    if (slots && status) { status = build(number); }
    if (!slots || !status) {
        stop(number);
        return ipc::fail(ipc::Error::NoMemory);
    }
    return number;
}

void GuestStacks::stop(std::uint32_t number) {
    Stack& stack = stacks_[number];
    tear_down(stack);
    for (auto const slot : stack.objects) {
        if (slot != 0) { ipc::release_slot(slot); }
    }
    if (stack.control != 0) { ipc::release_slot(stack.control); }
    if (stack.endpoint != 0) { ipc::release_slot(stack.endpoint); }
    stack = {};
}

bool GuestStacks::resolve_fault(std::uint32_t number, Address address, Word) {
    if (auto const local = (address - stack::ring_address) / stack::ring_bytes;
        running(number) && address >= stack::ring_address && local < stacks_[number].rings.size() &&
        stacks_[number].rings[local].ring == card_ring) {
        // The card's memory went with its driver: the next one lends it anew.
        return map_ring(number, local).has_value();
    }
    if (!running(number) || address < stack::heap_address || address >= stack::heap_address + stack::heap_bytes) {
        return false;
    }
    address = address / page * page;
    // Several at a time: where one page is wanted the next will be.
    for (Word i = 0; i < fault_batch && address + i * page < stack::heap_address + stack::heap_bytes; ++i) {
        auto const made = pages(stacks_[number], address + i * page, 1, data_rights);
        if (!made) { return i != 0; }
    }
    return true;
}

// --- rings ---

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
