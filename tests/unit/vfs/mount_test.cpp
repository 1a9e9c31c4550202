// Mounts, namespaces, propagation.
#include "world.hpp"

using namespace test;

TEST_CASE("tmpfs on a directory") {
    World w;
    w.mkdir("/m");
    w.put("/m/below", "hidden");
    auto const before = w.files.usage();
    CHECK(w.mount("none", "/m", "tmpfs", 0, "size=8k") == Error::None);
    CHECK(w.stat_error("/m/below") == Error::NoEntry);
    w.put("/m/f", std::string(8192, 'x'));
    auto file = *w.open("/m/f", open_flag::write_only | open_flag::append);
    CHECK(w.write(file, "y").error() == Error::NoSpace);
    CHECK(w.files.unmount(*w.root, 0, "/m") == Error::Busy);
    w.close(file);
    CHECK(w.stat("/m/..").inode == w.stat("/").inode);
    CHECK(w.rmdir("/m") == Error::Busy);
    CHECK(w.files.unmount(*w.root, 0, "/m") == Error::None);
    CHECK(w.get("/m/below") == "hidden");
    CHECK(w.files.usage() == before);
    CHECK(w.files.unmount(*w.root, 0, "/m") == Error::Invalid);
    CHECK(w.mount("none", "/m/below", "tmpfs") == Error::NotDirectory);
    CHECK(w.mount("none", "/m", "ext4") == Error::NoSuchDevice);
    CHECK(w.mount("none", "/m", "tmpfs", 0, "size=lots") == Error::Invalid);
    CHECK(w.mount("none", "/nowhere", "tmpfs") == Error::NoEntry);
    CHECK(w.files.usage() == before);
}

TEST_CASE("read-only and the like") {
    World w;
    w.mkdir("/m");
    CHECK(w.mount("none", "/m", "tmpfs", mount_flag::no_exec) == Error::None);
    w.put("/m/f", "x");
    CHECK(w.mount("none", "/m", "", mount_flag::remount | mount_flag::read_only) == Error::None);
    CHECK(w.open_error("/m/f", open_flag::write_only) == Error::ReadOnly);
    CHECK(w.open_error("/m/g", open_flag::create) == Error::ReadOnly);
    CHECK(w.mkdir("/m/d") == Error::ReadOnly);
    CHECK(w.unlink("/m/f") == Error::ReadOnly);
    CHECK(w.files.truncate(*w.root, {}, 0, "/m/f") == Error::ReadOnly);
    CHECK(w.files.access(*w.root, {}, may::write, "/m/f") == Error::ReadOnly);
    CHECK(w.get("/m/f") == "x");
    auto* user = w.session(*w.files.fork_session(*w.root, false, false));
    w.files.set_credentials(*user, {1000, 1000, 0, 0, 0, 0, {}});
    CHECK(w.files.mount(*user, 0, 0, "none", "/m", "tmpfs", "") == Error::NotPermitted);
}

TEST_CASE("bind mounts") {
    World w;
    w.mkdir("/a");
    w.mkdir("/a/sub");
    w.mkdir("/b");
    w.put("/a/f", "shared data");
    w.mount("inner", "/a/sub", "tmpfs");
    w.put("/a/sub/i", "inside");
    CHECK(w.mount("/a", "/b", "", mount_flag::bind) == Error::None);
    CHECK(w.get("/b/f") == "shared data");
    CHECK(w.stat_error("/b/sub/i") == Error::NoEntry);
    CHECK(w.files.unmount(*w.root, 0, "/b") == Error::None);
    CHECK(w.mount("/a", "/b", "", mount_flag::bind | mount_flag::recursive) == Error::None);
    CHECK(w.get("/b/sub/i") == "inside");
    CHECK(w.files.unmount(*w.root, 0, "/b") == Error::Busy);
    CHECK(w.files.unmount(*w.root, mount_flag::detach, "/b") == Error::None);
    CHECK(w.stat_error("/b/f") == Error::NoEntry);
    // A file on a file.
    w.put("/g", "old");
    CHECK(w.mount("/a/f", "/g", "", mount_flag::bind) == Error::None);
    CHECK(w.get("/g") == "shared data");
    CHECK(w.unlink("/g") == Error::Busy);
    CHECK(w.files.unmount(*w.root, 0, "/g") == Error::None);
    CHECK(w.mount("/a", "/g", "", mount_flag::bind) == Error::NotDirectory);
    // Moving.
    w.mkdir("/c");
    CHECK(w.mount("/a/sub", "/c", "", mount_flag::move) == Error::None);
    CHECK(w.get("/c/i") == "inside");
    CHECK(w.stat_error("/a/sub/i") == Error::NoEntry);
}

