// Start-up of a server. crt0's _start calls start_server, which ends in the server's own
//     int server_main(ipc::ServerInfo const& info);
// where it sets up its state and calls ipc::serve. Returning from it stops the server.
#pragma once
#include "../ipc/slots.hpp"

int server_main(ipc::ServerInfo const& info);

namespace ipc::guest {

/// Heap, slots first_slot..end_slot-1 and the receive window: before any other use of libipc. For programs that do not begin at
/// libipc's _start (root).
void initialize_runtime(std::byte* heap_start, std::size_t heap_bytes, abi::Word first_slot, abi::Word end_slot,
                        bool compact_heap = false);
/// Runs the constructors of global objects. After initialize_runtime.
void construct_globals();

} // namespace ipc::guest
