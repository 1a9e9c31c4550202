// User namespaces: ids through maps, capabilities over what they count for, locked mounts.
#include "world.hpp"

using namespace test;

namespace {

constexpr std::uint32_t number = 0xF4000001;

/// A session of user 1000 as root of a user namespace that maps 0 to 1000, and 1..9 to 100001..100009; with its own mount namespace.
Session* inside(World& w, bool own_mounts = true) {
    ipc::IdExtent const extents[] = {{0, 1000, 1}, {1, 100001, 9}};
    CHECK(w.files.set_user_map({number, 0, 1000, 2, 2}, extents, extents) == Error::None);
    auto* view = w.session(*w.files.fork_session(*w.root, false, own_mounts, own_mounts ? number : 0));
    proto::Credentials who{};
    who.user = who.group = 1000;
    who.capabilities = ~std::uint64_t{0};
    who.user_namespace = number;
    w.files.set_credentials(*view, who);
    return view;
}

} // namespace

TEST_CASE("ids are seen through the map") {
    World w;
    auto* view = inside(w);
    w.root->umask = 0;
    w.mkdir("/open", 01777);
    w.root->umask = 022;
    w.put(view, "/open/f", "mine");
    CHECK(w.stat("/open/f").user == 1000); // outside it belongs to the mapped id
    CHECK(w.files.stat(*view, {}, 0, "/open/f")->user == 0);
    CHECK(w.files.stat(*view, {}, 0, "/dev")->user == 65534);
    auto const* opened = *w.open(view, "/open/f");
    CHECK(opened->status().group == 0);
    CHECK(opened->status({}).group == 1000); // as proc asks
    using Change = proto::AttributeChange;
    Change change{};
    change.mask = Change::user_bit | Change::group_bit;
    change.user = change.group = 5;
    CHECK(w.files.set_attributes(*view, {}, 0, change, "/open/f") == Error::None);
    CHECK(w.stat("/open/f").user == 100005);
    change.user = 77; // not mapped
    CHECK(w.files.set_attributes(*view, {}, 0, change, "/open/f") == Error::Invalid);
    CHECK(w.files.mount(*view, 0, 0, "t", "/tmp", "tmpfs", "uid=5,gid=6") == Error::None);
    CHECK(w.files.stat(*view, {}, 0, "/tmp")->user == 5);
    CHECK(w.files.mount(*view, 0, 0, "t", "/tmp", "tmpfs", "uid=77") == Error::Invalid);
    // Forgotten, it maps nothing.
    w.files.forget_user(number);
    CHECK(w.files.stat(*view, {}, 0, "/open/f")->user == 65534);
}

TEST_CASE("capabilities count over mapped inodes only") {
    World w;
    auto* view = inside(w);
    w.put("/secret", "root's");
    CHECK(w.files.set_attributes(*w.root, {}, 0, {proto::AttributeChange::mode_bit, 0600, 0, 0, 0, 0}, "/secret") ==
          Error::None);
    CHECK(w.open(view, "/secret").error() == Error::Access);
    CHECK(w.files.unlink(*view, {}, 0, "/secret") == Error::Access);
    using Change = proto::AttributeChange;
    CHECK(w.files.set_attributes(*view, {}, 0, {Change::mode_bit, 0666, 0, 0, 0, 0}, "/secret") == Error::NotPermitted);
    w.root->umask = 0;
    w.mkdir("/open", 01777);
    w.root->umask = 022;
    w.put("/open/theirs", "x");
    CHECK(w.files.unlink(*view, {}, 0, "/open/theirs") == Error::NotPermitted); // sticky
    // A file of another mapped id is theirs to override.
    w.put(view, "/open/f", "x");
    CHECK(w.files.set_attributes(*view, {}, 0, {Change::user_bit | Change::mode_bit, 0, 3, 0, 0, 0}, "/open/f") ==
          Error::None);
    CHECK(w.get(view, "/open/f") == "x");
    CHECK(w.files.make_node(*view, {}, mode::character | 0666, make_device(1, 3), "/open/null") == Error::NotPermitted);
}

