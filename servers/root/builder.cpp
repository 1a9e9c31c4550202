#include "builder.hpp"
#include <algorithm>
#include <cstring>

namespace root {

using abi::Address;
using abi::CapabilityPointer;
using abi::ObjectType;
using abi::Word;
using ipc::own_address_space;
using ipc::own_cnode;
using ipc::Result;

namespace {

constexpr Word page = abi::page_size;
constexpr Word table_span = Word{1} << abi::large_page_bits;
constexpr Word stack_bytes = 256 << 10;
constexpr Word batch = 64;              ///< frames handled at a time
constexpr Address scratch = 0x20000000; ///< root's own window for filling a new page
constexpr Word time_slice_microseconds = 10000;

constexpr Word pages(std::uint64_t bytes) { return static_cast<Word>((bytes + page - 1) / page); }

// Slots of ServerRecord::objects.
enum ObjectSlot : Word {
    cnode_slot,
    space_slot,
    thread_slot,
    notification_slot,
    sched_slot,
    untyped_slot,
    ipc_slot,
    temporary_slot
};

/// Steps of which each is made only if the one before went well.
class Steps {
public:
    explicit Steps(Result<void> first) : status_{first} {}
    template <class Step>
    Steps then(Step step) && {
        return Steps{status_ ? step() : status_};
    }
    operator Result<void>() const { return status_; }

private:
    Result<void> status_;
};

/// One instance under construction.
class Instance {
public:
    Instance(World& world, ServerRecord& server) : world_{world}, server_{server} {}

    Result<void> build() {
        auto const& definition = *server_.definition;
        auto executable = read_executable(server_.program);
        if (!executable) { return ipc::fail(ipc::Error::NotExecutable); }
        auto untyped_bits = static_cast<Word>(std::countr_zero(static_cast<Word>(definition.memory)));
        Result<void> status = Steps{make(ObjectType::Untyped, untyped_bits, untyped_slot)}
                                  .then([&] { return make(ObjectType::CNode, definition.slots, cnode_slot); })
                                  .then([&] { return make(ObjectType::AddressSpace, 0, space_slot); })
                                  .then([&] { return make(ObjectType::Thread, 0, thread_slot); })
                                  .then([&] { return make(ObjectType::Notification, 0, notification_slot); })
                                  .then([&] { return make(ObjectType::SchedContext, 0, sched_slot); })
                                  .then([&] { return make(ObjectType::Frame, 0, ipc_slot); });
        if (!status) { return status; }
        status = Steps{map_image(*executable)}
                     .then([&] {
                         return fill(ipc::server_address::stack_top - stack_bytes, stack_bytes,
                                     abi::right::read | abi::right::write, {});
                     })
                     .then([&] {
                         return fill(ipc::server_address::heap, static_cast<Word>(definition.heap),
                                     abi::right::read | abi::right::write, {});
                     })
                     .then([&] { return map_info(untyped_bits); })
                     .then([&] {
                         return map_frame(slot(ipc_slot), ipc::server_address::ipc_buffer,
                                          abi::right::read | abi::right::write);
                     })
                     .then([&] { return give_capabilities(); });
        if (!status) { return status; }
        return run(executable->entry);
    }

private:
    CapabilityPointer slot(ObjectSlot which) const { return server_.objects + which; }
    ipc::object::AddressSpace space() const { return ipc::object::AddressSpace{slot(space_slot)}; }

    Result<void> retype(ObjectType type, Word size_bits, CapabilityPointer first, Word count) {
        Result<void> result = ipc::fail(ipc::Error::NoMemory);
        for (Word i = 0; i < server_.body_count; ++i) {
            result = ipc::object::Untyped{server_.bodies[i]}.retype(type, size_bits, own_cnode(), first, count);
            if (result) { break; }
        }
        return result;
    }
    Result<void> make(ObjectType type, Word size_bits, ObjectSlot which) {
        return retype(type, size_bits, slot(which), 1);
    }

