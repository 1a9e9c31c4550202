// Quota domains, container sessions, the boot image.
#include "world.hpp"

using namespace test;

TEST_CASE("a domain pays for its folder to the byte") {
    World w;
    w.mkdir("/containers/c");
    w.put("/containers/c/f", std::string(5000, 'x'));
    auto const number = w.files.set_quota(64 * 1024, "/containers/c");
    REQUIRE(number.has_value());
    CHECK(w.files.quota_usage(*number)->used == 2 * inode_charge + 2 * page_charge);
    CHECK(w.files.set_quota(1, "/containers/c").error() == Error::Exists);
    CHECK(w.files.set_quota(1, "/containers/none").error() == Error::NoEntry);
    auto file = *w.open("/containers/c/big", open_flag::create | open_flag::write_only);
    auto const done = w.write(file, std::string(100000, 'y'));
    CHECK(done == 13 * 4096);
    CHECK(w.write(file, "z").error() == Error::Quota);
    CHECK(w.files.quota_usage(*number)->used == 3 * inode_charge + 15 * page_charge);
    CHECK(w.files.quota_usage(*number)->denied > 0);
    CHECK(w.unlink("/containers/c/big") == Error::None);
    CHECK(w.files.quota_usage(*number)->used > 15 * page_charge); // still open
    w.close(file);
    CHECK(w.files.quota_usage(*number)->used == 2 * inode_charge + 2 * page_charge);
    CHECK(w.rename("/containers/c/f", "/f") == Error::CrossDevice);
    CHECK(w.link("/containers/c/f", "/f") == Error::CrossDevice);
    unsigned made = 0;
    while (w.mkdir("/containers/c/d" + std::to_string(made)) == Error::None) { ++made; }
    CHECK(made == (65536 - 2 * 512 - 2 * 4096) / 512);
    CHECK(w.files.release_quota(*number) == Error::None);
    CHECK(w.files.quota_usage(*number).error() == Error::NoEntry);
    CHECK(w.mkdir("/containers/c/more") == Error::None);
    CHECK(w.rename("/containers/c/f", "/f") == Error::None);
}

TEST_CASE("a container's session") {
    World w;
    auto const before = w.files.usage();
    w.mkdir("/containers/c");
    auto const number = w.files.set_quota(100 * 1024, "/containers/c");
    auto const slot = w.files.container_session(*number, "/containers/c");
    REQUIRE(slot.has_value());
    auto* inside = w.session(*slot);
    CHECK(w.files.describe(*inside, 1) == "/");
    CHECK(w.stat_error(inside, "/dev/null") == Error::None);
    CHECK(w.stat_error(inside, "/dev/vc0") == Error::NoEntry);
    CHECK(w.stat_error(inside, "/../../etc") == Error::NoEntry);
    w.put(inside, "/f", "data");
    CHECK(w.get("/containers/c/f") == "data");
    w.put(inside, "/tmp/f", "private");
    CHECK(w.stat_error("/containers/c/tmp/f") == Error::NoEntry);
    // What is written to its /tmp counts as well.
    inside->who.process = 9;
    auto file = *w.open(inside, "/tmp/big", open_flag::create | open_flag::write_only);
    CHECK(w.files.set_quota_policy(*number, 100 * 1024, true) == Error::None);
    w.files.notify_quota(55);
    CHECK(*w.write(file, std::string(200000, 'x')) < 100 * 1024);
    CHECK(w.port.signalled == std::vector<Slot>{55});
    auto const event = w.files.take_quota_event();
    CHECK(event.domain == *number);
    CHECK(event.process == 9); // who opened the file
    CHECK(event.wanted > 100 * 1024);
    CHECK(event.wanted <= 100 * 1024 + 4096);
    CHECK(w.files.take_quota_event().domain == 0);
    w.close(file);
    CHECK(w.files.unlink(*inside, {}, 0, "/tmp/big") == Error::None); // a mount takes an inode
    CHECK(w.files.mount_at(*inside, 66, "proc", "/proc") == Error::None);
    CHECK(w.stat_error(inside, "/proc/1") == Error::Elsewhere);
    CHECK(w.files.mount_text(*inside, 0).find("proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n") !=
          std::string::npos);
    std::vector<std::string> const names = w.names("/containers/c");
    w.files.close(inside->badge);
    CHECK(w.port.dropped.contains(66));
    for (std::string_view const name : {"f", "tmp", "dev", "proc"}) {
        std::string const path = "/containers/c/" + std::string{name};
        CHECK((w.unlink(path) == Error::None || w.rmdir(path) == Error::None));
    }
    CHECK(w.rmdir("/containers/c") == Error::None);
    CHECK(w.files.quota_usage(*number)->used == inode_charge);
    CHECK(w.files.release_quota(*number) == Error::None);
    CHECK(w.files.usage() == before);
}