TEST_CASE("mounts belong to a user namespace") {
    World w;
    auto* guest = inside(w, false); // still in root's mount namespace
    CHECK(w.files.mount(*guest, 0, 0, "t", "/tmp", "tmpfs", "") == Error::NotPermitted);
    CHECK(w.files.unmount(*guest, 0, "/dev") == Error::NotPermitted);
    w.mkdir("/ro");
    w.mount("x", "/ro", "tmpfs");
    w.put("/ro/under", "below");
    w.mkdir("/ro/d");
    w.mount("y", "/ro/d", "tmpfs", mount_flag::read_only | mount_flag::no_suid);
    w.mount("", "/ro", "", mount_flag::shared);
    auto* view = inside(w);
    CHECK(w.files.mount_text(*view, 1).find("shared:") == std::string::npos); // it receives, and does not send
    CHECK(w.files.mount_text(*view, 1).find("master:") != std::string::npos);
    // Locked: nothing comes off, nothing becomes writable, nothing below comes to light.
    CHECK(w.files.unmount(*view, 0, "/ro/d") == Error::Invalid);
    CHECK(w.files.unmount(*view, mount_flag::detach, "/ro") == Error::Invalid);
    CHECK(w.files.mount(*view, mount_flag::remount | mount_flag::bind, 0, "", "/ro/d", "", "") == Error::NotPermitted);
    CHECK(w.files.mount(*view, mount_flag::remount | mount_flag::bind | mount_flag::read_only | mount_flag::no_suid, 0,
                        "", "/ro/d", "", "") == Error::None);
    CHECK(w.files.mount(*view, mount_flag::remount, 0, "", "/ro", "", "") ==
          Error::NotPermitted); // the file system is root's
    CHECK(w.files.mount(*view, mount_flag::bind, 0, "/ro", "/tmp", "", "") == Error::Invalid);
    CHECK(w.files.mount(*view, mount_flag::move, 0, "/ro/d", "/tmp", "", "") == Error::Invalid);
    CHECK(w.files.mount(*view, mount_flag::bind | mount_flag::recursive, 0, "/ro", "/tmp", "", "") == Error::None);
    CHECK(w.files.unmount(*view, 0, "/tmp/d") == Error::Invalid);
    CHECK(w.files.unmount(*view, mount_flag::detach, "/tmp") == Error::None);
    // Its own are its own, without devices.
    CHECK(w.files.mount(*view, 0, 0, "t", "/tmp", "tmpfs", "") == Error::None);
    CHECK(w.files.mount(*view, 0, 0, "t", "/tmp", "devtmpfs", "") == Error::NotPermitted);
    CHECK(w.files.unmount(*view, 0, "/tmp") == Error::None);
    // What comes from outside later arrives with its inner mounts locked.
    w.mkdir("/ro/e");
    w.mkdir("/src");
    w.mount("s", "/src", "tmpfs");
    w.mkdir("/src/in");
    w.mount("i", "/src/in", "tmpfs");
    CHECK(w.mount("/src", "/ro/e", "", mount_flag::bind | mount_flag::recursive) == Error::None);
    CHECK(w.files.unmount(*view, 0, "/ro/e/in") == Error::Invalid);
    CHECK(w.files.unmount(*view, mount_flag::detach, "/ro/e") == Error::None);
    CHECK(w.stat_error("/ro/e/in") == Error::None);
}