    /// The capability of the page table is not needed once it is mapped: the mapping holds it.
    Result<void> make_table(Address address) {
        auto made = retype(ObjectType::PageTable, 0, slot(temporary_slot), 1);
        if (!made) { return made; }
        auto mapped = ipc::object::PageTable{slot(temporary_slot)}.map(space(), address);
        if (!mapped) {
            static_cast<void>(own_cnode().remove(slot(temporary_slot)));
            return mapped;
        }
        if (server_.table_count == ServerRecord::maximum_tables) { return ipc::fail(ipc::Error::NoMemory); }
        auto const kept = server_.tables[server_.table_count++] = ipc::slots().take();
        return own_cnode().move(kept, own_cnode(), slot(temporary_slot));
    }
    Result<void> map_frame(CapabilityPointer frame, Address address, Word rights) {
        auto mapped = ipc::object::Frame{frame}.map(space(), address, rights);
        if (!mapped && mapped.error() == ipc::from_kernel(abi::Error::FailedLookup)) {
            return Steps{make_table(address)}.then(
                [&] { return ipc::object::Frame{frame}.map(space(), address, rights); });
        }
        return mapped;
    }

    /// Fresh frames at [address, address + bytes); `content` goes to the start, the rest is zero. The frame capabilities are
    /// deleted once mapped: the mappings, children of the body's Untyped, keep the memory.
    Result<void> fill(Address address, Word bytes, Word rights, std::span<std::byte const> content) {
        Word const first = batch_slots();
        for (Word done = 0; done < pages(bytes);) {
            Word const count = std::min(batch, pages(bytes) - done);
            Result<void> status = retype(ObjectType::Frame, 0, first, count);
            Word made = count;
            if (!status) { // the bodies' ends: page by page
                status = retype(ObjectType::Frame, 0, first, 1);
                made = 1;
            }
            for (Word i = 0; status && i < made; ++i) {
                Address const at = address + (done + i) * page;
                std::size_t const offset = std::size_t{done + i} * page;
                if (offset < content.size()) {
                    status = write_page(first + i,
                                        content.subspan(offset, std::min<std::size_t>(page, content.size() - offset)));
                }
                if (status) { status = map_frame(first + i, at, rights); }
            }
            static_cast<void>(own_cnode().delete_range(first, made));
            if (!status) { return status; }
            done += made;
        }
        return {};
    }
    Result<void> write_page(CapabilityPointer frame, std::span<std::byte const> content) {
        auto mapped = ipc::object::Frame{frame}.map(own_address_space(), scratch, abi::right::read | abi::right::write);
        if (!mapped) { return mapped; }
        std::memcpy(reinterpret_cast<void*>(scratch), content.data(), content.size());
        auto unmapped = own_address_space().unmap(scratch, 1);
        return unmapped ? Result<void>{} : ipc::fail(unmapped.error());
    }
    static Word batch_slots() {
        static Word first = 0;
        if (first == 0) {
            // Consecutive by construction: taken in one go before anything else is freed. Three at a time is the allocator's limit.
            first = ipc::slots().take();
            for (Word expected = first + 1; expected < first + batch; ++expected) {
                if (ipc::slots().take() != expected) { return first = 0; }
            }
        }
        return first;
    }

    /// Segments of the server share no page (the linker aligns them): each is filled with a copy of its part of the file.
    Result<void> map_image(Executable const& executable) {
        for (std::size_t i = 0; i < executable.segment_count; ++i) {
            auto const& segment = executable.segments[i];
            Word const offset = segment.address % page;
            if (offset > segment.file_offset) { return ipc::fail(ipc::Error::NotExecutable); }
            auto const content = segment.file_bytes == 0 ? std::span<std::byte const>{}
                                                         : server_.program.subspan(segment.file_offset - offset,
                                                                                   segment.file_bytes + offset);
            auto status = fill(segment.address - offset, segment.memory_bytes + offset,
                               abi::right::read | (segment.writable ? abi::right::write : 0), content);
            if (!status) { return status; }
        }
        return {};
    }

