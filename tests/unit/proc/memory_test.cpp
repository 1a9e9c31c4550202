// Address spaces: mappings split and merge, copy-on-write counts references, accounts are exact to the byte.
#include "memory_world.hpp"
#include <random>

using namespace proc;
using namespace proc::memory_test;

namespace {
std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i / 256 + i);
    return bytes;
}
} // namespace

TEST_CASE("mappings split and merge") {
    World world;
    MemorySpace& space = *world.space;
    Address const base = world.map(10 * page);
    CHECK(space.mappings().size() == 1);
    REQUIRE(space.unmap(base + 4 * page, page));
    CHECK(space.mappings().size() == 2);
    CHECK(space.virtual_pages() == 9);
    REQUIRE(space.map(base + 4 * page, page, rw, anonymous | map_flag::fixed, 0, nullptr));
    CHECK(space.mappings().size() == 1);
    REQUIRE(space.protect(base + 2 * page, 3 * page, protection::read));
    CHECK(space.mappings().size() == 3);
    REQUIRE(space.protect(base + 2 * page, 3 * page, rw));
    CHECK(space.mappings().size() == 1);
    CHECK(space.protect(base + 8 * page, 4 * page, rw).error() == Error::NoMemory);
    CHECK(space.unmap(base + 1, page).error() == Error::Invalid);
    CHECK(space.unmap(base, 0).error() == Error::Invalid);
    CHECK(space.map(0, 0, rw, anonymous, 0, nullptr).error() == Error::Invalid);
    CHECK(space.map(0xBFE00000, page, rw, anonymous | map_flag::fixed, 0, nullptr).error() == Error::NoMemory);
    CHECK(space.map(0, 0xFFFFF001, rw, anonymous, 0, nullptr).error() == Error::NoMemory);
}

TEST_CASE("demand zero and protection") {
    World world;
    MemorySpace& space = *world.space;
    Address const base = world.map(4 * page);
    CHECK(space.resident_pages() == 0);
    CHECK(space.fault(base + 5, false) == FaultOutcome::Resolved);
    CHECK(space.resident_pages() == 1);
    CHECK(*space.read<Word>(base + page) == 0);
    REQUIRE(space.write<Word>(base + page, 42));
    CHECK(*space.read<Word>(base + page) == 42);
    CHECK(space.fault(base + 4 * page, false) == FaultOutcome::NotMapped);
    REQUIRE(space.protect(base, page, protection::read));
    CHECK(space.fault(base, true) == FaultOutcome::NotAllowed);
    CHECK(space.fault(base, false) == FaultOutcome::Resolved);
    REQUIRE(space.protect(base, page, 0));
    CHECK(space.fault(base, false) == FaultOutcome::NotAllowed);
    CHECK(space.copy_in(base, std::as_writable_bytes(std::span{&world.empty, 1})).error() == Error::Fault);
    REQUIRE(space.advise(base + page, page, 4));
    CHECK(*space.read<Word>(base + page) == 0);
    CHECK(space.touch(base + 3 * page, 2 * page, true).error() == Error::Fault);
}

TEST_CASE("copy on write keeps both sides apart and frees to the byte") {
    World world;
    MemorySpace& space = *world.space;
    Address const base = world.map(8 * page);
    for (Word i = 0; i < 8; ++i) REQUIRE(space.write<Word>(base + i * page, 100 + i));
    REQUIRE(space.map_stack());
    Address const stack = linux_process::stack_top - 64;
    REQUIRE(space.write<Word>(stack, 7));
    std::uint64_t const before = world.account.used();
    auto forked = space.fork(0, 0, stack);
    REQUIRE(forked);
    MemorySpace& child = **forked;
    CHECK(child.resident_pages() == 9);
    for (Word i = 0; i < 8; ++i) CHECK(*child.read<Word>(base + i * page) == 100 + i);
    REQUIRE(child.write<Word>(base, 1));
    REQUIRE(space.write<Word>(base + page, 2));
    REQUIRE(child.write<Word>(stack, 8));
    CHECK(*space.read<Word>(base) == 100);
    CHECK(*child.read<Word>(base + page) == 101);
    CHECK(*space.read<Word>(stack) == 7);
    // What is shared is read-only on both sides in the kernel.
    for (auto const& [where, entry] : world.kernel.mapped) {
        if (where.second >= base + 2 * page && where.second < base + 8 * page) CHECK(entry.rights == abi::right::read);
    }
    child.release();
    CHECK(world.account.used() == before);
    CHECK(space.fault(base + 4 * page, true) == FaultOutcome::Resolved);
    CHECK(world.account.used() == before);
    // The pooled skeleton serves the next fork.
    auto again = space.fork(0, 0, stack);
    REQUIRE(again);
    CHECK(*(*again)->read<Word>(base + page) == 2);
    CHECK((*again)->resident_pages() == 9);
    (*again)->release();
    CHECK(world.account.used() == before);
}

