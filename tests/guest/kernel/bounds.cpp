// Bounds of the kernel: every operation whose length depends on how much there is. See bounds.hpp.
#include "bounds.hpp"

namespace test {

namespace {

constexpr Word large_radix = 16, large_slots = 1u << large_radix;
constexpr Word root_cnode = abi::boot_slot::cnode;
Word begin = 0;

Answer latency() { return invoke(abi::boot_slot::debug, Invocation::DebugLatency); }
Answer remove_one(Word slot) { return invoke(root_cnode, Invocation::CNodeDelete, {slot, 0}); }
Answer revoke_one(Word slot) { return invoke(root_cnode, Invocation::CNodeRevoke, {slot, 0}); }

void measure_revocation() {
    Word const nodes[] = {make_large_node(), make_large_node()};
    Word const notification = make(ObjectType::Notification);
    fill(nodes[0], notification, 0, large_slots, 0);
    fill(nodes[1], notification, 0, 100'000 - large_slots, 0);
    begin_stretch();
    Answer const revoked = revoke_one(notification);
    end_stretch("revoke_100000_descendants");
    MUST(revoked);

    // A full CNode, and one with 2^16 capabilities of one badge.
    fill(nodes[0], notification, 0, large_slots, 0);
    begin_stretch();
    Answer const deleted = remove_one(nodes[0]);
    end_stretch("delete_cnode_65536_slots");
    MUST(deleted);
    Word const endpoint = make(ObjectType::Endpoint), badged = mint(endpoint, 7);
    fill(nodes[1], badged, 0, large_slots, 0);
    begin_stretch();
    Answer const badge_revoked = revoke_one(badged);
    end_stretch("revoke_badge_65536_copies");
    MUST(badge_revoked);
    fill(nodes[1], notification, 0, large_slots, 0);
    begin_stretch();
    Answer const range = invoke(nodes[1], Invocation::CNodeDeleteRange, {0, large_slots});
    end_stretch("delete_range_65536_slots");
    MUST(range);
    MUST(remove_one(nodes[1]));
    remove(endpoint), remove(notification);
}

/// Untyped in Untyped as deep as sizes allow, and a chain of CNodes that only the first one's slot holds.
void measure_depth() {
    Word const outermost = make(ObjectType::Untyped, 22);
    Word memory = outermost;
    for (Word bits = 21; bits >= 5; --bits) memory = make_from(memory, ObjectType::Untyped, bits);
    Word const endpoint = make_from(memory, ObjectType::Endpoint);
    mint(mint(endpoint, 5), 0);
    begin_stretch();
    Answer const revoked = revoke_one(outermost);
    end_stretch("revoke_deepest_derivation");
    MUST(revoked);

    constexpr Word chain = 3000;
    Word const first = make(ObjectType::CNode, 1), inner = next_slot(), chained = make(ObjectType::Untyped, 18);
    for (Word i = 1; i < chain; ++i) {
        // The new one takes the chain so far, and its place.
        MUST(invoke(chained, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::CNode), 1, inner, 1},
                    {root_cnode}));
        MUST(invoke(inner, Invocation::CNodeMove, {1, 0, first, 0}, {root_cnode}));
        MUST(invoke(root_cnode, Invocation::CNodeMove, {first, 0, inner, 0}, {root_cnode}));
    }
    begin_stretch();
    Answer const deleted = remove_one(first);
    end_stretch("delete_chain_3000_cnodes");
    MUST(deleted);
    remove(outermost), remove(chained);
}

void measure_retype() {
    Word const memory = make(ObjectType::Untyped, 24), large = next_slot();
    for (Word i = 1; i < 16; ++i) next_slot();
    auto retype = [&](ObjectType type, Word bits, Word first, Word count, Word node, char const* name) {
        begin_stretch();
        Answer const made =
            invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(type), bits, first, count}, {node});
        end_stretch(name);
        MUST(made);
        MUST(revoke_one(memory));
    };
    retype(ObjectType::LargeFrame, 0, large, 4, root_cnode, "retype_16_mib_of_frames");
    retype(ObjectType::CNode, 16, large, 16, root_cnode, "retype_16_largest_cnodes");
    Word const node = make_large_node();
    retype(ObjectType::Endpoint, 0, 0, 1024, node, "retype_1024_endpoints");
    retype(ObjectType::Thread, 0, 0, 1024, node, "retype_1024_threads");
    retype(ObjectType::AddressSpace, 0, 0, 1024, node, "retype_1024_address_spaces");
    MUST(remove_one(node));
    MUST(remove_one(memory));
}