TEST_CASE("a namespace of one's own") {
    World w;
    auto const before = w.files.usage();
    w.files.change_directory(*w.root, {}, false, "/dev");
    auto* other = w.session(*w.files.fork_session(*w.root, false, true));
    CHECK(w.files.describe(*other, 1) == "/dev");
    CHECK(w.mount("x", "/tmp", "tmpfs") == Error::None);
    w.put("/tmp/f", "root's");
    CHECK(w.stat_error(other, "/tmp/f") == Error::NoEntry);
    CHECK(w.files.mount(*other, 0, 0, "y", "/tmp", "tmpfs", "") == Error::None);
    w.put(other, "/tmp/f", "other's");
    CHECK(w.get("/tmp/f") == "root's");
    CHECK(w.get(other, "/tmp/f") == "other's");
    // A mount point in another namespace does not keep one from removing it.
    w.mkdir("/d");
    auto* third = w.session(*w.files.fork_session(*other, false, false));
    CHECK(w.files.mount(*other, 0, 0, "z", "/d", "tmpfs", "") == Error::None);
    CHECK(w.stat_error(third, "/d/x") == Error::NoEntry);
    CHECK(w.rmdir("/d") == Error::None);
    w.files.close(other->badge);
    w.files.close(third->badge);
    CHECK(w.files.unmount(*w.root, 0, "/tmp") == Error::None);
    w.files.change_directory(*w.root, {}, false, "/");
    CHECK(w.files.usage() == before);
}

TEST_CASE("propagation") {
    World w;
    w.mkdir("/s");
    w.mount("s", "/s", "tmpfs");
    w.mount("", "/s", "", mount_flag::shared);
    w.mkdir("/s/p");
    auto* peer = w.session(*w.files.fork_session(*w.root, false, true));
    auto* slave = w.session(*w.files.fork_session(*w.root, false, true));
    auto* lonely = w.session(*w.files.fork_session(*w.root, false, true));
    CHECK(w.files.mount(*slave, mount_flag::slave, 0, "", "/s", "", "") == Error::None);
    CHECK(w.files.mount(*lonely, mount_flag::make_private, 0, "", "/s", "", "") == Error::None);
    w.mount("new", "/s/p", "tmpfs");
    w.put("/s/p/f", "seen");
    CHECK(w.get(peer, "/s/p/f") == "seen");
    CHECK(w.get(slave, "/s/p/f") == "seen");
    CHECK(w.stat_error(lonely, "/s/p/f") == Error::NoEntry);
    std::string const text = w.files.mount_text(*slave, 1);
    CHECK(text.find("master:") != text.npos);
    CHECK(w.files.mount_text(*w.root, 1).find("shared:") != text.npos);
    CHECK(w.files.unmount(*peer, 0, "/s/p") == Error::None);
    CHECK(w.stat_error("/s/p/f") == Error::NoEntry);
    CHECK(w.stat_error(slave, "/s/p/f") == Error::NoEntry);
    // A slave's own mounts go nowhere.
    CHECK(w.files.mount(*slave, 0, 0, "own", "/s/p", "tmpfs", "") == Error::None);
    w.put(slave, "/s/p/g", "x");
    CHECK(w.stat_error("/s/p/g") == Error::NoEntry);
}