TEST_CASE("files: shared frames, private copies, tails, the end, truncation") {
    World world;
    auto const bytes = pattern(5 * page + 100);
    CapabilityPointer const file = world.source.add(bytes);
    FileObject* object = *world.cache.open(file);
    MemorySpace& space = *world.space;
    REQUIRE(space.map_segment(0x08048000, 0x0804b000, protection::read | protection::execute, *object, 0, 0x0804b000));
    CHECK(space.fault(0x08048000, false) == FaultOutcome::Resolved);
    CHECK(space.fault(0x0804a000, false) == FaultOutcome::Resolved);
    CHECK(world.source.fetched == 2);
    CHECK(*space.read<std::byte>(0x08049123) == bytes[0x1123]);
    CHECK(world.source.fetched == 3);
    // Data: page 3 and 4 of the file, ends in the middle, then bss.
    REQUIRE(space.map_segment(0x08050000, 0x08053000, rw, *object, 3, 0x08051010));
    CHECK(*space.read<std::byte>(0x0805100f) == bytes[4 * page + 0xf]);
    CHECK(*space.read<std::byte>(0x08051010) == std::byte{0});
    CHECK(*space.read<Word>(0x08052800) == 0);
    REQUIRE(space.write<Word>(0x08050000, 0xabcdef));
    CHECK(*space.read<Word>(0x08050000) == 0xabcdef);
    std::array<std::byte, 4> raw;
    CHECK(*object->read(3 * page, raw) == 4);
    CHECK(raw[0] == bytes[3 * page]);
    // Another process has the text at once, by one fault.
    MemorySpace* other = *MemorySpace::create(world.account);
    REQUIRE(other->map_segment(0x08048000, 0x0804b000, protection::read | protection::execute, *object, 0, 0x0804b000));
    CHECK(other->fault(0x08049000, false) == FaultOutcome::Resolved);
    CHECK(other->resident_pages() == 3);
    CHECK(*other->read<std::byte>(0x0804a001) == bytes[0x2001]);
    other->release();
    // Beyond the end.
    auto plain = space.map(0, 8 * page, protection::read, map_flag::private_mapping, 0, object);
    REQUIRE(plain);
    CHECK(space.fault(*plain + 5 * page, false) == FaultOutcome::Resolved);
    CHECK(space.fault(*plain + 6 * page, false) == FaultOutcome::BeyondFile);
    // Truncation takes the frames.
    for (auto const& [where, frame] : std::map{world.kernel.windows}) world.kernel.revoke(frame);
    world.source.files.at(file).bytes.resize(page);
    CHECK(space.fault(0x08048000, false) == FaultOutcome::Resolved);
    CHECK(space.fault(0x0804a000, false) == FaultOutcome::BeyondFile);
    CHECK(space.copy_in(0x0804a000, raw).error() == Error::Fault);
    object->release();
    CHECK(world.cache.size() == 1);
}