    Result<void> map_info(Word untyped_bits) {
        static ipc::ServerInfo info;
        auto const& definition = *server_.definition;
        auto const& boot = world_.store->boot();
        info = {};
        info.magic = ipc::server_info_magic;
        info.server_id = server_.number;
        std::copy_n(definition.name.data(), std::min(definition.name.size(), sizeof info.name - 1), info.name);
        info.cnode_radix = definition.slots;
        info.heap_bytes = static_cast<Word>(definition.heap);
        info.untyped_bits = untyped_bits;
        info.tsc_per_millisecond = boot.tsc_per_millisecond;
        info.generation = server_.generation;
        info.need_count = static_cast<Word>(definition.need_count);
        std::memcpy(info.command_line, boot.command_line, sizeof info.command_line);
        for (std::size_t i = 0; i < definition.need_count; ++i) {
            auto const& need = definition.needs[i];
            auto& entry = info.needs[i];
            std::copy_n(need.name.data(), std::min(need.name.size(), sizeof entry.name - 1), entry.name);
            entry.slot = ipc::server_slot::first_need + static_cast<Word>(i);
            entry.argument = need.kind == Need::Kind::Interrupt || need.kind == Need::Kind::Ports ? need.first : 0;
            if (need.kind == Need::Kind::BootImage) { info.boot_image_bytes = world_.image_bytes; }
        }
        return fill(ipc::server_address::info, page, abi::right::read, std::as_bytes(std::span{&info, 1}));
    }

    Result<void> map_boot_image() {
        Word const count = pages(world_.image_bytes);
        for (Word done = 0; done < count;) {
            Address const to = ipc::server_address::boot_image + done * page;
            Word const part = std::min(count - done, table_span / page);
            if (auto table = make_table(to); !table) { return table; }
            auto copied =
                space().copy_range(own_address_space(), world_.image + done * page, to, part, abi::right::read, false);
            if (!copied) { return ipc::fail(copied.error()); }
            done += part;
        }
        return {};
    }

    Result<void> give_capabilities() {
        ipc::object::CNode const to{slot(cnode_slot)};
        Word const number = server_.number;
        auto copy = [&](Word target, CapabilityPointer source) { return to.copy(target, own_cnode(), source); };
        Result<void> status =
            Steps{copy(ipc::server_slot::thread, slot(thread_slot))}
                .then([&] { return copy(ipc::server_slot::cnode, slot(cnode_slot)); })
                .then([&] { return copy(ipc::server_slot::address_space, slot(space_slot)); })
                // Moved, not copied: an Untyped with a copy cannot be retyped.
                .then([&] { return to.move(ipc::server_slot::untyped, own_cnode(), slot(untyped_slot)); })
                .then([&] { return copy(ipc::server_slot::endpoint, server_.endpoint); })
                .then([&] { return copy(ipc::server_slot::notification, slot(notification_slot)); })
                .then([&] { return copy(ipc::server_slot::debug, abi::boot_slot::debug); })
                .then([&] {
                    return to.mint(ipc::server_slot::supervisor, own_cnode(), ipc::server_slot::endpoint,
                                   abi::right::all & ~abi::right::read, number);
                })
                .then([&] { return copy(ipc::server_slot::sched_context, slot(sched_slot)); });
        for (std::size_t i = 0; status && i < server_.definition->need_count; ++i) {
            status = give_need(to, server_.definition->needs[i], ipc::server_slot::first_need + static_cast<Word>(i));
        }
        return status;
    }
    Result<void> give_need(ipc::object::CNode to, Need const& need, Word target) {
        constexpr Word call_rights = abi::right::all & ~abi::right::read;
        switch (need.kind) {
        case Need::Kind::Memory:
        case Need::Kind::Supervisor:
            return to.mint(target, own_cnode(), ipc::server_slot::endpoint, call_rights, server_.number);
        case Need::Kind::SchedControl: return to.copy(target, own_cnode(), world_.sched_control);
        case Need::Kind::Debug: return to.copy(target, own_cnode(), abi::boot_slot::debug);
        case Need::Kind::BootImage: return map_boot_image();
        case Need::Kind::Interrupt: return ipc::object::IrqControl{world_.irq_control}.get(need.first, to, target);
        case Need::Kind::Ports:
            return ipc::object::IoPortControl{world_.io_port_control}.issue(need.first, need.last, to, target);
        case Need::Kind::Server:
            return to.mint(target, own_cnode(), world_.servers[need.first].endpoint, call_rights,
                           need.last != 0 ? need.last : server_.number);
        }
        return ipc::fail(ipc::Error::Invalid);
    }

