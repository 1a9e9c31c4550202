// Random system calls with random arguments by threads whose CSpace holds some of every kind of object. The kernel must
// stay alive and its invariants true, and revoking the memory that all came from must give every byte back.
#include "kernel_test.hpp"

namespace test {

namespace {

constexpr Word memory_bits = 21, cspace_radix = 5, calls_if_not_said = 50'000;
constexpr Word campaigns = 40, campaigns_at_most = 60; ///< root's slots suffice for so many
Word random_state = 2463534242;
Word volatile rounds_done = 0;
Word fuzzer_slots[2];

Word random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/// Small numbers are more often valid than large ones.
Word argument() {
    switch (random() & 7) {
    case 0: return random();
    case 1: return random() & 0xfffff000;
    case 2: return window + (random() & 0x3ff000);
    case 3: return random() & 0x3ff;
    default: return random() & 31;
    }
}

void fuzzer(Word) {
    static constexpr Word labels[] = {1,  2,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30, 31, 32, 33,
                                      34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53,
                                      60, 61, 62, 63, 64, 65, 66, 67, 70, 71, 72, 73, 90, 91, 92, 93};
    for (;;) {
        for (Word index = 2; index < 16; ++index) buffer().message[index] = argument();
        for (Word& pointer : buffer().capabilities) pointer = random() & 31;
        buffer().receive_slot = random() & 31;
        buffer().read_address = argument(), buffer().read_length = argument();
        buffer().write_address = argument(), buffer().write_length = argument();
        Word const label =
            (random() & 15) == 0 ? random() & 0x3fff : labels[random() % (sizeof labels / sizeof labels[0])];
        MessageInfo const info{label, random() & 15, random() & 3, random() & 0x600};
        Syscall const operation = (random() & 3) != 0 ? Syscall::Call : static_cast<Syscall>(random() & 15);
        rounds_done = rounds_done + 1;
        system_call(operation, random() & 31, info, argument(), argument(), random() & 31);
    }
}

/// Runs when the fuzzers do not: ends their waits.
void interrupter(Word) {
    for (;;) {
        for (Word slot : fuzzer_slots) {
            invoke(slot, Invocation::ThreadInterrupt);
            invoke(slot, Invocation::ThreadResume);
        }
    }
}

/// What is not of the campaign's memory, and still could be reached, must have been given: a thread, a space, SchedControl.
void check_reach(Word evidence, Word probe) {
    for (Word index = 0; index < 1u << cspace_radix; ++index) {
        if (!invoke(abi::boot_slot::cnode, Invocation::CNodeMove, {probe, 0, index, 0}, {evidence}).good()) continue;
        bool const is_thread = invoke(probe, Invocation::ThreadGetState).good();
        bool const is_space = invoke(probe, Invocation::AddressSpaceQuery, {0}).good();
        bool const is_control =
            invoke(probe, Invocation::SchedControlConfigure, {1, 1}).error() == Error::InvalidCapability;
        CHECK(is_thread || is_space || is_control);
        remove(probe);
    }
}

void campaign(Word memory, Word evidence, Word probe, Word calls) {
    Word const cnode_slot = abi::boot_slot::cnode;
    Word const space = make_space();
    Word const cnode = make_from(memory, ObjectType::CNode, cspace_radix);
    Started threads[3];
    for (Word index = 0; index < 2; ++index) {
        threads[index] = start(space, fuzzer, 0, 100);
        fuzzer_slots[index] = threads[index].thread;
        CHECK(invoke(threads[index].thread, Invocation::ThreadSetCSpace, {32 - cspace_radix}, {cnode}).good());
    }
    Word given[] = {make_from(memory, ObjectType::Untyped, 16),
                    make_from(memory, ObjectType::Endpoint),
                    make_from(memory, ObjectType::Endpoint),
                    make_from(memory, ObjectType::Notification),
                    make_from(memory, ObjectType::Reply),
                    make_from(memory, ObjectType::Reply),
                    make_from(memory, ObjectType::SchedContext),
                    make_from(memory, ObjectType::AddressSpace),
                    make_from(memory, ObjectType::PageTable),
                    make_from(memory, ObjectType::PageTable),
                    make_from(memory, ObjectType::Frame),
                    make_from(memory, ObjectType::Frame),
                    make_from(memory, ObjectType::Frame),
                    make_from(memory, ObjectType::CNode, 4),
                    make_from(memory, ObjectType::Thread),
                    make_from(memory, ObjectType::Thread),
                    cnode,
                    abi::boot_slot::sched_control,
                    threads[1].thread,
                    space};
    Word place = 1;
    for (Word slot : given) {
        // Some kinds cannot be copied.
        if (!invoke(cnode, Invocation::CNodeCopy, {place, 0, slot, 0, abi::right::all}, {cnode_slot}).good()) {
            CHECK(invoke(cnode, Invocation::CNodeMove, {place, 0, slot, 0}, {cnode_slot}).good());
        }
        ++place;
    }
    threads[2] = start(abi::boot_slot::address_space, interrupter, 0, 50);
    // They may take from themselves what they need to go on.
    Word const goal = rounds_done + calls;
    for (Word slept = 0; rounds_done < goal && slept < 500; ++slept) sleep(slept < 100 ? 1 : 10);
    for (Started const& thread : threads) stop(thread);
    // The dump of their CSpace: moved out of it, so that what comes of other memory outlives this one's.
    for (Word index = 0; index < 1u << cspace_radix; ++index)
        invoke(evidence, Invocation::CNodeMove, {index, 0, index, 0}, {cnode});
    CHECK(invoke(cnode_slot, Invocation::CNodeRevoke, {memory, 0}).good());
    Answer const inspected = invoke(memory, Invocation::UntypedInspect);
    CHECK(inspected.good() && inspected.first == 1u << memory_bits);
    check_reach(evidence, probe);
    CHECK(invoke(cnode_slot, Invocation::CNodeRevoke, {space, 0}).good());
    remove(space);
    CHECK(invoke(abi::boot_slot::debug, Invocation::DebugCheck).first == 0);
}

} // namespace

void test_random_calls() {
    Word const memory = make(ObjectType::Untyped, memory_bits);
    Word const evidence = make(ObjectType::CNode, cspace_radix), probe = next_slot(),
               wanted = option("calls=", calls_if_not_said);
    random_state ^= option("seed=", 0);
    for (Word round = 0; rounds_done < wanted && round < campaigns_at_most; ++round)
        campaign(memory, evidence, probe, wanted / campaigns);
    print("random calls made: ");
    print_number(rounds_done);
    print("\n");
    CHECK(rounds_done >= wanted);
}

} // namespace test