namespace {
void append_member(std::string& archive, std::string name, std::uint32_t bits, std::string_view data, bool aligned) {
    std::size_t name_size = name.size() + 1;
    if (aligned) {
        while ((archive.size() + 110 + name_size) % 4096 != 0) { ++name_size; }
    }
    name.resize(name_size, '\0');
    char header[120];
    std::snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1u, bits, 7u, 8u,
                  1u, 5u, static_cast<unsigned>(data.size()), 0u, 0u, 0u, 0u, static_cast<unsigned>(name_size), 0u);
    archive += header;
    archive += name;
    while (archive.size() % 4 != 0) { archive += '\0'; }
    archive += data;
    while (archive.size() % 4 != 0) { archive += '\0'; }
}
} // namespace

TEST_CASE("the boot image") {
    std::string text;
    append_member(text, "manifest", 0100644, "ignored", false);
    append_member(text, "root", 040755, "", false);
    append_member(text, "root/bin/tool", 0100755, std::string(5000, 't'), true);
    append_member(text, "root/bin/link", 0120777, "tool", false);
    append_member(text, "root/etc/small", 0100640, "small file", false);
    append_member(text, "TRAILER!!!", 0, "", false);
    void* const memory = std::aligned_alloc(4096, (text.size() + 8191) / 4096 * 4096);
    std::memcpy(memory, text.data(), text.size());
    {
        FakePort port;
        HostPages pages{4};
        Vfs files{pages, port, 1000, 1000};
        REQUIRE(files.start({static_cast<std::byte const*>(memory), text.size()}) == Error::None);
        Session* const root = files.session(port.minted_badges.at(*files.first_session()));
        auto const tool = files.stat(*root, {}, 0, "/bin/link");
        REQUIRE(tool.has_value());
        CHECK(tool->size == 5000);
        CHECK(tool->mode == 0100755);
        CHECK(tool->user == 7);
        CHECK(files.stat(*root, {}, 0, "/manifest").error() == Error::NoEntry);
        CHECK((files.stat(*root, {}, 0, "/etc/small")->mode & 0777) == 0640);
        FakeCaller caller{"patch", 6000};
        auto const opened = files.open(*root, {}, open_flag::read_write, 0, "/bin/tool", caller);
        OpenFile* const file = files.file(port.minted_badges.at(opened->slot));
        CHECK(file->read(caller)->count == 5000);
        CHECK(caller.output.substr(0, 5000) == std::string(5000, 't'));
        auto const used = pages.used_pages();
        // A copy shares the image's pages until one side writes.
        FakeCaller copier{"xyz", 6000};
        auto const made = files.open(*root, {}, open_flag::read_write | open_flag::create, 0644, "/bin/copy", copier);
        OpenFile* const copy = files.file(port.minted_badges.at(made->slot));
        CHECK(*copy->copy_from(*file, 0, proto::File::current, 100000) == 5000);
        CHECK(pages.used_pages() == used);
        CHECK(copy->inode->page_count() == 2);
        CHECK(*copy->copy_from(*file, 5000, proto::File::current, 100000) == 0);
        CHECK(copy->write_at(copier, 100)->count == 3);
        CHECK(pages.used_pages() == used + 1);
        CHECK(copy->read_at(copier, 0)->count == 5000);
        CHECK(copier.output.substr(0, 5000) == std::string(100, 't') + "xyz" + std::string(4897, 't'));
        CHECK(file->read_at(caller, 0)->count == 5000);
        CHECK(caller.output.substr(0, 5000) == std::string(5000, 't'));
        CHECK(copy->copy_from(*copy, 0, 0, 1).error() == Error::Invalid);
        CHECK(*copy->copy_from(*file, 10, 4990, 20) == 20); // not at pages: copied
        CHECK(copy->inode->size == 5010);
        CHECK(copy->truncate(0) == Error::None);
        CHECK(pages.used_pages() == used);
        CHECK(file->write_at(caller, 4998)->count == 5);
        CHECK(pages.used_pages() == used + 1);
        CHECK(file->truncate(6000) == Error::None);
        CHECK(file->read_at(caller, 4990)->count == 1010);
        CHECK(caller.output.substr(0, 1010) == std::string(8, 't') + "patch" + std::string(997, '\0'));
        std::uint32_t valid = 0;
        CHECK(file->page(0, false, valid).has_value());
        CHECK(pages.used_pages() == used + 2);
        CHECK(text == std::string_view{static_cast<char const*>(memory), text.size()});
    }
    std::free(memory);
}
