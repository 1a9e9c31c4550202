#include "guest_kernel.hpp"

namespace proc {

using namespace ipc::object;
using ipc::own_address_space;
using ipc::own_cnode;
using ipc::slots;

namespace {
constexpr Error kernel_error(abi::Error error) { return ipc::from_kernel(error); }
Status status_of(Result<void> const& result) {
    if (result) return done();
    if (result.error() == kernel_error(abi::Error::NotEnoughMemory)) return fail(Error::NoMemory);
    if (result.error() == kernel_error(abi::Error::DeleteFirst)) return fail(Error::Exists);
    return fail(Error::NoEntry);
}
} // namespace

Status GuestKernel::initialize(ipc::Cap<proto::Memory> memory, Word own_radix) {
    memory_ = memory;
    auto root = ipc::make_object(abi::ObjectType::CNode, root_radix);
    if (!root) return fail(root.error());
    root_ = CNode{*root};
    if (auto minted = root_.mint(0, own_cnode(), ipc::server_slot::cnode, abi::right::all,
                                 ipc::guard_word(0, below_bits - own_radix));
        !minted) {
        return fail(minted.error());
    }
    if (auto set = Thread{ipc::server_slot::thread}.set_cspace(root_, 0); !set) return fail(set.error());
    return done();
}

Result<ChunkMemory> GuestKernel::allocate_chunk() {
    std::byte* const window = reserve_window();
    if (window == nullptr) return fail(Error::NoMemory);
    auto given = ipc::call<proto::Memory::Allocate>(memory_);
    if (!given) {
        release_window(window);
        return fail(Error::NoMemory);
    }
    ChunkMemory chunk;
    chunk.untyped = std::get<0>(*given).slot;
    chunk.number = std::get<1>(*given);
    chunk.window = window;
    Word const place = window_index(window) + 1;
    chunk.node = place << below_bits;
    chunk.node_capability = slots().take();
    Untyped const untyped{chunk.untyped};
    if (chunk.node_capability == 0 ||
        !untyped.retype(abi::ObjectType::CNode, chunk_radix, own_cnode(), chunk.node_capability) ||
        !root_.mint(place, own_cnode(), chunk.node_capability, abi::right::all,
                    ipc::guard_word(0, below_bits - chunk_radix))) {
        release_chunk(chunk);
        return fail(Error::NoMemory);
    }
    return chunk;
}

Word GuestKernel::extend_heap(std::byte* end) {
    auto const chunk = allocate_chunk();
    if (!chunk) return 0;
    constexpr Address table_mask = ~((Address{1} << abi::large_page_bits) - 1);
    Word pages = 0;
    while (pages < chunk_bytes / abi::page_size) {
        auto const address = reinterpret_cast<Address>(end) + pages * abi::page_size;
        if (!make(*chunk, abi::ObjectType::Frame, 0, pages, 1)) break; // its CNode takes some of it
        Status mapped = map_window(chunk->node + pages, reinterpret_cast<std::byte*>(address),
                                   abi::right::read | abi::right::write);
        if (!mapped) {
            // The first in a table's reach.
            auto table = ipc::make_object(abi::ObjectType::PageTable);
            if (!table) break;
            if (!PageTable{*table}.map(own_address_space(), address & table_mask)) {
                ipc::release_slot(*table);
                break;
            }
            mapped = map_window(chunk->node + pages, reinterpret_cast<std::byte*>(address),
                                abi::right::read | abi::right::write);
            if (!mapped) break;
        }
        ++pages;
    }
    if (pages == 0) release_chunk(*chunk);
    return pages * abi::page_size;
}

void GuestKernel::release_chunk(ChunkMemory const& chunk) {
    // Everything made from it goes, the CNode with all capabilities of it included.
    static_cast<void>(ipc::call<proto::Memory::Release>(memory_, chunk.number));
    static_cast<void>(root_.remove(window_index(chunk.window) + 1));
    ipc::release_slot(chunk.node_capability);
    ipc::release_slot(chunk.untyped);
    release_window(chunk.window);
}

Status GuestKernel::make(ChunkMemory const& chunk, abi::ObjectType type, Word size_bits, Word first, Word count) {
    return status_of(Untyped{chunk.untyped}.retype(type, size_bits, CNode{chunk.node_capability}, first, count));
}

std::byte* GuestKernel::reserve_window() {
    for (Word i = 0; i < window_count; ++i) {
        Word const index = (window_hint_ + i) % window_count;
        if (window_used_[index] != 0) continue;
        Address const address = ipc::server_address::window + index * chunk_bytes;
        if (window_table_[index / 4] == 0) {
            auto table = ipc::make_object(abi::ObjectType::PageTable);
            if (!table) return nullptr;
            if (!PageTable{*table}.map(own_address_space(), address & ~((Word{1} << abi::large_page_bits) - 1))) {
                ipc::release_slot(*table);
                return nullptr;
            }
            window_table_[index / 4] = 1;
        }
        window_used_[index] = 1;
        window_hint_ = index + 1;
        return reinterpret_cast<std::byte*>(address);
    }
    return nullptr;
}

void GuestKernel::release_window(std::byte* window) {
    Word const index = window_index(window);
    window_used_[index] = 0;
    if (index < window_hint_) window_hint_ = index;
}

Status GuestKernel::map_window(CapabilityPointer frame, std::byte const* place, Word rights) {
    auto const address = reinterpret_cast<Address>(place);
    Status status = status_of(Frame{frame}.map(own_address_space(), address, rights));
    if (!status && status.error() == Error::Exists) {
        static_cast<void>(own_address_space().unmap(address, 1));
        status = status_of(Frame{frame}.map(own_address_space(), address, rights));
    }
    return status;
}

bool GuestKernel::valid(CapabilityPointer frame) { return Frame{frame}.address().has_value(); }
void GuestKernel::drop(CapabilityPointer capability) { ipc::release_slot(capability); }

Result<CapabilityPointer> GuestKernel::duplicate(CapabilityPointer capability) {
    CapabilityPointer const slot = slots().take();
    if (slot == 0) return fail(Error::NoMemory);
    if (!own_cnode().copy(slot, own_cnode(), capability)) {
        slots().give(slot);
        return fail(Error::BadDescriptor);
    }
    return slot;
}

Status GuestKernel::map(CapabilityPointer space, CapabilityPointer frame, Address address, Word rights) {
    return status_of(Frame{frame}.map(AddressSpace{space}, address, rights));
}
Status GuestKernel::map_table(CapabilityPointer space, CapabilityPointer table, Address address) {
    return status_of(PageTable{table}.map(AddressSpace{space}, address));
}
void GuestKernel::unmap_table(CapabilityPointer table) { static_cast<void>(PageTable{table}.unmap()); }
void GuestKernel::unmap(CapabilityPointer space, Address address, Word pages) {
    static_cast<void>(AddressSpace{space}.unmap(address, pages));
}
Word GuestKernel::protect(CapabilityPointer space, Address address, Word pages, Word rights) {
    return AddressSpace{space}.protect(address, pages, rights).value_or(0);
}

void GuestKernel::copy_range(CapabilityPointer from, CapabilityPointer to, Address address, Word pages, Word mask,
                             bool restrict) {
    // The kernel stops early where something lies in the way already; it never does, but nothing may hang on it.
    while (pages != 0) {
        auto const copied = AddressSpace{to}.copy_range(AddressSpace{from}, address, address, pages, mask, restrict);
        if (!copied || copied->pages == 0 || copied->pages >= pages) return;
        address += copied->pages * abi::page_size;
        pages -= copied->pages;
    }
}

void GuestKernel::copy_window(std::byte const* from, CapabilityPointer to, Address address, Word pages) {
    static_cast<void>(AddressSpace{to}.copy_range(own_address_space(), reinterpret_cast<Address>(from), address, pages,
                                                  abi::right::read, false));
}

Status GuestFiles::deny_write(CapabilityPointer file, bool deny) {
    auto const done = ipc::call<proto::VfsControl::DenyWrite>(vfs_, ipc::Cap<proto::File>{file}, deny ? 1u : 0u);
    if (!done && done.error() == Error::TextBusy) return fail(Error::TextBusy);
    return {}; // another server's file: its affair
}

Result<PageSource::Fetched> GuestFiles::page(CapabilityPointer file, Word index, bool shared_write) {
    auto answer = ipc::call<proto::File::Page>(ipc::Cap<proto::File>{file}, index, shared_write ? 1u : 0u);
    if (!answer) return fail(answer.error());
    return Fetched{std::get<0>(*answer).slot, std::get<1>(*answer).valid_bytes};
}
Result<CapabilityPointer> GuestFiles::attach_again(CapabilityPointer attachment) {
    auto const again = ipc::call<proto::File::Reopen>(ipc::Cap<proto::File>{attachment}, 0u);
    if (!again) return fail(again.error());
    return std::get<0>(*again).slot;
}

Result<proto::FileStatus> GuestFiles::status(CapabilityPointer file) {
    // Of vfs's files with global ids, which exec goes by; what a File says itself is for the eyes of who opened it.
    auto const status = ipc::call<proto::VfsControl::Status>(vfs_, ipc::Cap<proto::File>{file});
    if (status || status.error() != Error::BadDescriptor) return status;
    return ipc::call<proto::File::Stat>(ipc::Cap<proto::File>{file});
}

} // namespace proc
