// libFuzzer target: bytes become system calls of three threads that share a CSpace. After each step every invariant must
// hold; a refused invocation must have changed nothing; at the end all memory must come back.
//
// Byte 0: bits 0-2 every how many preemption points an interrupt comes (0: never), bit 3 compares the state around each
// refused call, bit 4 gives everything back at the end. Then steps of 12 bytes, see decode().
#include "world.hpp"
#include <cstdlib>

namespace {

using namespace abi;

constexpr std::size_t step_bytes = 12, steps_at_most = 24;

constexpr Word labels[] = {1,  1,  2,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30, 31, 32, 33, 34, 35, 36, 37,
                           38, 39, 40, 41, 42, 43, 44, 45, 50, 51, 52, 53, 54, 60, 60, 61, 62, 63, 64, 65, 66, 67,
                           70, 71, 72, 73, 80, 81, 82, 83, 90, 91, 92, 93, 15, 14, 60, 62, 66, 11, 17, 46};
static_assert(std::size(labels) == 64);

/// Small numbers as they are; then what sizes, addresses, times and edges are made of.
Word word_of(unsigned char byte) {
    constexpr Word special[] = {0xffffffff, 0x80000000, 0x7fffffff, 0x10000000, user_end, user_end - 4096, 4096, 4095,
                                1000,       5000,       60'000'000, 0x3ff,      65536,    65537,           128,  255};
    if (byte < 96) return byte;
    if (byte < 112) return special[byte - 96];
    if (byte < 128) return Word{1} << (byte - 112) * 2;
    if (byte < 192) return 0x20000000 + (byte & 7u) * 0x1000 + (byte >> 3 & 7u) * 0x400000;
    return (byte - 192u) * 0x1000;
}

fuzz::Request decode(unsigned char const* bytes) {
    constexpr Syscall others[] = {
        Syscall::ReplyReceive, Syscall::Send, Syscall::NonBlockingSend, Syscall::Receive, Syscall::NonBlockingReceive,
        Syscall::Yield,        Syscall::Call, static_cast<Syscall>(9)};
    fuzz::Request request;
    Word const kind = bytes[0] >> 2 & 15;
    request.call = kind < 8 ? Syscall::Call : others[kind - 8];
    request.label = (bytes[0] & 0x40) != 0 ? bytes[1] : labels[bytes[1] & 63];
    request.capability_count = bytes[1] >> 6;
    request.capability = bytes[2] < 128 ? bytes[2] & 63 : word_of(bytes[2]);
    request.capabilities[0] = bytes[3] & 63;
    request.capabilities[1] = bytes[4] & 63;
    request.capabilities[2] = (bytes[3] ^ bytes[4]) & 63;
    request.length = (bytes[0] & 0x80) != 0 ? bytes[4] >> 6 : 8;
    request.buffers = bytes[3] >> 6;
    for (Word i = 0; i < 6; ++i) request.words[i] = word_of(bytes[5 + i]);
    request.words[6] = bytes[11];
    request.words[7] = word_of(bytes[10]);
    request.reply = bytes[11] < 64 ? 12 + (bytes[11] & 1) : bytes[11] & 63;
    request.receive_slot = bytes[11] & 63;
    return request;
}

[[noreturn]] void fail(char const* what, Word number, fuzz::Request const& request) {
    std::fprintf(stderr, "fuzz: %s (%u) after call %u label %u on %u words %x %x %x %x %x\n", what, number,
                 static_cast<Word>(request.call), request.label, request.capability, request.words[0], request.words[1],
                 request.words[2], request.words[3], request.words[4]);
    std::abort();
}

/// Calls whose refusal has no effect. A Receive may have refused others on its way, ReplyReceive may have answered.
bool must_not_change(Syscall call) {
    return call == Syscall::Call || call == Syscall::Send || call == Syscall::NonBlockingSend ||
           static_cast<Word>(call) > 7;
}

void step(fuzz::World& world, unsigned char const* bytes, bool compare) {
    Word const who = bytes[0] & 3;
    fuzz::Request request;
    if (who == fuzz::World::thread_count) {
        world.tick();
    } else if (!world.go_on(who)) {
        if (!world.can_run(who)) return;
        request = decode(bytes);
        // What the caller itself writes to its buffer, and who runs, is no part of the comparison.
        if (compare) {
            fuzz::Request nothing = request;
            nothing.call = static_cast<Syscall>(15);
            world.perform(who, nothing);
            if (!world.can_run(who)) return;
            kernel::Thread* const before = kernel::cpu().current;
            world.perform(who, nothing);
            if (kernel::cpu().current != before) compare = false;
            kernel::Thread& thread = world.thread(who);
            MessageInfo const info{request.label, request.length, request.capability_count,
                                   request.buffers * MessageInfo::read_buffer};
            thread.context.set_message(info.with(request.call).raw, request.capability, request.words[0],
                                       request.words[1]);
            thread.context.values.ebp = request.reply;
            world.remember();
        }
        Word const served = arch::host::machine.served;
        world.perform(who, request);
        // An interrupted call that has deleted its own capability ends with what it has done so far.
        if (arch::host::machine.served != served) compare = false;
        Word const status =
            world.can_run(who) ? static_cast<Word>(MessageInfo{world.thread(who).context.info()}.status()) : 0;
        if (compare && status != 0 && kernel::cpu().current == &world.thread(who) && !world.thread(who).restart &&
            must_not_change(request.call) && !world.is_unchanged(who))
            fail("a refused call changed the state, error", status, request);
    }
    if (Word const broken = kernel::check_invariants(); broken != 0) fail("invariant broken", broken, request);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static fuzz::World world;
    world.restore();
    if (size < 1 + step_bytes) return 0;
    arch::host::machine.preempt_every = data[0] & 7;
    std::size_t count = (size - 1) / step_bytes;
    if (count > steps_at_most) count = steps_at_most;
    for (std::size_t i = 0; i < count; ++i) step(world, data + 1 + i * step_bytes, (data[0] & 8) != 0);
    if ((data[0] & 16) != 0 && !world.give_back()) fail("memory did not come back", 0, {});
    return 0;
}
