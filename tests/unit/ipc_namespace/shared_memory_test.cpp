#include "fixture.hpp"

namespace {
auto segment(ipc::Cap<V> who, std::int32_t key, std::uint32_t bytes, std::uint32_t flags) {
    return ipc::call<V::GetSegment>(who, key, bytes, flags);
}
proto::SharedMemoryStatus status(ipc::Cap<V> who, std::int32_t id) {
    auto const answer = ipc::call<V::ControlSegment>(who, id, V::status, proto::SystemVPermissions{});
    REQUIRE(answer);
    return std::get<1>(*answer);
}
auto control(ipc::Cap<V> who, std::int32_t id, std::uint32_t command, proto::SystemVPermissions const& set = {}) {
    return ipc::call<V::ControlSegment>(who, id, command, set);
}
} // namespace

TEST_CASE_FIXTURE(Fixture, "segments are made and found by key as shmget says") {
    CHECK(segment(root, 77, 1000, 0600).error() == Error::NoEntry);
    auto const id = segment(root, 77, 1000, make | 0600);
    CHECK(id == 0);
    CHECK(segment(root, 77, 500, 0) == 0);
    CHECK(segment(root, 77, 1001, 0).error() == Error::Invalid);
    CHECK(segment(root, 77, 1, make | only_new).error() == Error::Exists);
    CHECK(segment(root, 0, 4096, make | 0600) == 1);
    CHECK(segment(root, 0, 0, make | 0600).error() == Error::Invalid);
    auto const one = status(root, 0);
    CHECK(one.bytes == 1000);
    CHECK(one.permissions.mode == 0600);
    CHECK(one.creator_process == 100);
    CHECK(one.change_time == 1'700'000'001);
}

TEST_CASE_FIXTURE(Fixture, "an id that was removed is not given again at once") {
    CHECK(segment(root, 0, 10, make | 0600) == 0);
    CHECK(control(root, 0, V::remove));
    CHECK(port.storages == 0);
    CHECK(control(root, 0, V::status).error() == Error::Invalid);
    CHECK(segment(root, 0, 10, make | 0600) == 1);
    std::int32_t last = 1;
    for (int i = 0; i < 200; ++i) {
        REQUIRE(control(root, last, V::remove));
        auto const id = segment(root, 0, 10, make | 0600);
        REQUIRE(id);
        CHECK(*id != last);
        last = *id;
    }
    CHECK(last >= 1 << 15); // the sequence has gone on
    CHECK(control(root, last % (1 << 15), V::status).error() == Error::Invalid);
}

TEST_CASE_FIXTURE(Fixture, "a removed segment lives until its last attachment goes") {
    auto const id = *segment(root, 5, 8192, make | 0600);
    auto const one = ipc::call<V::Attach>(root, id, 0U, 0U);
    REQUIRE(one);
    CHECK(std::get<1>(*one) == 8192);
    auto const file = std::get<0>(*one);
    auto const forked = ipc::call<proto::File::Reopen>(file, 0U);
    REQUIRE(forked);
    CHECK(status(root, id).attachments == 2);
    auto const pages = ipc::call<proto::File::Reopen>(file, 010000000U);
    REQUIRE(pages);
    CHECK(status(root, id).attachments == 2); // what only gives pages is none
    drop(std::get<0>(*pages));
    REQUIRE(control(root, id, V::remove));
    CHECK((status(root, id).permissions.mode & 01000) != 0);
    CHECK(segment(root, 5, 10, 0).error() == Error::NoEntry);
    drop(file);
    CHECK(status(root, id).attachments == 1);
    CHECK(port.storages == 1);
    drop(std::get<0>(*forked));
    CHECK(control(root, id, V::status).error() == Error::Invalid);
    CHECK(port.storages == 0);
    CHECK(ipc::call<V::Use>(root)->pages == 0);
}

TEST_CASE_FIXTURE(Fixture, "an attachment is a file without links, the same inode for the same segment") {
    auto const id = *segment(root, 0x1234, 5000, make | 0644);
    auto const one = ipc::call<V::Attach>(root, id, 0U, 0U);
    auto const reader = ipc::call<V::Attach>(root, id, 1U, 0U);
    REQUIRE(one);
    REQUIRE(reader);
    auto const a = ipc::call<proto::File::Stat>(std::get<0>(*one)),
               b = ipc::call<proto::File::Stat>(std::get<0>(*reader));
    CHECK(a->inode == b->inode);
    CHECK(a->links == 0);
    CHECK(a->size == 5000);
    CHECK(ipc::call<proto::File::GetFlags>(std::get<0>(*one)) == (2U | proto::File::attachment_flag));
    CHECK(ipc::call<proto::File::GetFlags>(std::get<0>(*reader)) == proto::File::attachment_flag);
    CHECK(error_of(ipc::call<proto::File::Page>(std::get<0>(*reader), 0U, 1U)) == Error::Access);
    CHECK(error_of(ipc::call<proto::File::Page>(std::get<0>(*one), 2U, 1U)) == Error::Invalid);
    char name[40];
    auto const length = ipc::call<proto::File::Name>(std::get<0>(*one), ipc::WriteBuffer{name, sizeof name});
    REQUIRE(length);
    CHECK(std::string_view{name, *length} == "/SYSV00001234 (deleted)");
}

TEST_CASE_FIXTURE(Fixture, "permissions are those of the mode, of the owner and of capabilities") {
    auto const owner = enter(first, 1000), other = enter(first, 1001), overseer = enter(first, 1002, 1ULL << 15);
    auto const id = *segment(owner, 9, 100, make | 0640);
    CHECK(error_of(ipc::call<V::Attach>(other, id, 1U, 0U)) == Error::Access);
    CHECK(error_of(ipc::call<V::Attach>(overseer, id, 0U, 0U)) == Error::None);
    CHECK(segment(other, 9, 0, 0400).error() == Error::Access);
    CHECK(segment(other, 9, 0, 0) == id); // asks for nothing
    CHECK(control(other, id, V::status).error() == Error::Access);
    CHECK(control(other, id, V::any_status_by_index));
    CHECK(control(other, id, V::remove).error() == Error::NotPermitted);
    CHECK(control(overseer, id, V::remove).error() == Error::NotPermitted);
    CHECK(control(owner, id, V::set, {.user = 1001, .group = 1001, .mode = 0604}));
    CHECK(status(other, id).permissions.user == 1001);
    CHECK(status(other, id).permissions.creator == 1000);
    CHECK(control(other, id, V::remove));
}

TEST_CASE_FIXTURE(Fixture, "a session that nobody vouched for may do nothing to others' objects") {
    auto const id = *segment(root, 9, 100, make | 0600);
    auto const session = ipc::call<Namespace::Enter>(first, Namespace::every_operation);
    REQUIRE(session);
    CHECK(error_of(ipc::call<V::Attach>(session->as<V>(), id, 1U, 0U)) == Error::Access);
    CHECK(control(session->as<V>(), id, V::remove).error() == Error::NotPermitted);
    CHECK(error_of(ipc::call<V::Attach>(first.as<V>(), id, 1U, 0U)) == Error::NotPermitted);
    CHECK(ipc::call<V::Limits>(first.as<V>())); // what proc shows in /proc
    auto const program = ipc::call<Namespace::Attenuate>(first, Namespace::program_operations);
    CHECK(error_of(ipc::call<V::Limits>(program->as<V>())) == Error::NotPermitted);
}

TEST_CASE_FIXTURE(Fixture, "limits and memory hold, and a refusal leaves nothing behind") {
    auto limits = *ipc::call<V::Limits>(root);
    limits.shmmax = 8192;
    limits.shmall = 3;
    limits.shmmni = 2;
    CHECK(ipc::call<V::SetLimits>(enter(first, 1000), limits).error() == Error::NotPermitted);
    REQUIRE(ipc::call<V::SetLimits>(root, limits));
    CHECK(segment(root, 0, 8193, make).error() == Error::Invalid);
    REQUIRE(segment(root, 0, 8192, make));
    CHECK(segment(root, 0, 8192, make).error() == Error::NoSpace); // four pages of three
    port.refuse = true;
    CHECK(segment(root, 0, 4096, make).error() == Error::NoMemory);
    port.refuse = false;
    REQUIRE(segment(root, 0, 4096, make));
    CHECK(segment(root, 0, 1, make).error() == Error::NoSpace); // three segments of two
    CHECK(ipc::call<V::Use>(root)->segments == 2);
    auto const inner = enter(create(10 << 12), 0, ~0ULL);
    CHECK(ipc::call<V::Limits>(inner)->shmmax == 0xfeffffff);
    CHECK(segment(inner, 0, 11 << 12, make).error() == Error::NoMemory); // its quota
    CHECK(segment(inner, 0, 10 << 12, make) == 0);
}

TEST_CASE_FIXTURE(Fixture, "namespaces have nothing in common, and what is in one ends with it") {
    auto const space = create();
    auto const inside = enter(space, 0, ~0ULL);
    REQUIRE(segment(root, 5, 100, make | 0644) == 0);
    CHECK(segment(inside, 5, 100, 0).error() == Error::NoEntry);
    CHECK(segment(inside, 5, 200, make | 0600) == 0);
    auto const attached = std::get<0>(*ipc::call<V::Attach>(inside, 0, 0U, 0U));
    CHECK(port.storages == 2);
    drop(inside);
    drop(space);
    CHECK(server.namespace_count() == 1);
    CHECK(port.storages == 2); // still mapped somewhere
    CHECK(ipc::call<proto::File::Stat>(attached));
    drop(attached);
    CHECK(port.storages == 1);
}

TEST_CASE_FIXTURE(Fixture, "the table is Linux's, and ids go through the reader's map") {
    REQUIRE(segment(enter(first, 1000, 0, 42), 0x10, 1024, make | 0644));
    CHECK(table(root, 0) == "       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      "
                            "atime      dtime      ctime        rss       swap\n"
                            "        16          0   644       1024    42     0      0  1000  1000  1000  1000         "
                            " 0          0 1700000001          0          0\n");
    ipc::IdExtent const extents[] = {{0, 1000, 1}, {0, 2000, 1}};
    REQUIRE(ipc::call<Namespace::SetUserMap>(first, 99U, 1U, 1U, ipc::ReadBuffer{extents, sizeof extents}));
    user_space = 99;
    auto const mapped = enter(first, 1000);
    auto const one = status(mapped, 0);
    CHECK(one.permissions.user == 0);
    CHECK(one.permissions.group == 65534);
    CHECK(control(mapped, 0, V::set, {.user = 1, .group = 0, .mode = 0600}).error() == Error::Invalid);
    CHECK(control(mapped, 0, V::set, {.user = 0, .group = 0, .mode = 0600}));
    CHECK(status(root, 0).permissions.group == 2000);
}