TEST_CASE("joining a mount namespace asks for capabilities over it, and for a session that nobody shares") {
    World w;
    auto* view = inside(w);
    auto* other = w.session(*w.files.fork_session(*w.root, false, false));
    auto const before = other->root.get();
    proto::Credentials who{};
    auto join = [&](std::uint64_t capabilities) {
        who.capabilities = capabilities;
        w.files.set_credentials(*other, who);
        return w.files.join_name_space(*other, *view->space, false);
    };
    constexpr std::uint64_t admin = std::uint64_t{1} << capability::sys_admin,
                            root = std::uint64_t{1} << capability::sys_chroot;
    CHECK(join(0) == Error::NotPermitted);
    CHECK(join(admin) == Error::NotPermitted);
    CHECK(join(root) == Error::NotPermitted);
    CHECK(other->root.get() == before);
    // In the other direction the capabilities of an inner user namespace are none over the outer's mounts.
    CHECK(has_capability(view->who, capability::sys_admin));
    CHECK(w.files.join_name_space(*view, *w.root->space, false) == Error::NotPermitted);
    auto const shared = w.files.fork_session(*other, true, false);
    REQUIRE(shared.has_value());
    CHECK(join(admin | root) == Error::Invalid);
    auto* alone = w.session(*w.files.fork_session(*other, false, false));
    CHECK(w.files.join_name_space(*alone, *view->space, false) == Error::None);
    CHECK(alone->space.get() == view->space.get());
    CHECK(alone->working.get() == alone->root.get());
}

TEST_CASE("who made a user namespace has all over it") {
    World w;
    auto* view = inside(w);
    // A process of user 1000 outside, without capabilities of its own, joined to those mounts.
    auto* owner = w.session(*w.files.fork_session(*w.root, false, false, 0, 0));
    CHECK(w.files.join_name_space(*owner, *view->space, true) == Error::None);
    proto::Credentials who{};
    who.user = who.group = 1000;
    w.files.set_credentials(*owner, who);
    CHECK(has_capability_over(owner->who, view->who.users.get(), capability::sys_admin));
    CHECK(!has_capability_over(owner->who, nullptr, capability::sys_admin));
    who.user = 1001;
    w.files.set_credentials(*owner, who);
    CHECK(!has_capability_over(owner->who, view->who.users.get(), capability::sys_admin));
    // A child of it: root of the parent has all, root of the child none over the parent.
    CHECK(w.files.set_user_map({number + 1, number, 100003, 0, 0}, {}, {}) == Error::None);
    auto* child = w.session(*w.files.fork_session(*view, false, true, number + 1));
    CHECK(has_capability_over(view->who, child->space->owner.get(), capability::sys_admin));
    who = {};
    who.capabilities = ~std::uint64_t{0};
    who.user_namespace = number + 1;
    w.files.set_credentials(*child, who);
    CHECK(!has_capability_over(child->who, view->who.users.get(), capability::sys_admin));
    CHECK(w.files.set_user_map({0, 0, 0, 0, 0}, {}, {}) == Error::Invalid);
    CHECK(w.files.set_user_map({number + 2, number + 9, 0, 0, 0}, {}, {}) == Error::Invalid);
}

TEST_CASE("a container's folder does not choose where its mounts go") {
    World w;
    w.mkdir("/containers/c");
    w.symlink("/etc", "/containers/c/dev");
    auto const quota = w.files.set_quota(0, "/containers/c");
    auto const before = w.files.usage();
    CHECK(w.files.container_session(*quota, "/containers/c").error() == Error::Loop);
    CHECK(w.files.usage()[5] == before[5]);
    CHECK(w.files.usage()[7] == before[7]);
    w.unlink("/containers/c/dev");
    w.mkdir("/containers/c/dev");
    w.symlink("/etc/passwd", "/containers/c/dev/null"); // lies below the mount: nobody looks at it
    REQUIRE(w.files.make_node(*w.root, {}, mode::character | 0666, make_device(10, 200), "/containers/c/door") ==
            Error::None);
    auto* view = w.session(*w.files.container_session(*quota, "/containers/c"));
    CHECK(w.files.stat(*view, {}, at_flag::no_follow, "/dev/null")->special_minor == 3);
    CHECK(w.open(view, "/door").error() == Error::Access);
    CHECK(w.files.mount(*view, mount_flag::remount | mount_flag::bind, 0, "", "/", "", "") == Error::NotPermitted);
    CHECK(w.files.make_node(*view, {}, mode::character | 0666, make_device(10, 200), "/tmp/door") ==
          Error::NotPermitted);
    CHECK(w.files.make_node(*view, {}, mode::block | 0666, make_device(8, 0), "/tmp/disk") == Error::NotPermitted);
    CHECK(w.files.make_node(*view, {}, mode::fifo | 0666, 0, "/tmp/fifo") == Error::None);
    auto* deeper = w.session(*w.files.fork_session(*view, false, true));
    CHECK(w.files.make_node(*deeper, {}, mode::character | 0666, make_device(1, 1), "/tmp/memory") ==
          Error::NotPermitted);
}

