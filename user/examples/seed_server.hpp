// A ninth kind of namespace: each has a seed of its own and the sequence of random numbers that grows from it. Processes in one
// namespace draw from one sequence; the same seed gives the same numbers. It is the whole server but for main: a page to write another from.
#pragma once
#include "ipc/namespace_server.hpp"
#include <charconv>

namespace seed {

/// What one namespace has. Plain data: the base class keeps one for each namespace and gives it to the handlers.
struct Sequence {
    std::uint64_t seed = 1, state = 1;
    void plant(std::uint64_t value) { seed = state = value; }
    std::uint32_t draw() { // splitmix64
        state += 0x9e3779b97f4a7c15;
        std::uint64_t mixed = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
        return static_cast<std::uint32_t>((mixed ^ mixed >> 31) >> 32);
    }
};
/// What a new namespace begins with: its parent's seed, from the start.
inline Sequence inherit(Sequence const& parent) { return {parent.seed, parent.seed}; }

/// The kind's number only has to differ from those of other further kinds; its name is the manifest's.
class SeedServer : public ipc::NamespaceServer<Sequence, proto::NamespaceKind::First> {
public:
    SeedServer() : NamespaceServer{Sequence{}, "seed"} {}
    using NamespaceServer::on;

    /// `cat /proc/self/ns/seed`: the seed and the next number.
    ipc::Result<proto::Transfer> on(File::Read, ipc::Sender& sender, std::uint32_t, ipc::WriteBuffer) {
        auto const space = opened(sender.badge, false);
        if (!space) { return ipc::fail(space.error()); }
        if (space->offset != 0) { // a file ends; the next read begins again
            space->offset = 0;
            return proto::Transfer{};
        }
        char text[48];
        char* end = std::to_chars(text, text + 20, space->state.seed).ptr;
        *end++ = ' ';
        auto next = space->state; // drawn only if the reader gets it
        end = std::to_chars(end, text + sizeof text - 1, next.draw()).ptr;
        *end++ = '\n';
        std::string_view const line{text, static_cast<std::size_t>(end - text)};
        auto const given = give_text(sender, line, 0);
        if (given.count == line.size()) {
            space->state = next;
            space->offset = given.count;
        }
        return given;
    }
    /// `echo 7 > /proc/self/ns/seed`: the sequence of 7, from the start, for everybody in the namespace.
    ipc::Result<proto::Transfer> on(File::Write, ipc::Sender& sender, std::uint32_t, ipc::ReadBuffer) {
        auto const space = opened(sender.badge, true);
        if (!space) { return ipc::fail(space.error()); }
        char text[24];
        if (sender.read_length > sizeof text) { return ipc::fail(ipc::Error::Invalid); }
        auto const fetched = sender.copy_in(0, std::as_writable_bytes(std::span{text}.first(sender.read_length)));
        if (fetched.count < sender.read_length) { return proto::Transfer{0, fetched.caller_fault}; }
        std::uint64_t value = 0;
        char const* const last = text + fetched.count;
        auto const [end, error] = std::from_chars(text, last, value);
        if (error != std::errc{} || (end != last && (*end != '\n' || end + 1 != last))) {
            return ipc::fail(ipc::Error::Invalid);
        }
        space->state.plant(value);
        return proto::Transfer{static_cast<std::uint32_t>(fetched.count), 0};
    }
};

} // namespace seed
