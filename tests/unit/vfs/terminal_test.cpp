// devpts: instances, nodes of pseudo terminals and who may open them.
#include "world.hpp"

using namespace test;

namespace {

Result<proto::PseudoTerminal> make(World& w, Session* who, std::string_view path = "/dev/ptmx") {
    auto const multiplexer = w.open(who, path, open_flag::read_write);
    if (!multiplexer) { return fail(multiplexer.error()); }
    auto const made = w.files.new_terminal(**multiplexer);
    w.close(*multiplexer);
    return made;
}
Error open_error(World& w, Session* who, std::string_view path, std::uint32_t flags) {
    auto const opened = w.open(who, path, flags);
    return opened ? Error::None : opened.error();
}

} // namespace

TEST_CASE("a terminal's node belongs to who opened ptmx, and vfs says who may open it how") {
    World w;
    auto* user = w.session(*w.files.fork_session(*w.root, false, false));
    w.files.set_credentials(*user, {1000, 1000, 0, {}, 0});
    auto const made = make(w, user);
    REQUIRE(made);
    CHECK(made->index == 0);
    auto const status = w.stat("/dev/pts/0");
    CHECK(status.mode == (mode::character | 0620));
    CHECK(status.user == 1000);
    CHECK(status.group == 5);
    CHECK(status.special_major == 136);
    CHECK(w.files.terminal_status(*made)->inode == status.inode);
    CHECK(open_error(w, user, "/dev/pts/0", open_flag::read_write) == Error::InputOutput); // tty has not said how yet
    REQUIRE(w.files.set_terminal(*made, {71, 72, 73}) == Error::None);
    for (std::uint32_t const access : {open_flag::read_only, open_flag::write_only, open_flag::read_write}) {
        CHECK(open_error(w, user, "/dev/pts/0", access) == Error::Elsewhere);
        CHECK(w.files.elsewhere().directory == 71 + access);
        CHECK(w.files.elsewhere().rest.empty());
    }
    auto* other = w.session(*w.files.fork_session(*w.root, false, false));
    w.files.set_credentials(*other, {1001, 5, 0, {}, 0}); // group tty: mesg(1)
    CHECK(open_error(w, other, "/dev/pts/0", open_flag::read_only) == Error::Access);
    CHECK(open_error(w, other, "/dev/pts/0", open_flag::write_only) == Error::Elsewhere);
    CHECK(w.files.unlink(*w.root, {}, 0, "/dev/pts/0") == Error::NotPermitted);
    CHECK(w.mkdir("/dev/pts/d") == Error::NotPermitted);
    w.files.end_terminal(*made);
    CHECK(w.stat_error("/dev/pts/0") == Error::NoEntry);
    CHECK(w.port.dropped == std::set<Slot>{71, 72, 73});
    CHECK(w.files.set_terminal(*made, {74, 75, 76}) == Error::NoEntry);
    w.files.end_terminal(*made); // again: no effect
}

TEST_CASE("every mount is an instance; what is not of one is none") {
    World w;
    w.mkdir("/m");
    REQUIRE(w.mount("none", "/m", "devpts", 0, "newinstance,max=2,uid=7") == Error::None);
    auto const first = make(w, w.root), second = make(w, w.root, "/m/ptmx");
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->index == 0);
    CHECK(second->index == 0);
    CHECK(first->instance != second->instance);
    CHECK(w.stat("/m/0").user == 7);
    CHECK(w.stat("/m/0").mode == (mode::character | 0600));
    CHECK(w.stat("/m/ptmx").mode == mode::character);
    CHECK(make(w, w.root, "/m/ptmx")->index == 1);
    CHECK(make(w, w.root, "/m/ptmx").error() == Error::NoSpace);
    CHECK(w.mount("none", "/m", "", mount_flag::remount) == Error::None);
    CHECK(w.stat("/m/ptmx").mode == mode::character);
    CHECK(w.mount("none", "/m", "", mount_flag::remount, "ptmxmode=0666") == Error::None);
    CHECK(w.stat("/m/ptmx").mode == (mode::character | 0666));
    for (std::string_view const bad : {"mode=9", "uid=", "max=x", "size=1", "mode"}) {
        CHECK(w.mount("none", "/m", "devpts", 0, bad) == Error::Invalid);
    }
    // A node like it elsewhere: of the devpts next to it, or of none.
    CHECK(w.files.make_node(*w.root, {}, mode::character | 0666, make_device(5, 2), "/ptmx") == Error::None);
    CHECK(make(w, w.root, "/ptmx").error() == Error::NoSuchDevice);
    w.mkdir("/pts");
    CHECK(make(w, w.root, "/ptmx").error() == Error::NoSuchDevice);
    REQUIRE(w.mount("none", "/pts", "devpts") == Error::None);
    CHECK(make(w, w.root, "/ptmx")->index == 0);
    CHECK(w.files.make_node(*w.root, {}, mode::character | 0666, make_device(136, 0), "/0") == Error::None);
    CHECK(open_error(w, w.root, "/0", open_flag::read_only) == Error::InputOutput);
    auto const null = w.open("/dev/null");
    CHECK(w.files.new_terminal(**null).error() == Error::NoDevice);
    auto const path = w.open("/dev/ptmx", open_flag::path);
    CHECK(w.files.new_terminal(**path).error() == Error::NoDevice);
}

TEST_CASE("an instance that goes takes its nodes along; what a container may have is bounded") {
    World w;
    w.mkdir("/c");
    auto const domain = w.files.set_quota(1 << 20, "/c");
    REQUIRE(domain);
    auto const used = w.files.quota_usage(*domain)->used;
    auto const slot = w.files.container_session(*domain, "/c");
    REQUIRE(slot);
    Session* inside = w.session(*slot);
    std::uint32_t count = 0;
    proto::PseudoTerminal last{};
    for (;; ++count) {
        auto const made = make(w, inside);
        if (!made) {
            CHECK(made.error() == Error::NoSpace);
            break;
        }
        last = *made;
        REQUIRE(w.files.set_terminal(last, {1000 + 3 * count, 1001 + 3 * count, 1002 + 3 * count}) == Error::None);
    }
    CHECK(count == PseudoTerminals::domain_maximum);
    CHECK(make(w, w.root)->index == 0); // not the others' affair
    CHECK(w.files.stat(*inside, {}, 0, "/dev/pts/63"));
    w.files.end_terminal(last);
    CHECK(make(w, inside)->index == 63);
    w.files.close(inside->badge);
    CHECK(w.port.dropped.size() == std::size_t{3} * PseudoTerminals::domain_maximum);
    CHECK(w.files.set_terminal({last.instance, 0}, {1, 2, 3}) == Error::NoEntry);
    w.files.end_terminal({last.instance, 0});                             // its master is closed later
    CHECK(w.files.quota_usage(*domain)->used <= used + 3 * inode_charge); // /dev, /proc, /tmp of the folder stay
}