TEST_CASE("mount namespaces are counted for each user, and in a user namespace's parent for its maker") {
    World w;
    ipc::IdExtent const one[] = {{0, 1000, 10}};
    REQUIRE(w.files.set_user_map({5, 0, 1000, 1, 1}, one, one) == Error::None);
    w.files.set_mount_limit(0, 2);
    auto* user = w.session(*w.files.fork_session(*w.root, false, false));
    w.files.set_credentials(*user, {1000, 1000, 0, {}, 0});
    auto const unshare = [&](Session* from, std::uint32_t owner) {
        return w.files.fork_session(*from, false, true, owner);
    };
    auto const first = unshare(w.root, 0), second = unshare(w.root, 0);
    REQUIRE(first);
    REQUIRE(second);
    CHECK(unshare(w.root, 0).error() == Error::NoSpace);
    // Another user has a count of its own, also for what is made below by whomever.
    auto* inside = w.session(*unshare(user, 5));
    w.files.set_credentials(*inside, {1001, 1001, ~0ULL, 5, 0, 0, {}});
    auto const mine = unshare(inside, 5);
    REQUIRE(mine);
    CHECK(unshare(inside, 5).error() == Error::NoSpace); // user 1001 has one there, 1000 two in the first
    CHECK(unshare(user, 0).error() == Error::NoSpace);
    w.files.close(w.session(*mine)->badge);
    w.files.set_mount_limit(5, 1);
    auto const again = unshare(inside, 5); // as 1001, who has none now
    REQUIRE(again);
    w.files.close(w.session(*again)->badge);
    w.files.set_mount_limit(5, 0);
    CHECK(unshare(inside, 5).error() == Error::NoSpace);
    w.files.close(w.session(*first)->badge);
    CHECK(unshare(w.root, 0));
}

TEST_CASE("sysfs is mounted by whoever has the network namespace") {
    World w;
    ipc::IdExtent const one[] = {{0, 1000, 1}};
    REQUIRE(w.files.set_user_map({5, 0, 1000, 1, 1}, one, one) == Error::None);
    w.mkdir("/s");
    REQUIRE(w.mount("none", "/s", "sysfs") == Error::None); // in full view
    auto* user = w.session(*w.files.fork_session(*w.root, false, false));
    w.files.set_credentials(*user, {1000, 1000, 0, {}, 0});
    auto* inside = w.session(*w.files.fork_session(*user, false, true, 5));
    w.files.set_credentials(*inside, {1000, 1000, ~0ULL, 5, 0, 0, {}});
    auto const mount = [&] { return w.files.mount(*inside, 0, 0, "none", "/s", "sysfs", ""); };
    inside->network = 0;
    CHECK(mount() == Error::NotPermitted);
    w.files.set_network(*inside, 77, 0);
    CHECK(mount() == Error::NotPermitted);
    w.files.set_network(*inside, 78, 5);
    CHECK(mount() == Error::None);
    CHECK(w.files.mount(*inside, 0, 0, "none", "/s", "tmpfs", "") == Error::None);
}
