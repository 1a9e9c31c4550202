// Call and ReplyReceive between two threads, there and back, with the user's own instructions.
#include "bench.hpp"

extern "C" {
abi::Word bench_server_info = 0, bench_server_endpoint = 0, bench_server_reply = 0;
}

namespace bench {

namespace {

Word endpoint = 0, reply = 0;
Word message_info = 0;
Word volatile values[2];

/// A server as an assembly loop: what a compiled one needs at least. The Reply's pointer stays in ebp.
void serve(Word) {
    bench_server_endpoint = endpoint, bench_server_reply = reply;
    asm volatile(
        "movl bench_server_reply, %%ebp\n\tmovl %0, %%eax\n\tmovl bench_server_endpoint, %%ebx\n\tmovl %%esp, %%ecx\n\t"
        "movl $1f, %%edx\n\tsysenter\n"
        "1:\tmovl bench_server_info, %%eax\n\tmovl bench_server_endpoint, %%ebx\n\tmovl %%esp, %%ecx\n\t"
        "movl $1b, %%edx\n\tsysenter\n"
        :
        : "i"(MessageInfo{}.with(Syscall::Receive).raw)
        : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
}

/// The client's loop. tests/bench/run steps through one round between bench_round_begin and bench_round_end.
[[gnu::noinline]] void call_often(Word rounds) {
    Word info = message_info, target = endpoint;
    asm volatile("pushl %%ebp\n\tmovl %%ecx, %%ebp\n\tjmp bench_round_begin\n"
                 ".globl bench_round_begin\nbench_round_begin:\n\t"
                 "movl %4, %%eax\n\tmovl %5, %%ebx\n\tmovl %%esp, %%ecx\n\tmovl $bench_round_end, %%edx\n\tsysenter\n"
                 ".globl bench_round_end\nbench_round_end:\n\t"
                 "decl %%ebp\n\tjnz bench_round_begin\n\tpopl %%ebp"
                 : "+a"(info), "+b"(target), "+c"(rounds)
                 : "m"(rounds), "m"(message_info), "m"(endpoint)
                 : "edx", "esi", "edi", "memory", "cc");
}

/// Works in the FPU now and then, as the thread on the other side of the trip.
void use_floating_point() { asm volatile("fld1\n\tfaddp" : : : "memory"); }

struct Setting {
    char const* name;
    bool same_space = false;
    bool passive = true;
    Word words = 0;
    bool same_buffer_address = true; ///< as between Cella's servers
    bool client_tls = false;
    bool client_floating_point = false;
};

/// The window's page tables begin at 4 MiB; the servers' buffer address lies below.
void map_low_table(Word space) {
    CHECK(
        invoke(make(ObjectType::PageTable), Invocation::PageTableMap, {abi::root_ipc_buffer_address}, {space}).good());
}

/// start(), with the IPC buffer at the address at which root's and every server's lies.
Started start_server(Setting const& setting, Word space) {
    Started const server = start(space, serve, 0, 200, !setting.passive);
    if (!setting.same_buffer_address || setting.same_space) return server;
    CHECK(invoke(server.thread, Invocation::ThreadSuspend).good());
    Word const frame = make(ObjectType::Frame);
    CHECK(invoke(frame, Invocation::FrameMap, {abi::root_ipc_buffer_address, 3, 0}, {space}).good());
    CHECK(invoke(server.thread, Invocation::ThreadSetSpace, {abi::root_ipc_buffer_address}, {space, frame}).good());
    CHECK(invoke(server.thread, Invocation::ThreadResume).good());
    return server;
}

void measure(Setting const& setting) {

    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply);
    Word const space = setting.same_space ? abi::boot_slot::address_space : make_space();
    if (!setting.same_space) map_low_table(space);
    message_info = MessageInfo{64, setting.words}.with(Syscall::Call).raw;
    bench_server_info = MessageInfo{0, setting.words}.with(Syscall::ReplyReceive).raw;
    Started const server = start_server(setting, space);
    Word lent = 0;
    if (setting.passive) {
        lent = make(ObjectType::SchedContext);
        CHECK(invoke(abi::boot_slot::sched_control, Invocation::SchedControlConfigure, {10000, 10000}, {lent}).good());
        CHECK(invoke(lent, Invocation::SchedContextBind, {}, {server.thread}).good());
    }
    if (setting.client_tls) {
        CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetTls, {0, reinterpret_cast<Word>(&values), 0xfffff, 1})
                  .good());
        asm volatile("movl %0, %%gs" : : "r"(abi::selector::tls_first));
    }
    call_often(1);
    if (setting.passive) CHECK(invoke(lent, Invocation::SchedContextUnbind).good());
    for (Word index = 2; index < setting.words; ++index) buffer().message[index] = index;
    constexpr Word rounds = 100;
    Word const taken = least(9, [&] {
        if (setting.client_floating_point) use_floating_point();
        Word const begin = ticks();
        call_often(rounds);
        return ticks() - begin;
    });
    report(setting.name, taken / rounds);
    if (setting.client_tls) {
        asm volatile("movl %0, %%gs" : : "r"(0));
        CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetTls, {0, 0, 0, 0}).good());
    }
    stop(server);
    remove(endpoint), remove(reply);
    if (lent != 0) remove(lent);
    if (!setting.same_space) remove(space);
}

} // namespace

void measure_round_trips() {
    measure({.name = "call_roundtrip"});
    measure({.name = "call_roundtrip_same_space", .same_space = true, .same_buffer_address = false});
    measure({.name = "call_roundtrip_4_words", .words = 4});
    measure({.name = "call_roundtrip_10_words", .words = 10});
    measure({.name = "call_roundtrip_60_words", .words = 60});
    measure({.name = "call_roundtrip_active_server", .passive = false});
    measure({.name = "call_roundtrip_other_buffer_address", .same_buffer_address = false});
}

void measure_settings() {
    measure({.name = "call_roundtrip_floating_point", .client_floating_point = true});
    measure({.name = "call_roundtrip_tls", .same_buffer_address = false, .client_tls = true});
}

} // namespace bench