TEST_CASE("an attachment of shared memory is held by its parts, one for each process") {
    World world;
    MemorySpace& space = *world.space;
    CapabilityPointer const file = world.source.add(pattern(4 * page));
    world.source.files.at(file).status.links = 0;
    FileObject* object = *world.cache.open(file);
    auto const before = world.kernel.capabilities;
    auto const attach = [&](bool may_write) {
        auto* attachment = new Attachment{world.kernel, world.source.open(file)};
        auto const at = space.map(0, 4 * page, may_write ? rw : protection::read, map_flag::shared, 0, object,
                                  may_write, attachment);
        attachment->release();
        REQUIRE(at);
        return *at;
    };
    Address const one = attach(true), two = attach(false);
    CHECK(world.kernel.capabilities == before + 2);
    CHECK(space.mappings().size() == 2); // beside each other, but not one
    CHECK(space.protect(two, page, rw).error() == Error::Access);
    CHECK(space.protect(one, page, protection::read));
    CHECK(space.protect(one, page, rw));
    REQUIRE(space.unmap(one + page, page)); // in two parts now
    CHECK(world.kernel.capabilities == before + 2);
    auto child = space.fork(0, 0, linux_process::stack_top);
    REQUIRE(child);
    CHECK(world.kernel.capabilities >= before + 4);
    auto const both = world.kernel.capabilities;
    CHECK((*child)->detach(one + 2 * page).error() == Error::Invalid); // not where it begins
    REQUIRE((*child)->detach(one));
    CHECK((*child)->mappings().size() == 1);
    CHECK(world.kernel.capabilities == both - 1);
    CHECK((*child)->detach(one).error() == Error::Invalid);
    (*child)->release();
    CHECK(space.mappings().size() == 3);
    REQUIRE(space.detach(one));
    REQUIRE(space.detach(two));
    CHECK(space.mappings().empty());
    CHECK(world.kernel.capabilities == before);
    // Where no further attachment is to be had the child shares its parent's.
    Address const three = attach(true);
    world.source.refuse_attachments = true;
    auto other = space.fork(0, 0, linux_process::stack_top);
    REQUIRE(other);
    REQUIRE(space.detach(three));
    (*other)->release();
    object->release();
}

TEST_CASE("break, stack growth, remap") {
    World world;
    MemorySpace& space = *world.space;
    space.set_break_start(0x08100010);
    CHECK(space.set_break(0) == 0x08100010);
    CHECK(space.set_break(0x08103000) == 0x08103000);
    REQUIRE(space.write<Word>(0x08102ffc, 9));
    CHECK(space.set_break(0x08101000) == 0x08101000);
    CHECK(space.fault(0x08102000, true) == FaultOutcome::NotMapped);
    CHECK(space.set_break(0x08104000) == 0x08104000);
    CHECK(*space.read<Word>(0x08102ffc) == 0);
    REQUIRE(space.map_stack());
    CHECK(space.fault(linux_process::stack_top - 0x100000, true) == FaultOutcome::Resolved);
    CHECK(space.fault(linux_process::stack_top - linux_process::stack_maximum - page, true) == FaultOutcome::NotMapped);
    Address const base = world.map(3 * page);
    for (Word i = 0; i < 3; ++i) REQUIRE(space.write<Word>(base + i * page, i + 1));
    CHECK(*space.remap(base, 3 * page, 2 * page, 0, 0) == base);
    auto moved = space.remap(base, 2 * page, 20 * page, 1, 0);
    REQUIRE(moved);
    CHECK(*space.read<Word>(*moved + page) == 2);
    CHECK(space.fault(base, false) ==
          (*moved <= base && base < *moved + 20 * page ? FaultOutcome::Resolved : FaultOutcome::NotMapped));
    CHECK(space.remap(0x7000000, page, 2 * page, 1, 0).error() == Error::Fault);
}

