// Control groups: the tree, and what programs do to it by its files.
#include "fake_world.hpp"
#include "servers/proc/procfs/tree.hpp"
#include <doctest/doctest.h>

using namespace proc;

TEST_CASE("a tree of groups: names, limits, removal, paths from a namespace's root") {
    std::uint32_t const before = Group::count_of_all;
    {
        GroupReference const root = GroupReference::adopt(new Group);
        Group* const a = *root->make_child("a", 7, 8);
        Group* const b = *a->make_child("b", 0, 0);
        Group* const c = *root->make_child("c", 0, 0);
        CHECK(a->user == 7);
        CHECK(a->group == 8);
        CHECK(root->child("a") == a);
        CHECK(root->child("b") == nullptr);
        CHECK(root->make_child("a", 0, 0).error() == Error::Exists);
        CHECK(root->make_child("x\ny", 0, 0).error() == Error::Invalid);
        CHECK(root->make_child(std::string(256, 'n'), 0, 0).error() == Error::NameTooLong);
        CHECK(Group::find(b->number()) == b);
        CHECK(root->descendants() == 3);
        // cgroup_namespaces(7): what is outside the root is shown by steps up.
        CHECK(root->path_from(*root) == "/");
        CHECK(b->path_from(*root) == "/a/b");
        CHECK(b->path_from(*a) == "/b");
        CHECK(a->path_from(*a) == "/");
        CHECK(root->path_from(*a) == "/..");
        CHECK(c->path_from(*b) == "/../../c");
        GroupReference const other = GroupReference::adopt(new Group);
        CHECK(a->path_from(*other) == "/");
        // Members and what is above them.
        b->add_member();
        CHECK(root->populated());
        CHECK_FALSE(c->populated());
        CHECK(b->remove().error() == Error::Busy);
        CHECK(a->remove().error() == Error::Busy);
        CHECK(root->remove().error() == Error::Busy);
        b->remove_member();
        CHECK_FALSE(root->populated());
        GroupReference const held{b};
        CHECK(b->remove());
        CHECK(b->remove().error() == Error::NoEntry);
        CHECK(b->path_from(*root) == "/a/b (deleted)");
        CHECK(b->make_child("x", 0, 0).error() == Error::NoEntry);
        CHECK(root->descendants() == 2);
        root->maximum_depth = 1;
        CHECK(a->make_child("x", 0, 0).error() == Error::Again);
        CHECK(root->make_child("x", 0, 0));
        root->maximum_descendants = 3;
        CHECK(root->make_child("y", 0, 0).error() == Error::Again);
    }
    CHECK(Group::count_of_all == before);
}

TEST_CASE("processes in groups: inherited, moved by who may, listed as the reader numbers them") {
    World world;
    using enum NodeKind;
    Group& root = *world.domain->groups;
    Process& init = *world.init;
    CHECK(&world.core.root_group_of(init) == &root);
    Group* const a = *root.make_child("a", 0, 0);
    Group* const b = *root.make_child("b", 1000, 1000);
    std::string const own = std::to_string(init.pid->number());
    CHECK(world.core.group_text(root, GroupProcesses, &init) == own + "\n");
    REQUIRE(world.core.write_group(*a, GroupProcesses, init, "0"));
    CHECK(world.core.group_text(root, GroupProcesses, &init).empty());
    CHECK(world.core.group_text(*a, GroupProcesses, &init) == own + "\n");
    CHECK(world.core.group_text(*a, GroupEvents, &init) == "populated 1\nfrozen 0\n");
    Process& child = *world.fork(init);
    CHECK(child.control_group.get() == a);
    CHECK(a->members() == 2);
    std::string const number = std::to_string(child.pid->number());
    for (std::string_view bad : {"", "x", "-1", "1 2"})
        CHECK(world.core.write_group(*b, GroupProcesses, init, bad).error() == Error::Invalid);
    CHECK(world.core.write_group(*b, GroupProcesses, init, "9999").error() == Error::NoProcess);
    // Somebody else owns b, but not what a and b are both below.
    init.credentials.file_user = 1000;
    init.credentials.effective = 0;
    CHECK(world.core.write_group(*b, GroupProcesses, init, number).error() == Error::Access);
    init.credentials.file_user = 0;
    REQUIRE(world.core.write_group(*b, GroupProcesses, init, number));
    CHECK(child.control_group.get() == b);
    CHECK(a->members() == 1);
    // Another tree.
    GroupReference const other = GroupReference::adopt(new Group);
    CHECK(world.core.write_group(*other, GroupProcesses, init, number).error() == Error::NoEntry);
    // Controllers: none.
    CHECK(world.core.group_text(root, GroupControllers, &init).empty());
    CHECK(world.core.write_group(*a, GroupSubtree, init, "+memory").error() == Error::NoEntry);
    CHECK(world.core.write_group(*a, GroupSubtree, init, "+wine").error() == Error::Invalid);
    CHECK(world.core.write_group(*a, GroupSubtree, init, "-memory"));
    CHECK(world.core.write_group(*a, GroupMaxDepth, init, "3"));
    CHECK(world.core.group_text(*a, GroupMaxDepth, &init) == "3\n");
    CHECK(world.core.write_group(*a, GroupMaxDepth, init, "max"));
    CHECK(world.core.write_group(*a, GroupMaxDepth, init, "y").error() == Error::Invalid);
    // The end of its processes.
    CHECK(world.core.write_group(*b, GroupKill, init, "2").error() == Error::Range);
    REQUIRE(world.core.write_group(*b, GroupKill, init, "1"));
    CHECK_FALSE(b->populated());
    CHECK(b->remove());
}
