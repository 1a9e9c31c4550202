#include "fixture.hpp"
#include <cstring>

namespace {
using M = proto::MessageQueue;
using D = proto::Directory;
using File = proto::File;
constexpr std::uint32_t both = 2, fresh = 0100, only_directory = 0200000;

struct Mounted : Fixture {
    ipc::Cap<D> mounted = *ipc::call<M::FileSystem>(root.as<M>());
    static D::Caller as(ipc::Cap<V> session) { return D::Caller{session.as<proto::Process>()}; }
    auto open(ipc::Cap<V> who, std::string_view path, std::uint32_t flags, std::uint32_t mode = 0600) {
        return ipc::call<D::Open>(mounted, D::At{}, as(who), flags, mode, ipc::Path{path});
    }
    auto stat(ipc::Cap<V> who, std::string_view path) {
        return ipc::call<D::Stat>(mounted, D::At{}, as(who), 0U, ipc::Path{path});
    }
    auto unlink(ipc::Cap<V> who, std::string_view path) {
        return error_of(ipc::call<D::Unlink>(mounted, D::At{}, as(who), 0U, ipc::Path{path}));
    }
    auto named(std::string_view name, std::uint32_t flags = both | fresh) {
        return *ipc::call<M::Open>(root.as<M>(), flags, 0600U, 0U, proto::MessageQueueAttributes{}, ipc::Path{name});
    }
    std::string names(std::size_t room = 4096) {
        auto const directory = open(root, "", only_directory);
        REQUIRE(directory);
        std::string all;
        char records[4096];
        for (;;) {
            auto const got =
                ipc::call<File::GetDirectoryEntries>(std::get<0>(*directory), ipc::WriteBuffer{records, room});
            REQUIRE(got);
            if (got->count == 0) { return all; }
            std::uint16_t length = 0;
            for (std::size_t at = 0; at < got->count; at += length) {
                std::memcpy(&length, records + at + 16, sizeof length);
                all += std::string{records + at + 19} + " ";
            }
        }
    }
};
} // namespace

