#include "start.hpp"
#include "../ipc/log.hpp"

// The kernel starts the thread with the stack pointer root chose; the first frame must be 16-byte aligned before a call.
asm(".section .text._start, \"ax\", @progbits\n"
    ".globl _start\n"
    "_start:\n"
    "    xorl %ebp, %ebp\n"
    "    cld\n"
    "    andl $-16, %esp\n"
    "    call cella_start_server\n"
    "    ud2\n"
    ".text\n");

extern "C" [[noreturn, gnu::used]] void cella_start_server() {
    auto const& info = *reinterpret_cast<ipc::ServerInfo const*>(ipc::server_address::info);
    if (info.magic != ipc::server_info_magic) { ipc::stop("no server information at its address"); }
    ipc::guest::initialize_runtime(reinterpret_cast<std::byte*>(ipc::server_address::heap), info.heap_bytes,
                                   ipc::server_slot::first_free, abi::Word{1} << info.cnode_radix);
    ipc::guest::construct_globals();
    server_main(info);
    ipc::stop("server_main returned");
}
