#include "fixture.hpp"

namespace {

using M = proto::MessageQueue;
constexpr std::uint32_t read_only = 0, write_only = 1, both = 2, fresh = 0100, exclusive = 0200, non_blocking = 04000;
constexpr std::uint64_t for_ever = ~0ULL;

auto open(ipc::Cap<V> who, std::string_view name, std::uint32_t flags, std::uint32_t messages = 0,
          std::uint32_t bytes = 0) {
    return ipc::call<M::Open>(who.as<M>(), flags, 0600U, messages != 0 ? 1U : 0U,
                              proto::MessageQueueAttributes{0, messages, bytes, 0}, ipc::Path{name});
}
Error send(ipc::Cap<proto::File> queue, std::string_view text, std::uint32_t priority = 0,
           std::uint64_t deadline = for_ever) {
    return error_of(ipc::call<M::Send>(queue.as<M>(), priority, deadline, ipc::ReadBuffer{text.data(), text.size()}));
}
char memory[8192];
auto receive(ipc::Cap<proto::File> queue, std::uint64_t deadline = for_ever, std::size_t room = sizeof memory) {
    return ipc::call<M::Receive>(queue.as<M>(), deadline, ipc::WriteBuffer{memory, room});
}
std::string text(ipc::Cap<proto::File> queue) {
    auto const got = receive(queue);
    return got ? std::string{memory, got->length} : std::string{"error"};
}

} // namespace

TEST_CASE_FIXTURE(Fixture, "POSIX queues are opened by name") {
    CHECK(open(root, "q", both).error() == Error::NoEntry);
    auto const queue = open(root, "q", both | fresh);
    REQUIRE(queue);
    CHECK(open(root, "q", both | fresh | exclusive).error() == Error::Exists);
    CHECK(open(root, "a/b", both | fresh).error() == Error::Access);
    CHECK(open(root, std::string(256, 'n'), both | fresh).error() == Error::NameTooLong);
    CHECK(open(enter(first, 1000), "q", read_only).error() == Error::Access);
    CHECK(open(enter(first, 1000), "mine", both | fresh, 11, 10).error() == Error::Invalid); // above msg_max
    CHECK(open(enter(this->Fixture::create(), 0), "q", both).error() == Error::NoEntry);     // another namespace's
    CHECK(send(*queue, "kept") == Error::None);
    CHECK(error_of(ipc::call<M::Unlink>(enter(first, 1000).as<M>(), ipc::Path{"q"})) == Error::NotPermitted);
    CHECK(ipc::call<M::Unlink>(root.as<M>(), ipc::Path{"q"}));
    CHECK(text(*queue) == "kept"); // who has it open goes on
    CHECK(open(root, "q", both).error() == Error::NoEntry);
}

TEST_CASE_FIXTURE(Fixture, "messages come by priority, then in order") {
    auto const queue = *open(root, "q", both | fresh, 4, 10);
    for (auto const& [priority, word] : {std::pair{1U, "b"}, {5U, "a"}, {1U, "c"}, {0U, "d"}}) {
        CHECK(send(queue, word, priority) == Error::None);
    }
    for (auto const* word : {"a", "b", "c", "d"}) { CHECK(text(queue) == word); }
    CHECK(send(queue, "01234567890") == Error::MessageSize);
    CHECK(error_of(receive(queue, for_ever, 9)) == Error::MessageSize);
    CHECK(send(queue, "x", 32768) == Error::Invalid);
    auto const reader = *open(root, "q", read_only), writer = *open(root, "q", write_only);
    CHECK(send(reader, "x") == Error::BadDescriptor);
    CHECK(error_of(receive(writer)) == Error::BadDescriptor);
}

TEST_CASE_FIXTURE(Fixture, "who finds it full or empty waits, is told at once, or until its deadline") {
    auto const queue = *open(root, "q", both | fresh, 1, 10), now = *open(root, "q", both | non_blocking);
    CHECK(error_of(receive(now)) == Error::Again);
    CHECK(error_of(receive(queue, port.time)) == Error::TimedOut);
    CHECK(error_of(receive(queue)) == Error::Deferred);
    auto const receiving = world.deferred();
    CHECK(send(queue, "one") == Error::None);
    REQUIRE(receiving.answered());
    CHECK(receiving.result<M::Receive>()->length == 3);
    CHECK(send(queue, "two") == Error::None);
    CHECK(send(now, "x") == Error::Again);
    CHECK(send(queue, "three") == Error::Deferred);
    auto const sending = world.deferred();
    CHECK(send(queue, "late", 0, port.time + 5) == Error::Deferred);
    auto const late = world.deferred();
    CHECK(port.armed == port.time + 5);
    port.time += 5;
    world.signal_server(number, 2);
    world.pump();
    REQUIRE(late.answered());
    CHECK(error_of(late.result<M::Send>()) == Error::TimedOut);
    CHECK(text(queue) == "two");
    CHECK(sending.answered());
    CHECK(ipc::call<proto::File::Poll>(queue, 0x145U) == 0x41U);
    CHECK(text(queue) == "three");
    CHECK(ipc::call<proto::File::Poll>(queue, 0x145U) == 0x104U);
    auto const attributes = ipc::call<M::Attributes>(now.as<M>(), 1U, 0U);
    CHECK(attributes->flags == non_blocking);
    CHECK(ipc::call<M::Attributes>(now.as<M>(), 0U, 0U)->flags == 0);
}

TEST_CASE_FIXTURE(Fixture, "a queue's memory is taken when it is made and comes back when nobody has it") {
    int made = 0;
    std::vector<ipc::Cap<proto::File>> queues;
    for (;;) {
        auto const queue = open(root, "q" + std::to_string(made), both | fresh);
        if (!queue) {
            CHECK(queue.error() == Error::NoMemory);
            break;
        }
        queues.push_back(*queue);
        ++made;
    }
    CHECK(made == 12); // a MiB
    CHECK(ipc::call<M::Unlink>(root.as<M>(), ipc::Path{"q0"}));
    CHECK(open(root, "again", both | fresh).error() == Error::NoMemory);
    drop(queues[0]);
    CHECK(open(root, "again", both | fresh));
}