TEST_CASE("pivot_root and chroot") {
    World w;
    auto* inner = w.session(*w.files.fork_session(*w.root, false, true));
    w.mkdir("/new");
    CHECK(w.files.mount(*inner, 0, 0, "new", "/new", "tmpfs", "") == Error::None);
    CHECK(w.files.make_directory(*inner, {}, 0755, "/new/old") == Error::None);
    w.put(inner, "/new/f", "inside");
    CHECK(w.files.pivot_root(*inner, "/new", "/tmp") == Error::Busy);
    CHECK(w.files.pivot_root(*inner, "/new", "/new/old") == Error::None);
    CHECK(w.get(inner, "/f") == "inside");
    CHECK(w.stat_error(inner, "/old/dev/null") == Error::None);
    CHECK(w.files.unmount(*inner, mount_flag::detach, "/old") == Error::None);
    CHECK(w.stat_error(inner, "/dev/null") == Error::NoEntry);
    CHECK(w.files.mount_text(*inner, 0) == "new / tmpfs rw,relatime 0 0\n");
    CHECK(w.stat_error("/dev/null") == Error::None);
    // chroot: `..` stops there.
    auto* jailed = w.session(*w.files.fork_session(*w.root, false, false));
    w.mkdir("/jail");
    w.mkdir("/jail/d");
    CHECK(w.files.change_root(*jailed, "/jail") == Error::None);
    CHECK(w.files.change_directory(*jailed, {}, false, "/d/../..") == Error::None);
    CHECK(w.files.describe(*jailed, 1) == "/");
    CHECK(w.stat_error(jailed, "/dev") == Error::NoEntry);
}

TEST_CASE("the text of the mount table") {
    World w;
    w.mkdir("/a b");
    w.mount("src", "/a b", "tmpfs", mount_flag::no_suid | mount_flag::read_only, "size=1m");
    std::string const text = w.files.mount_text(*w.root, 0);
    CHECK(text == "tmpfs / tmpfs rw,relatime 0 0\n"
                  "dev /dev devtmpfs rw,nosuid,relatime,mode=755 0 0\n"
                  "devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666 0 0\n"
                  "src /a\\040b tmpfs ro,nosuid,relatime,size=1024k 0 0\n");
    std::string const info = w.files.mount_text(*w.root, 1);
    CHECK(info.find(" / / rw,relatime - tmpfs tmpfs rw\n") != info.npos);
    CHECK(info.find(" / /a\\040b ro,nosuid,relatime - tmpfs src ro,size=1024k\n") != info.npos);
}

TEST_CASE("a file system of another server") {
    World w;
    CHECK(w.files.mount(*w.root, 0, 42, "proc", "/proc", "proc", "") == Error::None);
    CHECK(w.files.mount(*w.root, 0, 0, "proc", "/tmp", "proc", "") == Error::NoSuchDevice);
    CHECK(w.stat_error("/proc/self/stat") == Error::Elsewhere);
    CHECK(w.files.elsewhere().directory == 42);
    CHECK(w.files.elsewhere().rest == "self/stat");
    CHECK(w.stat_error("/proc") == Error::Elsewhere);
    CHECK(w.files.elsewhere().rest == "");
    CHECK(w.stat_error("/proc/../tmp") == Error::None);
    CHECK(w.stat_error("/proc/1/../../tmp") == Error::None);
    CHECK(w.stat_error("/dev/fd/3") == Error::Elsewhere);
    CHECK(w.files.elsewhere().rest == "self/fd/3");
    CHECK(w.mkdir("/proc") == Error::Exists);
    CHECK(w.mkdir("/proc/x") == Error::Elsewhere);
    CHECK(w.rename("/tmp", "/proc/x") == Error::CrossDevice);
    // As working directory.
    CHECK(w.files.change_directory(*w.root, {}, false, "/proc") == Error::None);
    CHECK(w.stat_error("meminfo") == Error::Elsewhere);
    CHECK(w.files.elsewhere().rest == "meminfo");
    CHECK(w.files.change_directory(*w.root, {}, false, "1") == Error::Elsewhere);
    CHECK(w.files.change_directory(*w.root, {}, true, "1/fd/") == Error::None);
    CHECK(w.files.describe(*w.root, 1) == "/proc/1/fd");
    CHECK(w.stat_error("0") == Error::Elsewhere);
    CHECK(w.files.elsewhere().rest == "1/fd/0");
    CHECK(w.stat_error("../../../tmp") == Error::None);
    CHECK(w.files.change_directory(*w.root, {}, false, "../../..") == Error::None);
    CHECK(w.files.describe(*w.root, 1) == "/");
    CHECK(w.files.unmount(*w.root, 0, "/proc") == Error::None);
    CHECK(w.port.dropped.contains(42));
}