TEST_CASE("shared anonymous memory stays shared over fork") {
    World world;
    MemorySpace& space = *world.space;
    FileObject& memory = world.cache.create_anonymous(world.account);
    auto base = space.map(0, 4 * page, rw, map_flag::shared | map_flag::anonymous, 0, &memory);
    memory.release();
    REQUIRE(base);
    REQUIRE(space.write<Word>(*base, 5));
    MemorySpace* child = *space.fork(0, 0, 0);
    REQUIRE(child->write<Word>(*base, 6));
    CHECK(*space.read<Word>(*base) == 6);
    REQUIRE(space.write<Word>(*base + page, 7));
    CHECK(*child->read<Word>(*base + page) == 7);
    CHECK(*space.key(*base) == *child->key(*base));
    child->release();
    CHECK(*space.read<Word>(*base) == 6);
}

TEST_CASE("thread areas and descriptor tables") {
    World world;
    MemorySpace& space = *world.space;
    CHECK(space.area(0).stack_top == linux_process::area_base + 3 * page);
    auto second = space.add_area();
    REQUIRE(second);
    CHECK(*second == 1);
    space.area(1).thread_id = 5;
    space.clear_files(0, 192);
    REQUIRE(space.set_descriptor(0, 3, {1, 1, 2, 0, 9}));
    REQUIRE(space.set_descriptor(0, 700, {1, 0, 0, 0, 0}));
    CHECK(space.files_highest(0) == 701);
    CHECK(space.descriptor(0, 3).path_flags == 9);
    auto copy = space.add_files(0);
    REQUIRE(copy);
    CHECK(space.descriptor(*copy, 700).open == 1);
    MemorySpace* child = *space.fork(1, *copy, 0);
    CHECK(child->area(0).thread_id == 5);
    CHECK(child->area(0).stack_top == linux_process::area_base + 3 * page);
    CHECK(child->descriptor(0, 700).open == 1);
    child->release();
    space.remove_files(*copy);
    space.remove_area(1);
    CHECK(space.fault(linux_process::area_base + page, true) == FaultOutcome::Resolved);
    CHECK(space.fault(linux_process::area_base + linux_process::area_size, true) == FaultOutcome::NotMapped);
}

TEST_CASE("random calls against a model of bytes") {
    World world;
    MemorySpace* space = world.space;
    std::mt19937 random{7};
    constexpr Address base = 0x10000000;
    constexpr Word count = 40;
    std::array<int, count> model{}; // -1 unmapped, else the word
    model.fill(-1);
    std::vector<std::pair<MemorySpace*, std::array<int, count>>> children;
    for (int step = 0; step < 4000; ++step) {
        Word const from = random() % count, length = 1 + random() % std::min<Word>(8, count - from);
        switch (random() % 7) {
        case 0:
            REQUIRE(space->map(base + from * page, length * page, rw, anonymous | map_flag::fixed, 0, nullptr));
            for (Word i = from; i < from + length; ++i) model[i] = 0;
            break;
        case 1:
            REQUIRE(space->unmap(base + from * page, length * page));
            for (Word i = from; i < from + length; ++i) model[i] = -1;
            break;
        case 2:
        case 3: {
            int const value = static_cast<int>(random() % 1000);
            CHECK(space->write<int>(base + from * page, value).has_value() == (model[from] >= 0));
            if (model[from] >= 0) model[from] = value;
            break;
        }
        case 4: {
            auto value = space->read<int>(base + from * page);
            CHECK(value.has_value() == (model[from] >= 0));
            if (value) CHECK(*value == model[from]);
            break;
        }
        case 5:
            if (children.size() < 3) {
                children.emplace_back(*space->fork(0, 0, base + from * page), model);
            } else {
                auto& [child, expected] = children[random() % children.size()];
                for (Word i = 0; i < count; ++i) {
                    auto value = child->read<int>(base + i * page);
                    REQUIRE(value.has_value() == (expected[i] >= 0));
                    if (value) REQUIRE(*value == expected[i]);
                }
            }
            break;
        default:
            if (!children.empty() && random() % 2 == 0) {
                Word const which = random() % children.size();
                if (random() % 2 == 0) {
                    std::swap(space, children[which].first); // goes on in the child
                    std::swap(model, children[which].second);
                } else {
                    children[which].first->release();
                    children.erase(children.begin() + which);
                }
            }
        }
    }
    for (auto& [child, expected] : children) child->release();
    world.space = space;
}
