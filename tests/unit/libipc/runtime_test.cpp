// Slots, sessions and their end, the heap, the log's format.
#include "guest/heap.hpp"
#include "ipc/log.hpp"
#include "sample.hpp"
#include <random>

TEST_CASE("slots are given out once, runs are consecutive") {
    abi::Word words[16];
    ipc::SlotAllocator slots;
    slots.initialize(words, 128, 500);
    CHECK(slots.free_count() == 372);
    std::set<abi::Word> taken;
    for (int i = 0; i < 50; ++i) {
        auto const run = slots.take(3);
        REQUIRE(run >= 128);
        for (abi::Word k = 0; k < 3; ++k) { CHECK(taken.insert(run + k).second); }
    }
    while (auto const slot = slots.take()) {
        CHECK(slot < 500);
        CHECK(taken.insert(slot).second);
    }
    CHECK(taken.size() == 372);
    CHECK(slots.take(3) == 0);
    slots.give(130);
    slots.give(5); // not its own
    CHECK(slots.free_count() == 1);
    CHECK(slots.take() == 130);
}

TEST_CASE("the session table survives growth and removal in any order") {
    ipc::SessionTable table;
    std::mt19937 random{7};
    std::map<abi::Word, abi::Word> model;
    for (int i = 0; i < 20'000; ++i) {
        abi::Word const badge = 1 + random() % 700;
        if (random() % 2 == 0) {
            CHECK(table.insert(badge, badge + 1000) == model.emplace(badge, badge + 1000).second);
        } else {
            CHECK(table.remove(badge) == (model.contains(badge) ? badge + 1000 : 0));
            model.erase(badge);
        }
        CHECK(table.size() == model.size());
    }
    for (abi::Word badge = 1; badge <= 700; ++badge) {
        CHECK(table.find(badge) == (model.contains(badge) ? badge + 1000 : 0));
    }
}

TEST_CASE_FIXTURE(Bench, "a session ends when nobody holds it any more") {
    world.as(number, [] { CHECK(ipc::bind_no_senders(3)); });
    auto const session = ipc::call<Sample::Open>(client, 5U);
    REQUIRE(session);
    CHECK(ipc::call<Sample::Badge>(*session) == 5U);
    CHECK(ipc::call<Sample::Open>(client, 5U).error() == ipc::Error::Exists);
    // A copy keeps it alive.
    auto const copy = ipc::slots().take();
    CHECK(ipc::own_cnode().copy(copy, ipc::own_cnode(), session->slot));
    ipc::release_slot(session->slot);
    world.pump();
    CHECK(server.gone.empty());
    ipc::release_slot(copy);
    world.pump();
    CHECK(server.gone == std::vector<abi::Word>{5});
    CHECK(ipc::call<Sample::Open>(client, 5U));
    world.signal_server(number, 8 | 4);
    world.pump();
    CHECK(server.bits == 4);
}

TEST_CASE_FIXTURE(Bench, "sessions made and ended leave nothing behind") {
    world.as(number, [] { CHECK(ipc::bind_no_senders(0)); });
    (void)ipc::call<Sample::Nothing>(client);
    auto const capabilities = world.capability_count();
    auto const free_before = ipc::slots().free_count();
    for (abi::Word badge = 1; badge < 200; ++badge) {
        auto const session = ipc::call<Sample::Open>(client, badge);
        REQUIRE(session);
        ipc::release_slot(session->slot);
    }
    world.pump();
    CHECK(server.gone.size() == 199);
    CHECK(world.capability_count() == capabilities);
    CHECK(ipc::slots().free_count() == free_before);
}

TEST_CASE_FIXTURE(Bench, "forget revokes at once and no end is told") {
    world.as(number, [] { CHECK(ipc::bind_no_senders(0)); });
    auto const session = ipc::call<Sample::Open>(client, 5U);
    REQUIRE(session);
    CHECK(ipc::call<Sample::Forget>(client, 5U));
    CHECK(ipc::call<Sample::Badge>(*session).error() == ipc::from_kernel(abi::Error::InvalidCapability));
    world.pump();
    CHECK(server.gone.empty());
    CHECK(ipc::call<Sample::Open>(client, 5U));
}

TEST_CASE("the heap gives out memory once and takes all of it back") {
    constexpr std::size_t bytes = 4 << 20;
    auto* const memory = static_cast<std::byte*>(std::aligned_alloc(4096, bytes));
    ipc::guest::Heap heap;
    heap.initialize(memory, bytes);
    std::mt19937 random{3};
    struct Block {
        std::byte* start;
        std::size_t size;
        std::byte mark;
    };
    std::vector<Block> blocks;
    for (int i = 0; i < 50'000; ++i) {
        if (random() % 5 < 3) {
            std::size_t const size = random() % 20 == 0 ? random() % 60'000 : random() % 600;
            auto* const start = static_cast<std::byte*>(heap.allocate(size));
            if (start != nullptr) {
                CHECK(reinterpret_cast<std::uintptr_t>(start) % 16 == 0);
                auto const mark = static_cast<std::byte>(i);
                std::fill_n(start, size, mark);
                blocks.push_back({start, size, mark});
                continue;
            }
        }
        if (!blocks.empty()) {
            std::swap(blocks[random() % blocks.size()], blocks.back());
            Block const block = blocks.back();
            blocks.pop_back();
            CHECK(
                std::all_of(block.start, block.start + block.size, [&](std::byte byte) { return byte == block.mark; }));
            heap.free(block.start);
        }
    }
    for (Block const& block : blocks) { heap.free(block.start); }
    CHECK(heap.used_bytes() == 0);
    heap.initialize(memory, bytes);
    void* const most = heap.allocate(heap.total_bytes());
    CHECK(most != nullptr);
    CHECK(heap.allocate(1) == nullptr);
    heap.free(most);
    CHECK(heap.allocate(heap.total_bytes()) != nullptr);
    CHECK(heap.allocate(~std::size_t{0} - 5000) == nullptr);
    // A heap that grows at its end, under objects that stay where they are.
    constexpr std::size_t first = 40 * abi::page_size, more = 24 * abi::page_size;
    heap.initialize(memory, first);
    CHECK_FALSE(heap.can_extend(more));
    REQUIRE(heap.reserve(bytes));
    std::size_t const before = heap.total_bytes(), used = heap.used_bytes();
    auto* const small = static_cast<std::byte*>(heap.allocate(100));
    std::memset(small, 7, 100);
    CHECK(heap.allocate_pages(before) == nullptr);
    REQUIRE(heap.can_extend(more));
    heap.extend(more);
    CHECK(heap.total_bytes() == before + more);
    // One piece with what was free before.
    auto* const large = static_cast<std::byte*>(heap.allocate_pages(before + more - 2 * abi::page_size));
    REQUIRE(large != nullptr);
    std::memset(large, 9, before + more - 2 * abi::page_size);
    CHECK(small[99] == std::byte{7});
    CHECK(heap.end() == memory + first + more);
    heap.free(large);
    heap.free(small);
    CHECK(heap.used_bytes() == used);
    std::free(memory);
}

TEST_CASE("log lines") {
    char text[40];
    ipc::LogArgument const arguments[] = {"vfs", -5, 255U, 'c', true, std::string_view{"end"}};
    CHECK(ipc::format_log(text, "{}: {} {x} {} {} {{} {}", arguments) == "vfs: -5 ff c true {end ");
    char small[5];
    CHECK(ipc::format_log(small, "abc{}", arguments) == "abcvf");
}