TEST_CASE("namespace capabilities keep a namespace alive") {
    World w;
    auto const before = w.files.usage();
    auto* inner = w.session(*w.files.fork_session(*w.root, false, true));
    CHECK(w.files.mount(*inner, 0, 0, "x", "/tmp", "tmpfs", "") == Error::None);
    w.put(inner, "/tmp/f", "here");
    auto const slot = w.files.name_space_capability(*inner->space);
    REQUIRE(slot.has_value());
    Badge const badge = w.port.minted_badges.at(*slot);
    CHECK(w.files.name_space_capability(*inner->space) == *slot);
    w.files.close(inner->badge);
    auto* again = w.session(*w.files.fork_session(*w.root, false, false, 0, 5));
    CHECK(w.files.join_name_space(*again, *w.files.name_space(badge)->space, true) == Error::None);
    CHECK(again->who.process == 5);
    CHECK(again->umask == w.root->umask);
    CHECK(w.get(again, "/tmp/f") == "here");
    w.files.close(badge);
    w.files.close(again->badge);
    CHECK(w.files.usage() == before);
}

TEST_CASE("a bind-mounted namespace file keeps the namespace") {
    World w;
    w.mkdir("/pins");
    w.put("/pins/net", "");
    w.put("/pins/mnt", "");
    auto const before = w.files.usage();
    constexpr auto bind = mount_flag::bind;
    CHECK(w.files.mount(*w.root, bind, 77, "", "/pins/net", "nonsense", "") == Error::Invalid);
    CHECK(w.files.mount(*w.root, bind, 77, "", "/pins", "net:[4026532000]", "") == Error::NotDirectory);
    CHECK(!w.files.is_mounted(77));
    CHECK(w.files.mount(*w.root, bind, 77, "", "/pins/net", "net:[4026532000]", "") == Error::None);
    CHECK(w.files.is_mounted(77));
    CHECK(w.stat("/pins/net").inode == 4026532000u);
    CHECK(w.stat("/pins/net").device_minor == 4);
    CHECK(w.files.stat_file_system(*w.root, {}, "/pins/net")->type == 0x6e736673);
    CHECK(w.files.mount_text(*w.root, 1).find(" 0:4 net:[4026532000] /pins/net rw - nsfs nsfs rw\n") !=
          std::string::npos);
    FakeCaller caller{"", 0};
    auto const opened = w.files.open(*w.root, {}, 0, 0, "/pins/net", caller);
    REQUIRE(opened.has_value());
    CHECK(opened->slot == 77); // the capability itself
    CHECK(opened->result.kind == proto::FileKind::Namespace);
    CHECK(w.files.unmount(*w.root, 0, "/pins/net") == Error::None);
    CHECK(w.port.dropped.contains(77));
    // A mount namespace, which is this server's own: it outlives its sessions, and cannot be kept by itself.
    auto* inner = w.session(*w.files.fork_session(*w.root, false, true));
    CHECK(w.files.mount(*inner, 0, 0, "x", "/tmp", "tmpfs", "") == Error::None);
    w.put(inner, "/tmp/f", "here");
    MountNamespace* const space = inner->space.get();
    std::string const name = "mnt:[" + std::to_string(space->number) + "]";
    CHECK(w.files.mount(*inner, bind, 0, "", "/pins/mnt", name, "", space) == Error::Invalid);
    CHECK(w.files.mount(*w.root, bind, 0, "", "/pins/mnt", name, "", space) == Error::None);
    w.files.close(inner->badge);
    auto const pinned = w.files.open(*w.root, {}, 0, 0, "/pins/mnt", caller);
    REQUIRE(pinned.has_value());
    Badge const badge = w.port.minted_badges.at(pinned->slot);
    auto* again = w.session(*w.files.fork_session(*w.root, false, false, 0, 0));
    CHECK(w.files.join_name_space(*again, *w.files.name_space(badge)->space, true) == Error::None);
    CHECK(w.get(again, "/tmp/f") == "here");
    w.files.close(again->badge);
    w.files.close(badge);
    CHECK(w.files.unmount(*w.root, 0, "/pins/mnt") == Error::None);
    CHECK(w.files.usage() == before);
}