TEST_CASE_FIXTURE(Mounted, "the queues of a namespace are the files of its mqueue") {
    CHECK(names() == ". .. ");
    auto const queue = named("first");
    REQUIRE(open(root, "/second", both | fresh));
    CHECK(names() == ". .. first second ");
    CHECK(names(32) == ". .. first second "); // record by record
    auto const status = stat(root, "first");
    REQUIRE(status);
    CHECK(status->mode == (0100000 | 0600));
    CHECK(status->size == 80);
    CHECK(status->inode != stat(root, "second")->inode);
    CHECK(stat(root, "")->mode == (0040000 | 01777));
    CHECK(stat(root, "third").error() == Error::NoEntry);
    CHECK(stat(root, "first/x").error() == Error::NotDirectory);
    CHECK(open(root, "first", only_directory).error() == Error::NotDirectory);
    CHECK(open(root, "", both).error() == Error::IsDirectory);
    REQUIRE(ipc::call<M::Send>(queue.as<M>(), 0U, ~0ULL, ipc::ReadBuffer{"abc", 3}));
    auto const same = open(root, "first", 0);
    REQUIRE(same);
    char text[128];
    auto const read = ipc::call<File::Read>(std::get<0>(*same), 0U, ipc::WriteBuffer{text, sizeof text});
    REQUIRE(read);
    CHECK(std::string(text, read->count) == "QSIZE:3          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
    CHECK(unlink(root, "first") == Error::None);
    CHECK(names() == ". .. second ");
    CHECK(unlink(root, "first") == Error::NoEntry);
    CHECK(error_of(ipc::call<D::MakeDirectory>(mounted, D::At{}, as(root), 0755U, ipc::Path{"d"})) ==
          Error::NotPermitted);
    CHECK(error_of(ipc::call<D::Rename>(mounted, D::At{}, D::At{}, 0U, ipc::ReadBuffer{"second\0x", 9})) ==
          Error::NotPermitted);
}

TEST_CASE_FIXTURE(Mounted, "who asks is who attaches its session, and the capability to mount is no session") {
    auto const user = enter(first, 1000), stranger = enter(create(), 0, ~0ULL);
    named("private");
    CHECK(open(user, "private", both).error() == Error::Access);
    CHECK(unlink(user, "private") == Error::NotPermitted);
    // Capabilities over another IPC namespace are none here; the owner's ids count.
    auto const other_user = enter(create(), 1000, ~0ULL);
    CHECK(unlink(other_user, "private") == Error::NotPermitted);
    CHECK(unlink(stranger, "private") == Error::None);
    REQUIRE(open(user, "mine", both | fresh));
    CHECK(stat(root, "mine")->user == 1000);
    // Nobody at all: what everybody may.
    CHECK(ipc::call<D::Open>(mounted, D::At{}, D::Caller{}, 0U, 0U, ipc::Path{"mine"}).error() == Error::Access);
    CHECK(error_of(ipc::call<M::FileSystem>(mounted.as<M>())) == Error::NotPermitted);
    CHECK(error_of(ipc::call<M::Unlink>(mounted.as<M>(), ipc::Path{"mine"})) == Error::NotPermitted);
    CHECK(error_of(ipc::call<M::FileSystem>(user.as<M>())) == Error::NotPermitted);
    CHECK(error_of(ipc::call<File::GetDirectoryEntries>(mounted.as<File>(), ipc::WriteBuffer{nullptr, 0})) ==
          Error::NotDirectory);
}

TEST_CASE_FIXTURE(Mounted, "one process is told once of a message in an empty queue") {
    auto const queue = named("q");
    auto const process = enter(first, 0, ~0ULL, 7), other = enter(first, 0, ~0ULL, 8);
    auto const notify = [&](ipc::Cap<V> who, std::uint32_t change, std::uint32_t signal = 10) {
        return error_of(ipc::call<M::Notify>(queue.as<M>(), ipc::OptionalCap<proto::Session>{who.as<proto::Session>()},
                                             change, signal, 5U));
    };
    auto const send = [&] { REQUIRE(ipc::call<M::Send>(queue.as<M>(), 0U, ~0ULL, ipc::ReadBuffer{"x", 1})); };
    auto const receive = [&] {
        char text[8192];
        REQUIRE(ipc::call<M::Receive>(queue.as<M>(), ~0ULL, ipc::WriteBuffer{text, sizeof text}));
    };
    auto const control = first.as<M>();
    CHECK(error_of(ipc::call<M::TakeNotice>(root.as<M>())) == Error::NotPermitted);
    CHECK(notify(process, 1, 65) == Error::Invalid);
    CHECK(notify(process, 1) == Error::None);
    CHECK(notify(other, 1) == Error::Busy);
    CHECK(notify(other, 0) == Error::None); // not its own: stays
    send();
    auto const notice = ipc::call<M::TakeNotice>(control);
    REQUIRE(notice);
    CHECK(notice->process == 7);
    CHECK(notice->signal == 10);
    CHECK(notice->value == 5);
    CHECK(notice->sender == 100);
    CHECK(error_of(ipc::call<M::TakeNotice>(control)) == Error::NoData);
    CHECK(notify(other, 1) == Error::None);
    send(); // it was not empty
    CHECK(error_of(ipc::call<M::TakeNotice>(control)) == Error::NoData);
    CHECK(notify(other, 0) == Error::None);
    receive();
    receive();
    send();
    CHECK(error_of(ipc::call<M::TakeNotice>(control)) == Error::NoData);
    receive();
    CHECK(notify(process, 1, 0) == Error::None); // SIGEV_NONE
    send();
    CHECK(error_of(ipc::call<M::TakeNotice>(control)) == Error::NoData);
    receive();
    CHECK(notify(process, 1) == Error::None);
    drop(process);
    world.pump();
    CHECK(notify(other, 1) == Error::None); // its process has ended
}
