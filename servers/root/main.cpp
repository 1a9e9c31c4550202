// Root: the first user-mode thread. Reads the manifest, builds the servers, then supervises them. Wiring only.
#include "boot_archive.hpp"
#include "guest/start.hpp"
#include "ipc/log.hpp"
#include "supervisor.hpp"

namespace {

using abi::Word;

constexpr abi::Address image_window = 0x30000000;
constexpr abi::Address scratch_window = 0x20000000; // builder.cpp fills new pages there
constexpr Word page = abi::page_size;
constexpr Word untyped_bits = 17;

alignas(4096) std::byte heap[64 << 10]; // slots and sessions: root itself allocates nothing
root::Manifest manifest;
root::ServerRecord servers[root::Manifest::maximum_servers];
root::ChunkStore chunks;

[[noreturn]] void stop(std::string_view why) {
    ipc::log("root: {}", why);
    static_cast<void>(ipc::object::Debug{ipc::server_slot::debug}.exit(1));
    for (;;) {}
}

abi::CapabilityPointer relocate(abi::CapabilityPointer from) {
    auto const to = ipc::slots().take();
    if (!ipc::own_cnode().move(to, ipc::own_cnode(), from)) { stop("a boot capability is missing"); }
    return to;
}

/// Moves the boot capabilities to where libipc expects a server's own (ipc::server_slot), and makes what is missing.
void settle(root::World& world) {
    world.irq_control = relocate(abi::boot_slot::irq_control);
    world.io_port_control = relocate(abi::boot_slot::io_port_control);
    world.sched_control = relocate(abi::boot_slot::sched_control);
    static_assert(abi::boot_slot::thread == ipc::server_slot::thread &&
                  abi::boot_slot::cnode == ipc::server_slot::cnode &&
                  abi::boot_slot::address_space == ipc::server_slot::address_space &&
                  abi::boot_slot::debug == ipc::server_slot::debug);
    auto& store = *world.store;
    if (!store.make(abi::ObjectType::Untyped, untyped_bits, ipc::server_slot::untyped) ||
        !store.make(abi::ObjectType::Endpoint, 0, ipc::server_slot::endpoint) ||
        !store.make(abi::ObjectType::Notification, 0, ipc::server_slot::notification) ||
        !ipc::object::Thread{ipc::server_slot::thread}.bind_notification(ipc::server_slot::notification)) {
        stop("no memory for root itself");
    }
}

void make_table(root::UntypedStore& store, abi::Address address) {
    auto const slot = ipc::slots().take();
    if (!store.make(abi::ObjectType::PageTable, 0, slot) ||
        !ipc::object::PageTable{slot}.map(ipc::own_address_space(), address)) {
        stop("no page table for the boot image");
    }
}

/// Maps the boot archive read-only. Its frames are made from device Untyped, so their content stays.
void map_image(root::World& world, abi::BootModule const& module) {
    auto& store = *world.store;
    Word const bytes = (module.length + page - 1) / page * page;
    for (abi::Address at = 0; at < bytes; at += Word{1} << abi::large_page_bits) {
        make_table(store, image_window + at);
    }
    auto const slot = ipc::slots().take();
    abi::Address to = image_window;
    store.for_devices(module.physical, bytes, [&](abi::CapabilityPointer untyped, abi::Address, Word size_bits) {
        for (Word i = 0; i < Word{1} << (size_bits - abi::page_bits) && to < image_window + bytes; ++i, to += page) {
            bool const mapped =
                ipc::object::Untyped{untyped}.retype(abi::ObjectType::Frame, 0, ipc::own_cnode(), slot) &&
                ipc::object::Frame{slot}.map(ipc::own_address_space(), to, abi::right::read);
            // The mapping, a child of the Untyped, stays.
            if (!mapped || !ipc::own_cnode().remove(slot)) { stop("the boot image cannot be mapped"); }
        }
    });
    if (to != image_window + bytes) { stop("part of the boot image is missing from the boot memory"); }
    world.image = image_window;
    world.image_bytes = module.length;
}

/// The manifest's sizes suit 256 MiB; a smaller machine gives each server its share. Whole pages, powers of two for kernel memory.
void fit_to_memory(root::ServerDefinition& server, Word memory_bytes) {
    constexpr std::uint64_t small = 1 << 20;
    std::uint64_t const share = memory_bytes / 16;
    if (server.heap > small) { server.heap = std::clamp<std::uint64_t>(share / page * page, small, server.heap); }
    while (server.memory > small && server.memory > share) { server.memory /= 2; }
}

std::string_view text_of(std::span<std::byte const> bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

} // namespace

extern "C" [[noreturn]] void root_main() {
    auto const& boot = *reinterpret_cast<abi::BootInfo const*>(abi::boot_info_address);
    ipc::guest::initialize_runtime(heap, sizeof heap,
                                   std::max<Word>(boot.first_free_slot, ipc::server_slot::first_free),
                                   1U << abi::boot_slot::cnode_radix);
    ipc::guest::construct_globals();
    if (boot.magic != abi::boot_info_magic) { stop("no boot information"); }
    root::UntypedStore store{boot};
    root::World world{.store = &store, .manifest = &manifest, .servers = servers};
    settle(world);
    make_table(store, scratch_window);
    if (boot.module_count == 0) { stop("no boot image: the second multiboot module is missing"); }
    map_image(world, boot.modules[0]);
    std::span const archive{reinterpret_cast<std::byte const*>(world.image), world.image_bytes};
    auto const text = root::find_in_archive(archive, "manifest");
    if (!text) { stop("no manifest in the boot image"); }
    if (auto const fault = root::parse_manifest(text_of(*text), manifest); fault.line != 0) {
        ipc::log("root: manifest line {}: {}: {}", fault.line, fault.word, fault.what);
        stop("the manifest is not sound");
    }
    auto const stand_in = root::find_in_archive(archive, "servers/nobody");
    if (!stand_in) { stop("the image has no servers/nobody"); }
    world.stand_in = *stand_in;
    for (Word i = 0; i < manifest.server_count; ++i) {
        auto& server = servers[i];
        server.definition = &manifest.servers[i];
        server.number = i + 1;
        fit_to_memory(manifest.servers[i], boot.memory_bytes);
        char path[64] = "servers/";
        auto const name = server.definition->name.substr(0, 40);
        std::copy_n(name.data(), name.size(), path + 8);
        auto const program = root::find_in_archive(archive, {path, 8 + name.size()});
        if (!program) {
            ipc::log("root: the image has no {}", std::string_view{path, 8 + name.size()});
            stop("a server is missing");
        }
        server.program = *program;
        if (!root::reserve_server(world, server)) {
            ipc::log("root: no memory for {}: give the machine more (boot/run --memory MB)", name);
            stop("out of memory");
        }
    }
    chunks.fill(store, boot.untyped_count);
    for (Word i = 0; i < manifest.server_count; ++i) {
        if (auto const started = root::start_server(world, servers[i]); !started) {
            ipc::log("root: {} cannot be started: error {}", servers[i].definition->name,
                     static_cast<Word>(started.error()));
            stop("a server is missing");
        }
    }
    root::Supervisor supervisor{world, chunks};
    ipc::serve<proto::Memory, proto::Supervisor>(supervisor);
}

// The kernel starts root here, on a stack of its own, without arguments.
asm(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tcall root_main\n");