void measure_memory() {
    constexpr Word tables = 24, pages = tables * 1024;
    constexpr Address first = 0x40000000;
    Word const spaces[] = {make(ObjectType::AddressSpace), make(ObjectType::AddressSpace)},
               frame = make(ObjectType::Frame);
    Word const memory = make(ObjectType::Untyped, 21), slots = next_slot();
    for (Word i = 1; i < 2 * tables; ++i) next_slot();
    MUST(invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::PageTable), 0, slots, 2 * tables},
                {root_cnode}));
    for (Word i = 0; i < 2 * tables; ++i)
        MUST(invoke(slots + i, Invocation::PageTableMap, {first + (i % tables) * 0x400000}, {spaces[i / tables]}));
    begin_stretch();
    Answer const nothing = invoke(spaces[0], Invocation::AddressSpaceUnmap, {0, abi::user_end >> abi::page_bits});
    end_stretch("unmap_3_gib_with_nothing");
    MUST(nothing);
    for (Word page = 0; page < pages; ++page)
        MUST(invoke(frame, Invocation::FrameMap, {first + page * abi::page_size, 3, 0}, {spaces[0]}));
    begin_stretch();
    Answer const copied =
        invoke(spaces[1], Invocation::AddressSpaceCopyRange, {first, first, pages, 1, 1}, {spaces[0]});
    end_stretch("copy_24576_pages");
    CHECK(copied.good() && copied.second == pages);
    begin_stretch();
    Answer const protect = invoke(spaces[0], Invocation::AddressSpaceProtect, {first, pages, 3});
    end_stretch("protect_24576_pages");
    MUST(protect);
    begin_stretch();
    Answer const unmapped = invoke(spaces[0], Invocation::AddressSpaceUnmap, {first, pages});
    end_stretch("unmap_24576_pages");
    MUST(unmapped);
    begin_stretch();
    Answer const deleted = remove_one(spaces[1]);
    end_stretch("delete_space_24576_pages");
    MUST(deleted);
    MUST(revoke_one(memory));
    remove(frame), remove(spaces[0]), remove(memory);
}

} // namespace

void must(Answer const& answer, int line) {
    if (answer.good()) return;
    print("error "), print_number(static_cast<Word>(answer.error()));
    check(false, "refused", line);
}

void begin_stretch() {
    latency();
    begin = static_cast<Word>(stamp());
}

void end_stretch(char const* name) {
    Word const end = static_cast<Word>(stamp());
    Answer const figures = latency();
    Word const first = figures.first, last = figures.second;
    Word worst = buffer().message[2];
    if (first == 0) worst = end - begin;
    else {
        if (first - begin > worst) worst = first - begin;
        if (end - last > worst) worst = end - last;
    }
    print("bound "), print(name), print(" "), print_number(worst), print(" "), print_number(end - begin), print("\n");
    check(worst <= bound, name, __LINE__);
}

Word make_large_node() { return make(ObjectType::CNode, large_radix); }

void fill(Word node, Word source, Word first, Word count, Word badge) {
    for (Word i = 0; i < count; ++i)
        MUST(invoke(node, Invocation::CNodeMint, {first + i, 0, source, 0, abi::right::all, badge}, {root_cnode}));
}

} // namespace test

extern "C" void main() {
    using namespace test;
    // Under -icount a tick is an instruction; without it the figures say nothing about the kernel.
    run_topic("revocation", measure_revocation);
    run_topic("depth", measure_depth);
    run_topic("retype", measure_retype);
    run_topic("memory", measure_memory);
    run_topic("waiters", measure_waiters);
    run_topic("wakeups", measure_wakeups);
    finish(0);
}
