// Root's logic: the manifest, the boot archive, programs.
#include "../../../servers/root/boot_archive.hpp"
#include "../../../servers/root/elf.hpp"
#include "../../../servers/root/manifest.hpp"
#include <cstring>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

using root::Manifest;

namespace {

constexpr std::string_view good =
    "# comment\n"
    "server serial\n  priority 210\n  slots 9\n  memory 64K\n  heap 64K\n  provides serial0 badge each\n"
    "  needs irq:4 ports:0x3f8-0x3ff\n  restart always\n"
    "server tty\n  priority 185\n  slots 10\n  memory 1M\n  heap 4096\n  provides tty-control badge 3\n"
    "  needs serial0 memory\n  restart never\n";

std::span<std::byte const> bytes_of(std::string const& text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

void append_entry(std::string& archive, std::string const& name, std::string const& data, unsigned mode = 0100644) {
    char header[128];
    std::snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1u, mode, 0u, 0u,
                  1u, 0u, static_cast<unsigned>(data.size()), 0u, 0u, 0u, 0u, static_cast<unsigned>(name.size() + 1),
                  0u);
    archive += header;
    archive += name;
    archive += '\0';
    archive.resize((archive.size() + 3) / 4 * 4);
    archive += data;
    archive.resize((archive.size() + 3) / 4 * 4);
}

} // namespace

TEST_CASE("a manifest is read as it stands") {
    auto manifest = std::make_unique<Manifest>();
    REQUIRE(root::parse_manifest(good, *manifest).line == 0);
    REQUIRE(manifest->server_count == 2);
    auto const& serial = manifest->servers[0];
    CHECK(serial.name == "serial");
    CHECK(serial.priority == 210);
    CHECK(serial.memory == 65536);
    CHECK(serial.restart_always);
    REQUIRE(serial.need_count == 2);
    CHECK(serial.needs[0].kind == root::Need::Kind::Interrupt);
    CHECK(serial.needs[0].first == 4);
    CHECK(serial.needs[1].first == 0x3f8);
    CHECK(serial.needs[1].last == 0x3ff);
    auto const& tty = manifest->servers[1];
    CHECK_FALSE(tty.restart_always);
    CHECK(tty.needs[0].kind == root::Need::Kind::Server);
    CHECK(tty.needs[0].first == 0);
    CHECK(tty.needs[0].last == 0); // each: the user's number
    CHECK(tty.needs[1].kind == root::Need::Kind::Memory);
}

TEST_CASE("namespaces are given by name to whoever needs them, in order") {
    auto manifest = std::make_unique<Manifest>();
    REQUIRE(
        root::parse_manifest("server uts\n provides uts badge 2\n provides namespace:uts badge 1\n needs namespaces\n"
                             "server seed\n provides namespace:seed badge 3\n"
                             "server proc\n provides namespace:pid badge 2\n needs memory namespaces uts\n"
                             "server container\n needs namespaces\n",
                             *manifest)
            .line == 0);
    CHECK(manifest->servers[0].need_count == 0); // nothing stands above, its own least of all
    auto const& proc = manifest->servers[2];
    REQUIRE(proc.need_count == 4);
    CHECK(proc.needs[1].name == "namespace:uts");
    CHECK(proc.needs[1].kind == root::Need::Kind::Server);
    CHECK(proc.needs[1].first == 0);
    CHECK(proc.needs[1].last == 1);
    CHECK(proc.needs[2].name == "namespace:seed");
    CHECK(proc.needs[2].first == 1);
    CHECK(proc.needs[2].last == 3);
    CHECK(proc.needs[3].name == "uts");
    CHECK(manifest->servers[3].need_count == 3);
    auto const fault = [&](std::string_view text) { return root::parse_manifest(text, *manifest).line; };
    CHECK(fault("server a\n provides namespace: badge 1\n") == 2);
    CHECK(fault("server a\n provides namespace:thirteenchars badge 1\n") == 2);
    CHECK(fault("server a\n provides namespace:x badge each\n") == 2);
}

TEST_CASE("what is wrong with a manifest is told with its line") {
    auto manifest = std::make_unique<Manifest>();
    auto const fault = [&](std::string_view text) { return root::parse_manifest(text, *manifest).line; };
    CHECK(fault("priority 3\n") == 1);
    CHECK(fault("server a\n  needs nothing-there\n") == 2);
    CHECK(fault("server a\n  provides x badge 1\n  needs x\n") == 3);           // itself
    CHECK(fault("server a\n  needs y\nserver b\n  provides y badge 1\n") == 2); // downhill
    CHECK(fault("server a\n  needs irq:16\n") == 2);
    CHECK(fault("server a\n  needs ports:9-3\n") == 2);
    CHECK(fault("server a\n  priority 240\n") == 2);
    CHECK(fault("server a\n  memory 3K\n") == 2);
    CHECK(fault("server a\n  heap 100\n") == 2);
    CHECK(fault("server a\n  restart sometimes\n") == 2);
    CHECK(fault("server a\n  provides x badge 16\n") == 2);
    CHECK(fault("server a\n\n  colour blue\n") == 3);
    std::string many;
    for (int i = 0; i < 16; ++i) { many += "server s\n"; }
    CHECK(fault(many) == 16);
}

TEST_CASE("files are found in the boot archive, and a cut one is no harm") {
    std::string archive;
    append_entry(archive, "servers", "", 040755);
    append_entry(archive, "servers/a", "first");
    append_entry(archive, "servers/b", "second one");
    append_entry(archive, "TRAILER!!!", "");
    auto const found = root::find_in_archive(bytes_of(archive), "servers/b");
    REQUIRE(found);
    CHECK(std::memcmp(found->data(), "second one", 10) == 0);
    CHECK(found->size() == 10);
    CHECK_FALSE(root::find_in_archive(bytes_of(archive), "servers"));
    CHECK_FALSE(root::find_in_archive(bytes_of(archive), "servers/c"));
    for (std::size_t length = 0; length < archive.size(); ++length) {
        std::string const cut = archive.substr(0, length);
        auto const part = root::find_in_archive(bytes_of(cut), "servers/b");
        if (part) { CHECK(std::memcmp(part->data(), "second one", 10) == 0); }
    }
}

TEST_CASE("programs are checked before they are believed") {
    std::vector<unsigned char> file(4096, 0);
    std::memcpy(file.data(), "\177ELF\1\1\1", 7);
    auto const put16 = [&](std::size_t at, unsigned value) { std::memcpy(file.data() + at, &value, 2); };
    auto const put32 = [&](std::size_t at, unsigned value) { std::memcpy(file.data() + at, &value, 4); };
    put16(16, 2), put16(18, 3), put32(24, 0x400010), put32(28, 52), put16(42, 32), put16(44, 1);
    put32(52, 1), put32(56, 0), put32(60, 0x400000), put32(68, 4096), put32(72, 8192), put32(76, 5);
    auto const read = [&] { return root::read_executable(std::as_bytes(std::span{file})); };
    REQUIRE(read());
    CHECK(read()->entry == 0x400010);
    CHECK(read()->segment_count == 1);
    CHECK(read()->segments[0].executable);
    put32(68, 4097);
    CHECK_FALSE(read()); // more in the file than there is
    put32(68, 4096), put32(60, 0xBFFFF000);
    CHECK_FALSE(read()); // into the kernel
    put32(60, 0x400000), put16(44, 200);
    CHECK_FALSE(read()); // headers beyond the end
    put16(44, 1), put16(18, 62);
    CHECK_FALSE(read()); // another machine
}
