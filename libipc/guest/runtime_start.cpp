#include "../ipc/log.hpp"
#include "heap.hpp"
#include "start.hpp"

extern "C" {
using Constructor = void (*)();
extern Constructor __init_array_start[];
extern Constructor __init_array_end[];
}

namespace ipc::guest {

void initialize_runtime(std::byte* heap_start, std::size_t heap_bytes, abi::Word first_slot, abi::Word end_slot,
                        bool compact_heap) {
    heap().initialize(heap_start, heap_bytes, compact_heap);
    slots().initialize(new abi::Word[(end_slot + 31) / 32], first_slot, end_slot);
    buffer().receive_slot = slots().take(abi::message_capabilities);
}

void construct_globals() {
    for (Constructor* constructor = __init_array_start; constructor != __init_array_end; ++constructor) {
        (*constructor)();
    }
}

} // namespace ipc::guest
