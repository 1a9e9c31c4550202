#include "fixture.hpp"

namespace {

constexpr std::uint32_t cut = 010000, but = 020000;

auto send(ipc::Cap<V> who, std::int32_t id, std::int32_t type, std::string_view text, std::uint32_t flags = 0) {
    return ipc::call<V::Send>(who, id, type, flags, ipc::ReadBuffer{text.data(), text.size()});
}
struct Got {
    Error error;
    std::int32_t type;
    std::string text;
};
char memory[20000];
auto ask(ipc::Cap<V> who, std::int32_t id, std::int32_t type, std::uint32_t flags, std::size_t room) {
    return ipc::call<V::Receive>(who, id, type, flags, ipc::WriteBuffer{memory, room});
}
Got receive(ipc::Cap<V> who, std::int32_t id, std::int32_t type, std::uint32_t flags = now_or_never,
            std::size_t room = sizeof memory) {
    auto const got = ask(who, id, type, flags, room);
    if (!got) { return {got.error(), 0, {}}; }
    return {Error::None, got->type, std::string{memory, got->length}};
}

struct Queues : Fixture {
    std::int32_t id = *ipc::call<V::GetQueue>(root, 3, make | 0600);
};

} // namespace

TEST_CASE_FIXTURE(Queues, "messages come in order, or by type") {
    for (auto const& [type, text] : {std::pair{3, "c"}, {1, "a"}, {2, "b"}, {1, "d"}}) {
        CHECK(send(root, id, type, text));
    }
    CHECK(receive(root, id, 2).text == "b");
    CHECK(receive(root, id, -2).text == "a"); // the lowest of at most 2
    CHECK(receive(root, id, 3, now_or_never | but).text == "d");
    CHECK(receive(root, id, 0).text == "c");
    CHECK(receive(root, id, 0).error == Error::NoMessage);
    CHECK(error_of(send(root, id, 0, "x")) == Error::Invalid);
    CHECK(error_of(send(root, id, 1, std::string(8193, 'x'))) == Error::Invalid);
    CHECK(error_of(send(enter(first, 1000), id, 1, "x")) == Error::Access);
}

TEST_CASE_FIXTURE(Queues, "a message too long stays unless it may be cut") {
    CHECK(send(root, id, 1, "abcdef"));
    CHECK(receive(root, id, 0, now_or_never, 3).error == Error::ArgumentsTooLong);
    CHECK(receive(root, id, 0, now_or_never | cut, 3).text == "abc");
    CHECK(receive(root, id, 0).error == Error::NoMessage);
}

TEST_CASE_FIXTURE(Queues, "who receives waits for its message") {
    CHECK(error_of(ask(root, id, 7, 0, 100)) == Error::Deferred);
    auto const waiting = world.deferred();
    CHECK(send(root, id, 6, "not this"));
    CHECK_FALSE(waiting.answered());
    CHECK(send(root, id, 7, "this"));
    REQUIRE(waiting.answered());
    auto const got = waiting.result<V::Receive>();
    REQUIRE(got);
    CHECK(got->type == 7);
    CHECK(std::string_view{memory, got->length} == "this");
    CHECK(ipc::call<V::Use>(root)->messages == 1);
    CHECK(error_of(ask(root, id, 7, 0, 100)) == Error::Deferred);
    world.abandon_deferred();
    CHECK(send(root, id, 7, "kept"));
    CHECK(receive(root, id, 7).text == "kept"); // not lost with one who has gone
}

TEST_CASE_FIXTURE(Queues, "who sends waits for room") {
    for (int i = 0; i < 2; ++i) { CHECK(send(root, id, 1, std::string(8192, 'x'))); }
    CHECK(error_of(send(root, id, 1, "y", now_or_never)) == Error::Again);
    CHECK(error_of(send(root, id, 5, "y")) == Error::Deferred);
    auto const waiting = world.deferred();
    CHECK(receive(root, id, 0).text.size() == 8192);
    REQUIRE(waiting.answered());
    CHECK(waiting.result<V::Send>());
    CHECK(receive(root, id, 5).text == "y");
    CHECK(receive(root, id, 0).text.size() == 8192);
    CHECK(table(root, 2) == "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid    "
                            "  stime      rtime      ctime\n"
                            "         3          0   600           0          0   100   100     0     0     0     0 "
                            "1700000001 1700000001 1700000001\n");
}

TEST_CASE_FIXTURE(Queues, "removal ends every wait; a larger maximum lets senders go on") {
    for (int i = 0; i < 2; ++i) { CHECK(send(root, id, 1, std::string(8192, 'x'))); }
    auto limits = *ipc::call<V::Limits>(root);
    CHECK(error_of(send(root, id, 1, "y")) == Error::Deferred);
    auto const waiting = world.deferred();
    proto::SystemVPermissions owner{.user = 0, .group = 0, .mode = 0600};
    CHECK(error_of(ipc::call<V::ControlQueue>(enter(first, 1000), id, V::set, owner, 20000U)) == Error::NotPermitted);
    CHECK(ipc::call<V::ControlQueue>(root, id, V::set, owner, limits.msgmnb + 100));
    CHECK(waiting.answered());
    CHECK(error_of(send(root, id, 1, std::string(200, 'z'))) == Error::Deferred);
    auto const removed = world.deferred();
    CHECK(ipc::call<V::ControlQueue>(root, id, V::remove, owner, 0U));
    REQUIRE(removed.answered());
    CHECK(error_of(removed.result<V::Send>()) == Error::IdentifierRemoved);
    CHECK(receive(root, id, 0).error == Error::Invalid);
}

TEST_CASE_FIXTURE(Queues, "messages take no more memory than there is for them") {
    auto limits = *ipc::call<V::Limits>(root);
    limits.msgmnb = 1 << 24;
    REQUIRE(ipc::call<V::SetLimits>(root, limits));
    auto const large = *ipc::call<V::GetQueue>(root, 0, make | 0600);
    int sent = 0;
    std::string const text(8000, 'x');
    while (send(root, large, 1, text, now_or_never)) { ++sent; }
    CHECK(sent > 100);
    CHECK(sent < 140); // a MiB
    CHECK(error_of(send(root, id, 1, text, now_or_never)) == Error::NoMemory);
    CHECK(ipc::call<V::ControlQueue>(root, large, V::remove, proto::SystemVPermissions{}, 0U));
    CHECK(send(root, id, 1, text, now_or_never));
}
