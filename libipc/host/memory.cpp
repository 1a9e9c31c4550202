#include "world.hpp"
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace ipc::host {

namespace {

constexpr std::uint32_t page_limit = 1 << 16; // 256 MiB, sparse

struct MemoryFile {
    int file = memfd_create("cella-frames", 0);
    std::byte* base = nullptr;
    std::vector<bool> used = std::vector<bool>(page_limit);
    std::uint32_t hint = 1;
    MemoryFile() {
        if (file < 0 || ftruncate(file, off_t{page_limit} * abi::page_size) != 0) {
            std::perror("loopback: frame memory");
            std::abort();
        }
        base = static_cast<std::byte*>(
            mmap(nullptr, std::size_t{page_limit} * abi::page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    }
};
MemoryFile& memory() {
    static MemoryFile instance;
    return instance;
}

} // namespace

std::uint32_t allocate_pages(std::uint32_t count) {
    MemoryFile& all = memory();
    for (int pass = 0; pass < 2; ++pass) {
        std::uint32_t run = 0;
        for (std::uint32_t page = pass == 0 ? all.hint : 1; page < page_limit; ++page) {
            run = all.used[page] ? 0 : run + 1;
            if (run == count) {
                std::uint32_t const first = page + 1 - count;
                for (std::uint32_t i = first; i <= page; ++i) { all.used[i] = true; }
                all.hint = page + 1;
                std::memset(page_memory(first), 0, std::size_t{count} * abi::page_size);
                return first;
            }
        }
    }
    std::fprintf(stderr, "loopback: no frame memory left\n");
    std::abort();
}

void free_pages(std::uint32_t first, std::uint32_t count) {
    MemoryFile& all = memory();
    for (std::uint32_t i = first; i < first + count; ++i) { all.used[i] = false; }
    all.hint = std::min(all.hint, first);
}

std::byte* page_memory(std::uint32_t page) { return memory().base + std::size_t{page} * abi::page_size; }

void map_here(abi::Address address, std::uint32_t page, Word rights) {
    int const protection =
        (rights & abi::right::read ? PROT_READ : 0) | (rights & abi::right::write ? PROT_READ | PROT_WRITE : 0);
    void* const wanted = reinterpret_cast<void*>(static_cast<std::uintptr_t>(address));
    // The address sanitizer's shadow begins at 0x7fff8000.
    if (address < 0x10000000 || address >= 0x7ff00000 ||
        mmap(wanted, abi::page_size, protection, MAP_SHARED | MAP_FIXED, memory().file, off_t{page} * abi::page_size) !=
            wanted) {
        std::fprintf(stderr, "loopback: cannot map at %#x\n", address);
        std::abort();
    }
}

void unmap_here(abi::Address address) {
    munmap(reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)), abi::page_size);
}

HostFrame::HostFrame(std::uint32_t page_count)
    : HostObject{Kind::Frame}, pages{page_count}, first{allocate_pages(page_count)} {}
HostFrame::~HostFrame() { free_pages(first, pages); }
std::byte* HostFrame::memory() const { return page_memory(first); }

HostAddressSpace::~HostAddressSpace() {
    for (auto const& [page, mapping] : pages) {
        if (is_own) { unmap_here(page << abi::page_bits); }
        if (world_exists()) { world().remove_node(mapping.node); }
    }
}

} // namespace ipc::host
