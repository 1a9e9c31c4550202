// operator new and delete. No memory: the server stops, since nothing it does can go on in a consistent way.
#include "../ipc/log.hpp"
#include "heap.hpp"
#include <new>

namespace ipc::guest {
namespace {
constinit Heap server_heap;
} // namespace

Heap& heap() { return server_heap; }
} // namespace ipc::guest

using ipc::guest::heap;

namespace {
void* allocate_or_stop(std::size_t bytes) {
    void* const object = heap().allocate(bytes);
    if (object == nullptr) [[unlikely]] {
        ipc::log("heap: no memory for {} bytes, {} of {} used", bytes, heap().used_bytes(), heap().total_bytes());
        ipc::stop("out of memory");
    }
    return object;
}
} // namespace

void* operator new(std::size_t bytes) { return allocate_or_stop(bytes); }
void* operator new[](std::size_t bytes) { return allocate_or_stop(bytes); }
void* operator new(std::size_t bytes, std::nothrow_t const&) noexcept { return heap().allocate(bytes); }
void* operator new[](std::size_t bytes, std::nothrow_t const&) noexcept { return heap().allocate(bytes); }
// More than 16 (up to a page) is had from whole pages.
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    if (static_cast<std::size_t>(alignment) <= 16) { return allocate_or_stop(bytes); }
    void* const object = heap().allocate_pages(bytes);
    if (object == nullptr) { ipc::stop("out of memory"); }
    return object;
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return operator new(bytes, alignment); }
void operator delete(void* object) noexcept { heap().free(object); }
void operator delete[](void* object) noexcept { heap().free(object); }
void operator delete(void* object, std::size_t) noexcept { heap().free(object); }
void operator delete[](void* object, std::size_t) noexcept { heap().free(object); }
void operator delete(void* object, std::align_val_t) noexcept { heap().free(object); }
void operator delete[](void* object, std::align_val_t) noexcept { heap().free(object); }
void operator delete(void* object, std::size_t, std::align_val_t) noexcept { heap().free(object); }
void operator delete[](void* object, std::size_t, std::align_val_t) noexcept { heap().free(object); }
