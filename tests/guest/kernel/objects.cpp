// Making objects, pages, spaces and threads from root's boot-time capabilities.
#include "kernel_test.hpp"

extern "C" char __executable_start[];
extern "C" char _end[];
extern "C" void thread_entry();
extern "C" void thread_end() {
    for (;;) test::system_call(abi::Syscall::Receive, 0, test::MessageInfo{});
}

namespace test {

namespace {

Word slot_counter = 0;
Word untyped = 0;
Word pages_used = 0;
bool window_mapped = false;
constexpr Word stack_count = 64, stack_bytes = 4096;
alignas(16) char stacks[stack_count][stack_bytes];
Word stacks_used = 0;

void find_untyped() {
    Word best = 0;
    for (Word index = 0; index < boot_info().untyped_count; ++index) {
        abi::BootUntyped const& candidate = boot_info().untypeds[index];
        if (candidate.is_device == 0 && candidate.size_bits > best) {
            best = candidate.size_bits;
            untyped = abi::boot_slot::first_untyped + index;
        }
    }
    CHECK(best >= 22);
}

void map_page_table(Word space, Address address) {
    CHECK(invoke(make(ObjectType::PageTable), Invocation::PageTableMap, {address}, {space}).good());
}

} // namespace

Word next_slot() {
    if (slot_counter == 0) slot_counter = boot_info().first_free_slot;
    return slot_counter++;
}

Word make(ObjectType type, Word size_bits) {
    if (untyped == 0) find_untyped();
    return make_from(untyped, type, size_bits);
}

Word make_from(Word memory, ObjectType type, Word size_bits) {
    Word const slot = next_slot();
    Answer const made = invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(type), size_bits, slot, 1},
                               {abi::boot_slot::cnode});
    if (!made.good())
        print("retype error "), print_number(made.info.raw >> 14 & 15), print(" type "),
            print_number(static_cast<Word>(type)), print(" slot "), print_number(slot), print("\n");
    CHECK(made.good());
    return slot;
}

Word mint(Word source, Word badge, Word rights, Word flags) {
    Word const slot = next_slot();
    CHECK(invoke(abi::boot_slot::cnode, Invocation::CNodeMint, {slot, 0, source, 0, rights, badge, flags},
                 {abi::boot_slot::cnode})
              .good());
    return slot;
}

void remove(Word slot) { CHECK(invoke(abi::boot_slot::cnode, Invocation::CNodeDelete, {slot, 0}).good()); }

Address next_window_address() {
    if (!window_mapped) {
        window_mapped = true;
        map_page_table(abi::boot_slot::address_space, window);
    }
    return window + abi::page_size * pages_used++;
}

Page make_page(Word other_space) {
    Page const page{make(ObjectType::Frame), next_window_address()};
    Word const rights = abi::right::read | abi::right::write;
    CHECK(invoke(page.frame, Invocation::FrameMap, {page.address, rights, 0}, {abi::boot_slot::address_space}).good());
    if (other_space != 0 && other_space != abi::boot_slot::address_space) {
        CHECK(invoke(page.frame, Invocation::FrameMap, {page.address, rights, 0}, {other_space}).good());
    }
    return page;
}

Word make_space() {
    Word const space = make(ObjectType::AddressSpace);
    Address const first = reinterpret_cast<Address>(__executable_start) & ~(abi::page_size - 1);
    Address const end = (reinterpret_cast<Address>(_end) + abi::page_size - 1) & ~(abi::page_size - 1);
    for (Address address = first & ~((1u << abi::large_page_bits) - 1); address < end;
         address += 1u << abi::large_page_bits) {
        map_page_table(space, address);
    }
    map_page_table(space, window);
    Answer const copied =
        invoke(space, Invocation::AddressSpaceCopyRange,
               {first, first, (end - first) / abi::page_size, abi::right::all, 0}, {abi::boot_slot::address_space});
    CHECK(copied.good() && copied.first == (end - first) / abi::page_size && copied.second > 4);
    return space;
}

Started start(Word space, void (*entry)(Word), Word argument, Word priority, bool active, Word fault_endpoint) {
    Page const page = make_page(space);
    auto* stack =
        reinterpret_cast<Word*>(stacks[stacks_used++ % stack_count] + stack_bytes); // few threads live at a time
    stack[-1] = argument;
    stack[-2] = reinterpret_cast<Word>(entry);
    Started const started{make(ObjectType::Thread), active ? make(ObjectType::SchedContext) : 0};
    CHECK(invoke(started.thread, Invocation::ThreadConfigure, {page.address, root_guard},
                 {abi::boot_slot::cnode, space, page.frame})
              .good());
    CHECK(invoke(started.thread, Invocation::ThreadSetPriority, {priority}).good());
    if (fault_endpoint != 0)
        CHECK(invoke(started.thread, Invocation::ThreadSetFaultHandler, {}, {fault_endpoint}).good());
    if (active) {
        CHECK(invoke(abi::boot_slot::sched_control, Invocation::SchedControlConfigure, {1000, 1000},
                     {started.sched_context})
                  .good());
        CHECK(invoke(started.sched_context, Invocation::SchedContextBind, {}, {started.thread}).good());
    }
    CHECK(invoke(started.thread, Invocation::ThreadWriteRegisters,
                 {1, reinterpret_cast<Word>(thread_entry), reinterpret_cast<Word>(stack - 2), 0x202, 0, 0, 0, 0, 0, 0,
                  0, 0, 0})
              .good());
    return started;
}

void stop(Started const& thread) {
    remove(thread.thread);
    if (thread.sched_context != 0) remove(thread.sched_context);
}

void test_objects() {
    CHECK(boot_info().magic == abi::boot_info_magic);
    CHECK(invoke(0, Invocation::DebugWrite).error() == Error::InvalidCapability);
    CHECK(invoke(3000, Invocation::DebugWrite).error() != Error::None);
    CHECK(invoke(abi::boot_slot::debug, static_cast<Invocation>(9999)).error() == Error::IllegalOperation);
    Word const endpoint = make(ObjectType::Endpoint);
    CHECK(invoke(untyped, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Endpoint), 0, endpoint, 1},
                 {abi::boot_slot::cnode})
              .error() == Error::DeleteFirst);
    Word const copy = mint(endpoint, 77);
    CHECK(invoke(abi::boot_slot::cnode, Invocation::CNodeRevoke, {endpoint, 0}).good());
    CHECK(call(copy, 64).error() == Error::InvalidCapability);
    remove(endpoint);
    CHECK(call(endpoint, 64).error() == Error::InvalidCapability);
    // Memory given back can be used again without end.
    Word const small = make(ObjectType::Untyped, 14);
    Word const slot = next_slot();
    for (Word round = 0; round < 100; ++round) {
        CHECK(invoke(small, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Frame), 0, slot, 4},
                     {abi::boot_slot::cnode})
                  .good());
        CHECK(invoke(small, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Frame), 0, slot + 4, 1},
                     {abi::boot_slot::cnode})
                  .error() == Error::NotEnoughMemory);
        CHECK(invoke(abi::boot_slot::cnode, Invocation::CNodeRevoke, {small, 0}).good());
    }
    remove(small);
    for (Word index = 0; index < 4; ++index) next_slot();
}

} // namespace test
