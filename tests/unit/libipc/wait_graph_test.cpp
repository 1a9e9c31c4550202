#include "ipc/wait_graph.hpp"
#include <doctest/doctest.h>

namespace {
abi::DebugThread thread(abi::Word id, std::string_view name, abi::ThreadState state, abi::Word waiting_on,
                        abi::Word receives_on) {
    abi::DebugThread result{id, static_cast<abi::Word>(state), 100, waiting_on, 0, {}, receives_on};
    std::memcpy(result.name, name.data(), name.size());
    return result;
}
bool has(std::vector<std::string> const& lines, std::string_view text) {
    return std::any_of(lines.begin(), lines.end(), [&](auto const& line) { return line.find(text) != line.npos; });
}
} // namespace

TEST_CASE("the wait graph names whom a call waits for, and marks a ring") {
    using enum abi::ThreadState;
    auto const calm = ipc::WaitGraph{
        {thread(1, "vfs", BlockedOnReceive, 10, 10), thread(2, "proc", BlockedOnReply, 10, 20),
         thread(3, "sh", BlockedOnReply, 20,
                0)}}.lines();
    CHECK(calm.size() == 3);
    CHECK(has(calm, "sh                waits for an answer of proc"));
    CHECK(has(calm, "proc              waits for an answer of vfs"));
    CHECK_FALSE(has(calm, "DEADLOCK"));
    auto const ring = ipc::WaitGraph{
        {thread(1, "vfs", BlockedOnReply, 20, 10), thread(2, "proc", BlockedOnSend, 10, 20),
         thread(3, "sh", BlockedOnReply, 20,
                0)}}.lines();
    CHECK(has(ring, "vfs               waits for an answer of proc  DEADLOCK"));
    CHECK(has(ring, "proc              waits to be heard by vfs  DEADLOCK"));
    CHECK_FALSE(has(ring, "sh                waits for an answer of proc  DEADLOCK"));
}
