// Path walk, names and permissions.
#include "world.hpp"

using namespace test;

TEST_CASE("names that are not there") {
    World w;
    CHECK(w.stat_error("/nowhere") == Error::NoEntry);
    CHECK(w.stat_error("/nowhere/else") == Error::NoEntry);
    CHECK(w.stat_error("") == Error::NoEntry);
    w.put("/file", "x");
    CHECK(w.stat_error("/file/") == Error::NotDirectory);
    CHECK(w.stat_error("/file/x") == Error::NotDirectory);
    CHECK(w.stat_error("/file/..") == Error::NotDirectory);
    CHECK(w.stat_error("/" + std::string(256, 'n')) == Error::NameTooLong);
    CHECK(w.stat_error("/" + std::string(255, 'n')) == Error::NoEntry);
    std::string deep;
    while (deep.size() < 4096) { deep += "/."; }
    CHECK(w.stat_error(deep) == Error::NameTooLong);
    CHECK(w.stat_error("//tmp///.//../tmp/") == Error::None);
    CHECK(w.stat_error("/../../..") == Error::None);
    CHECK(w.stat("/../..").inode == w.stat("/").inode);
}

TEST_CASE("symbolic links") {
    World w;
    w.mkdir("/a");
    w.mkdir("/a/b");
    w.put("/a/b/f", "text");
    CHECK(w.symlink("b/f", "/a/l") == Error::None);
    CHECK(w.symlink("/a/b", "/d") == Error::None);
    CHECK(w.symlink("loop2", "/loop1") == Error::None);
    CHECK(w.symlink("loop1", "/loop2") == Error::None);
    CHECK(w.symlink("x", "/a/l") == Error::Exists);
    CHECK(w.symlink("", "/e") == Error::NoEntry);
    CHECK(w.symlink("x", "/e/") == Error::NoEntry);
    CHECK(w.get("/a/l") == "text");
    CHECK(w.get("/d/f") == "text");
    CHECK(w.get("/d/../l") == "text");
    CHECK(w.stat_error("/loop1") == Error::Loop);
    CHECK(w.stat_error("/a/l/") == Error::NotDirectory);
    CHECK((w.stat("/a/l", at_flag::no_follow).mode & mode::type) == mode::link);
    CHECK((w.stat("/d", at_flag::no_follow).mode & mode::type) == mode::link);
    CHECK(w.link_text("/a/l") == "b/f");
    CHECK(w.open_error("/a/l", open_flag::no_follow) == Error::Loop);
    CHECK(w.open_error("/a/l", open_flag::no_follow | open_flag::path) == Error::None);
    CHECK(w.open_error("/a/l", open_flag::create | open_flag::exclusive) == Error::Exists);
    // Creation through a link that dangles makes the target.
    w.symlink("/a/new", "/dangling");
    w.put("/dangling", "made");
    CHECK(w.get("/a/new") == "made");
    // 40 links are followed, 41 are not.
    w.put("/l0", "end");
    for (int i = 1; i <= 41; ++i) { w.symlink("l" + std::to_string(i - 1), "/l" + std::to_string(i)); }
    CHECK(w.get("/l40") == "end");
    CHECK(w.stat_error("/l41") == Error::Loop);
    CHECK(w.unlink("/d/") == Error::NotDirectory);
    CHECK(w.unlink("/d") == Error::None);
    CHECK(w.get("/a/b/f") == "text");
}

TEST_CASE("open: what may not be") {
    World w;
    w.mkdir("/d");
    w.put("/f", "x");
    CHECK(w.open_error("/d", open_flag::write_only) == Error::IsDirectory);
    CHECK(w.open_error("/d", open_flag::create) == Error::IsDirectory);
    CHECK(w.open_error("/f", open_flag::directory) == Error::NotDirectory);
    CHECK(w.open_error("/f/", open_flag::create) == Error::IsDirectory);
    CHECK(w.open_error("/new/", open_flag::create) == Error::IsDirectory);
    CHECK(w.open_error("/f", open_flag::create | open_flag::exclusive) == Error::Exists);
    CHECK(w.open_error("/dev/null", open_flag::read_write) == Error::None);
    CHECK(w.open_error("/dev/vc1") == Error::NoDevice);
    auto file = *w.open("/f");
    CHECK(w.write(file, "y").error() == Error::BadDescriptor);
    w.close(file);
}

