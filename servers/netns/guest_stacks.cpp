#include "guest_stacks.hpp"
#include "guest_kernel.hpp"
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include <algorithm>

namespace netns {

namespace {
constexpr Address stack_window = 0x40000000;
constexpr Word stack_window_bytes = 0x10000;
static_assert(stack::configuration_bytes + stack::status_bytes <= stack_window_bytes);
constexpr Word priority = 181, time_slice_microseconds = 10000;
constexpr Word untyped_bits = 14;
constexpr Word call_rights = abi::right::all & ~abi::right::read;

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

} // namespace netns
