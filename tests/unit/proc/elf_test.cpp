// ELF headers good, truncated and hostile; `#!` lines; the stack that a program starts with.
#include "servers/proc/execute/elf.hpp"
#include "servers/proc/execute/stack_image.hpp"
#include "servers/proc/memory/memory_space.hpp"
#include <cstring>
#include <doctest/doctest.h>
#include <random>

using namespace proc;

namespace {
struct Bytes {
    std::vector<std::byte> data;
    explicit Bytes(std::size_t size) : data(size) {}
    void put16(std::size_t at, std::uint16_t value) { std::memcpy(&data[at], &value, 2); }
    void put32(std::size_t at, std::uint32_t value) { std::memcpy(&data[at], &value, 4); }
};
constexpr std::size_t table_offset = 52;
/// Two segments as a linker makes them: text at 0x08048000, data with bss.
Bytes good_program() {
    Bytes file{0x3000};
    std::memcpy(file.data.data(),
                "\x7f"
                "ELF\1\1\1",
                7);
    file.put16(16, 2), file.put16(18, 3), file.put32(20, 1), file.put32(24, 0x08048100), file.put32(28, table_offset);
    file.put16(40, 52), file.put16(42, 32), file.put16(44, 2);
    auto segment = [&](std::size_t index, std::uint32_t offset, std::uint32_t address, std::uint32_t bytes,
                       std::uint32_t memory, std::uint32_t flags) {
        std::size_t const at = table_offset + index * 32;
        file.put32(at, 1), file.put32(at + 4, offset), file.put32(at + 8, address), file.put32(at + 16, bytes),
            file.put32(at + 20, memory);
        file.put32(at + 24, flags), file.put32(at + 28, 0x1000);
    };
    segment(0, 0, 0x08048000, 0x1800, 0x1800, 5);
    segment(1, 0x1f00, 0x0804bf00, 0x300, 0x1400, 6);
    return file;
}
Result<ElfProgram> read(Bytes const& file, std::size_t size) {
    std::span<std::byte const> const all = std::span{file.data}.first(size);
    auto const table = read_elf_table(all.first(std::min<std::size_t>(size, elf_header_bytes)), size);
    if (!table) return fail(table.error());
    return read_elf(all.first(elf_header_bytes), all.subspan(table->offset).first(table->count * 32), size);
}
} // namespace

TEST_CASE("a linked program") {
    auto const program = read(good_program(), 0x3000);
    REQUIRE(program);
    REQUIRE(program->segments.size() == 2);
    CHECK(program->entry == 0x08048100);
    CHECK(program->program_headers == 0x08048000 + table_offset);
    CHECK(program->segments[0].end == 0x0804a000);
    CHECK(program->segments[1].start == 0x0804b000);
    CHECK(program->segments[1].page_offset == 1);
    CHECK(program->segments[1].file_end == 0x0804c200);
    CHECK(program->segments[1].end == 0x0804e000);
    CHECK(program->memory_end == 0x0804d300);
    CHECK(program->segments[1].protection == (protection::read | protection::write));
}

TEST_CASE("truncated and hostile files are refused") {
    Bytes const good = good_program();
    for (std::size_t size = 0; size < 0x2200; size += 13) CHECK(read(good, size).error() == Error::NotExecutable);
    auto broken = [&](std::size_t at, std::uint32_t value) {
        Bytes file = good;
        file.put32(at, value);
        return read(file, 0x3000).has_value();
    };
    CHECK_FALSE(broken(0, 0));
    CHECK_FALSE(broken(24, 0));                        // entry outside
    CHECK_FALSE(broken(28, 0xfffffff0));               // table beyond the end
    CHECK_FALSE(broken(table_offset + 8, 0x08048001)); // not congruent
    CHECK_FALSE(broken(table_offset + 16, 0x1801));    // more in the file than in memory
    CHECK_FALSE(broken(table_offset + 8, 0));          // page 0
    CHECK_FALSE(broken(table_offset + 32 + 8, 0xfffff000 + 0xf00));
    CHECK_FALSE(broken(table_offset + 32 + 8, 0x08049f00)); // overlaps
    CHECK_FALSE(broken(table_offset + 32 + 20, 0xf8000000));
    std::mt19937 random{3};
    for (int i = 0; i < 20000; ++i) {
        Bytes file = good;
        for (int n = 0; n < 3; ++n) file.put32(random() % 116, random() % 3 == 0 ? random() : random() % 0x4000);
        auto const program = read(file, 0x3000);
        if (!program) continue;
        for (auto const& segment : program->segments) {
            CHECK(segment.start < segment.end);
            CHECK(segment.file_end <= segment.end);
            CHECK(segment.end <= linux_process::stack_top);
        }
    }
}

TEST_CASE("the initial stack") {
    std::vector<std::string> const arguments{"ls", "-l"}, environment{"A=b", "PATH=/bin"};
    std::array<std::byte, 16> random{};
    random.fill(std::byte{7});
    StackImage const stack =
        make_stack(0xBFDF0000, {arguments, environment, "/bin/ls", random, {{auxiliary::page_size, 4096}}});
    CHECK(stack.pointer % 16 == 0);
    CHECK(stack.pointer + stack.bytes.size() == 0xBFDF0000);
    auto word = [&](Address address) {
        Word value;
        std::memcpy(&value, &stack.bytes[address - stack.pointer], 4);
        return value;
    };
    auto text = [&](Address address) {
        return std::string{reinterpret_cast<char const*>(&stack.bytes[address - stack.pointer])};
    };
    CHECK(word(stack.pointer) == 2);
    CHECK(text(word(stack.pointer + 4)) == "ls");
    CHECK(text(word(stack.pointer + 8)) == "-l");
    CHECK(word(stack.pointer + 12) == 0);
    CHECK(text(word(stack.pointer + 16)) == "A=b");
    CHECK(text(word(stack.pointer + 20)) == "PATH=/bin");
    CHECK(word(stack.pointer + 24) == 0);
    CHECK(word(stack.pointer + 28) == auxiliary::page_size);
    CHECK(word(stack.pointer + 32) == 4096);
    CHECK(text(word(stack.pointer + 40)) == "i686");
    CHECK(word(stack.pointer + 44) == auxiliary::random);
    CHECK(stack.bytes[word(stack.pointer + 48) - stack.pointer + 15] == std::byte{7});
    CHECK(text(word(stack.pointer + 56)) == "/bin/ls");
    CHECK(word(stack.pointer + 60) == 0);
    CHECK(stack.arguments_end - stack.arguments_start == 6);
    CHECK(text(stack.environment_start) == "A=b");
    CHECK(stack.environment_end - stack.environment_start == 14);
}