TEST_CASE("permissions go by the session's credentials") {
    World w;
    auto* user = w.session(*w.files.fork_session(*w.root, false, false));
    w.files.set_credentials(*user, {1000, 1000, 0, 0, 0, 1, {100}});
    w.mkdir("/private", 0700);
    w.put("/private/f", "x");
    w.put("/readable", "x");
    CHECK(w.stat_error(user, "/private/f") == Error::Access);
    CHECK(w.open(user, "/readable", open_flag::write_only).error() == Error::Access);
    CHECK(w.open(user, "/new", open_flag::create).error() == Error::Access);
    CHECK(w.files.unlink(*user, {}, 0, "/readable") == Error::Access);
    // The sticky bit of /tmp.
    w.put("/tmp/roots", "x");
    CHECK(w.files.unlink(*user, {}, 0, "/tmp/roots") == Error::NotPermitted);
    w.put(user, "/tmp/own", "x");
    CHECK(w.stat("/tmp/own").user == 1000);
    CHECK(w.files.rename(*user, {}, {}, 0, "/tmp/own", "/tmp/roots") == Error::NotPermitted);
    CHECK(w.files.unlink(*user, {}, 0, "/tmp/own") == Error::None);
    // Group of a set-group-id directory; umask.
    w.mkdir("/shared", 0777);
    proto::AttributeChange change{};
    change.mask = proto::AttributeChange::mode_bit | proto::AttributeChange::group_bit;
    change.mode = 02777;
    change.group = 100;
    CHECK(w.files.set_attributes(*w.root, {}, 0, change, "/shared") == Error::None);
    CHECK(w.files.make_directory(*user, {}, 0777, "/shared/sub") == Error::None);
    CHECK(w.stat("/shared/sub").group == 100);
    CHECK((w.stat("/shared/sub").mode & 07777) == 02755);
    // chmod and chown by others.
    change.mask = proto::AttributeChange::mode_bit;
    change.mode = 0777;
    CHECK(w.files.set_attributes(*user, {}, 0, change, "/readable") == Error::NotPermitted);
    change.mask = proto::AttributeChange::user_bit;
    change.user = 1000;
    CHECK(w.files.set_attributes(*user, {}, 0, change, "/readable") == Error::NotPermitted);
    CHECK(w.files.set_attributes(*user, {}, 0, change, "/shared/sub") == Error::None);
    CHECK(w.files.access(*user, {}, may::write, "/readable") == Error::Access);
    CHECK(w.files.access(*user, {}, may::read, "/readable") == Error::None);
    CHECK(w.files.access(*w.root, {}, may::execute, "/readable") == Error::Access);
    CHECK(w.files.make_node(*user, {}, mode::character | 0666, 0x103, "/tmp/n") == Error::NotPermitted);
    CHECK(w.files.make_node(*user, {}, mode::fifo | 0666, 0, "/tmp/n") == Error::None);
}

TEST_CASE("rename") {
    World w;
    w.mkdir("/a");
    w.mkdir("/a/b");
    w.mkdir("/c");
    w.put("/f", "f");
    w.put("/g", "g");
    CHECK(w.rename("/f", "/g") == Error::None);
    CHECK(w.get("/g") == "f");
    CHECK(w.stat_error("/f") == Error::NoEntry);
    CHECK(w.rename("/a", "/a/b/c") == Error::Invalid);
    CHECK(w.rename("/a/b", "/a") == Error::NotEmpty);
    CHECK(w.rename("/g", "/c") == Error::IsDirectory);
    CHECK(w.rename("/c", "/g") == Error::NotDirectory);
    CHECK(w.rename("/g", "/g") == Error::None);
    CHECK(w.rename("/g", "/c/") == Error::NotDirectory);
    CHECK(w.rename("/c", "/a") == Error::NotEmpty);
    CHECK(w.rename("/a/b", "/c") == Error::None);
    CHECK(w.stat("/a").links == 2);
    CHECK(w.rename("/nothing", "/x") == Error::NoEntry);
    CHECK(w.rename("/.", "/x") == Error::Busy);
    CHECK(w.rename("/tmp", "/x", 1) == Error::None);
    CHECK(w.rename("/x", "/tmp") == Error::None);
    CHECK(w.rename("/g", "/c", 1) == Error::Exists);
    CHECK(w.rename("/g", "/c", 2) == Error::None);
    CHECK(w.get("/c") == "f");
    CHECK((w.stat("/g").mode & mode::type) == mode::directory);
    CHECK(w.link("/c", "/hard") == Error::None);
    CHECK(w.stat("/hard").links == 2);
    CHECK(w.rename("/c", "/hard") == Error::None);
    CHECK(w.stat("/c").links == 2);
    CHECK(w.link("/g", "/dir") == Error::NotPermitted);
    CHECK(w.rename("/dev/null", "/null") == Error::CrossDevice);
    CHECK(w.rename("/dev", "/null") == Error::Busy);
}