    Result<void> run(Address entry) {
        ipc::object::Thread const thread{slot(thread_slot)};
        auto const handler = slot(temporary_slot);

        Result<void> status =
            Steps{own_cnode().mint(handler, own_cnode(), ipc::server_slot::endpoint,
                                   abi::right::all & ~abi::right::read, fault_badge_base + server_.number)}
                .then([&] { return thread.set_fault_handler(handler); });
        static_cast<void>(own_cnode().remove(handler));
        if (!status) { return status; }
        abi::Registers registers{};
        registers.eip = entry;
        registers.esp = ipc::server_address::stack_top - 16;
        status =
            Steps{thread.configure(ipc::object::CNode{slot(cnode_slot)},
                                   ipc::guard_word(0, 32 - server_.definition->slots), space(),
                                   ipc::server_address::ipc_buffer, ipc::object::Frame{slot(ipc_slot)})}
                .then([&] { return thread.set_priority(server_.definition->priority); })
                .then([&] { return thread.set_name(server_.definition->name); })
                .then([&] { return thread.bind_notification(slot(notification_slot)); })
                .then([&] {
                    return ipc::object::SchedControl{world_.sched_control}.configure(
                        ipc::object::SchedContext{slot(sched_slot)}, time_slice_microseconds, time_slice_microseconds);
                })
                .then([&] { return ipc::object::SchedContext{slot(sched_slot)}.bind(thread); })
                .then([&] { return thread.write_registers(registers, true); });
        return status;
    }

    World& world_;
    ServerRecord& server_;
};

std::uint64_t body_bytes(World const& world, ServerRecord const& server) {
    auto const& definition = *server.definition;
    std::uint64_t image = 0;
    if (auto executable = read_executable(server.program)) {
        for (std::size_t i = 0; i < executable->segment_count; ++i) {
            image += (pages(executable->segments[i].memory_bytes) + 1) * std::uint64_t{page};
        }
    }
    std::uint64_t mapped = image + definition.heap + stack_bytes + 2 * page;
    std::uint64_t tables = 3 + (definition.heap >> abi::large_page_bits) + 1;
    for (std::size_t i = 0; i < definition.need_count; ++i) {
        if (definition.needs[i].kind == Need::Kind::BootImage) {
            // Where one body ends and the next begins nearly a table's size may be left over.
            tables += (world.image_bytes >> abi::large_page_bits) + 1 + ServerRecord::maximum_bodies / 2;
        }
    }
    return mapped + tables * abi::object_size(ObjectType::PageTable, 0).bytes + definition.memory +
           abi::object_size(ObjectType::CNode, definition.slots).bytes +
           abi::object_size(ObjectType::AddressSpace, 0).bytes + 4 * page;
}

} // namespace

Result<void> reserve_server(World& world, ServerRecord& server) {
    server.endpoint = ipc::slots().take();
    if (auto made = world.store->make(ObjectType::Endpoint, 0, server.endpoint); !made) { return made; }
    server.objects = ipc::slots().take(3); // with the next takes: consecutive while root alone allocates
    for (Word i = 3; i < ServerRecord::object_slots; ++i) {
        if (ipc::slots().take() != server.objects + i) { return ipc::fail(ipc::Error::NoMemory); }
    }
    // Powers of two that add up to what is needed, the largest first; at least 16 KiB each.
    constexpr std::uint64_t smallest = 16 << 10;
    std::uint64_t left = (body_bytes(world, server) + smallest - 1) / smallest * smallest;
    server.memory_bytes = static_cast<Word>(left);
    for (Word bits = 29; bits >= 14 && left != 0; --bits) {
        if ((left >> bits & 1) == 0) { continue; }
        if (server.body_count == ServerRecord::maximum_bodies) { return ipc::fail(ipc::Error::NoMemory); }
        auto const slot = ipc::slots().take();
        if (auto made = world.store->make(ObjectType::Untyped, bits, slot); !made) { return made; }
        server.bodies[server.body_count] = slot;
        server.body_bits[server.body_count++] = bits;
        left &= ~(std::uint64_t{1} << bits);
    }
    return {};
}

Result<void> start_server(World& world, ServerRecord& server) {
    auto result = Instance{world, server}.build();
    if (!result) {
        stop_server(server);
        return result;
    }
    server.thread = server.objects + thread_slot;
    server.state = ServerRecord::State::Starting;
    return {};
}

void stop_server(ServerRecord& server) {
    for (Word i = 0; i < server.body_count; ++i) { static_cast<void>(own_cnode().revoke(server.bodies[i])); }
    while (server.table_count != 0) { ipc::slots().give(server.tables[--server.table_count]); }
    server.thread = 0;
    server.state = ServerRecord::State::Dead;
}

} // namespace root