TEST_CASE("nobody writes to a program that runs") {
    World w;
    w.put("/program", "code");
    auto runs = *w.open("/program");
    auto writes = *w.open("/program", open_flag::write_only);
    CHECK(runs->deny_write(true) == Error::TextBusy);
    w.close(writes);
    CHECK(runs->deny_write(true) == Error::None);
    CHECK(w.open_error("/program", open_flag::write_only) == Error::TextBusy);
    CHECK(w.open_error("/program", open_flag::read_write | open_flag::truncate) == Error::TextBusy);
    CHECK(w.files.truncate(*w.root, {}, 0, "/program") == Error::TextBusy);
    CHECK(w.files.reopen(*runs, open_flag::write_only).error() == Error::TextBusy);
    CHECK(w.open_error("/program") == Error::None);
    CHECK(w.get("/program") == "code");
    CHECK(runs->deny_write(false) == Error::None);
    CHECK(w.open_error("/program", open_flag::write_only) == Error::None);
    CHECK(runs->deny_write(true) == Error::None);
    w.close(runs);
    CHECK(w.open_error("/program", open_flag::write_only) == Error::None);
}

TEST_CASE("sysfs and cgroup2 have their few entries, which stay") {
    World w;
    auto const before = w.files.usage();
    CHECK(w.mount("sys", "/tmp", "sysfs") == Error::None);
    CHECK(w.get("/tmp/devices/system/cpu/online") == "0\n");
    CHECK(w.stat("/tmp/class/tty").links == 2);
    CHECK(w.mkdir("/tmp/new") == Error::NotPermitted);
    CHECK(w.unlink("/tmp/devices/system/cpu/online") == Error::NotPermitted);
    CHECK(w.open_error("/tmp/devices/system/cpu/online", open_flag::write_only) == Error::Access);
    CHECK(w.files.truncate(*w.root, {}, 0, "/tmp/devices/system/cpu/online") == Error::Access);
    CHECK(w.mount("cgroup", "/tmp/fs/cgroup", "cgroup2") == Error::None);
    CHECK(w.get("/tmp/fs/cgroup/cgroup.max.depth") == "max\n");
    CHECK(w.files.stat_file_system(*w.root, {}, "/tmp/fs/cgroup")->type == 0x63677270);
    CHECK(w.mount("queues", "/tmp/fs", "mqueue") == Error::NoSuchDevice); // served elsewhere
    CHECK(w.files.unmount(*w.root, mount_flag::detach, "/tmp") == Error::None);
    CHECK(w.files.usage() == before);
}