TEST_CASE("directories: removal and listing") {
    World w;
    w.mkdir("/d");
    CHECK(w.mkdir("/d") == Error::Exists);
    CHECK(w.mkdir("/d/e/") == Error::None);
    CHECK(w.rmdir("/d") == Error::NotEmpty);
    CHECK(w.unlink("/d/e") == Error::IsDirectory);
    CHECK(w.rmdir("/d/e/.") == Error::Invalid);
    CHECK(w.rmdir("/d/e/..") == Error::NotEmpty);
    CHECK(w.rmdir("/") == Error::Busy);
    CHECK(w.rmdir("/dev") == Error::Busy);
    CHECK(w.stat("/d").links == 3);
    CHECK(w.rmdir("/d/e") == Error::None);
    for (int i = 0; i < 100; ++i) { w.put("/d/f" + std::to_string(i), ""); }
    CHECK(w.names("/d").size() == 102);
    CHECK(w.names("/d", 64).size() == 102);
    // Removing what was read does not lose what was not.
    auto directory = *w.open("/d", open_flag::directory);
    unsigned removed = 0;
    for (;;) {
        FakeCaller caller{"", 200};
        auto const done = directory->entries(caller);
        REQUIRE(done.has_value());
        if (done->count == 0) { break; }
        for (std::uint32_t at = 0; at < done->count;) {
            std::uint16_t length = 0;
            std::memcpy(&length, caller.output.data() + at + 16, 2);
            std::string const name{caller.output.c_str() + at + 19};
            if (name[0] == 'f') {
                CHECK(w.unlink("/d/" + name) == Error::None);
                ++removed;
            }
            at += length;
        }
    }
    CHECK(removed == 100);
    FakeCaller small{"", 10};
    directory->offset = 0;
    CHECK(directory->entries(small).error() == Error::Invalid);
    // A directory that was removed while it is someone's working directory.
    CHECK(w.files.change_directory(*w.root, {}, false, "/d") == Error::None);
    CHECK(w.rmdir("/d") == Error::None);
    CHECK(w.files.describe(*w.root, 1).error() == Error::NoEntry);
    CHECK(w.files.make_directory(*w.root, {}, 0755, "x") == Error::NoEntry);
    CHECK(w.files.stat(*w.root, {}, 0, "..").has_value());
    w.close(directory);
}

TEST_CASE("at-directories") {
    World w;
    w.mkdir("/d");
    w.put("/d/f", "in d");
    auto directory = *w.open("/d", open_flag::directory);
    FakeCaller caller{"", 0};
    auto opened = w.files.open(*w.root, {true, directory}, 0, 0, "f", caller);
    REQUIRE(opened.has_value());
    CHECK(w.read(w.file(opened->slot)) == "in d");
    CHECK(w.files.stat(*w.root, {true, nullptr}, 0, "f").error() == Error::BadDescriptor);
    CHECK(w.files.stat(*w.root, {true, w.file(opened->slot)}, 0, "f").error() == Error::NotDirectory);
    CHECK(w.files.stat(*w.root, {true, directory}, at_flag::empty_path, "")->inode == w.stat("/d").inode);
    CHECK(w.files.describe(*w.root, 1) == "/");
    CHECK(w.files.change_directory(*w.root, {true, directory}, false, "") == Error::None);
    CHECK(w.files.describe(*w.root, 1) == "/d");
    CHECK(w.files.name_of(*w.file(opened->slot)) == "/d/f");
    w.unlink("/d/f");
    CHECK(w.files.name_of(*w.file(opened->slot)) == "/d/f (deleted)");
    CHECK(w.read(w.file(opened->slot)) == "");
}
