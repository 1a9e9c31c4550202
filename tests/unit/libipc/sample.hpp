// A protocol with every kind of argument, and a server that echoes.
#pragma once
#include "host/world.hpp"
#include "ipc/server.hpp"
#include <doctest/doctest.h>
#include <string>
#include <vector>

struct Point {
    std::uint8_t x;
    std::uint16_t y;
    std::uint64_t z;
    bool operator==(Point const&) const = default;
};

struct Sample {
    static constexpr abi::Word number = 200;
    using Nothing = ipc::Method<Sample, 1, ipc::Unit()>;
    using Scalars =
        ipc::Method<Sample, 2, std::tuple<std::uint64_t, bool, std::int8_t>(std::int8_t, std::uint64_t, bool)>;
    using Structs = ipc::Method<Sample, 3, Point(Point)>;
    using Texts = ipc::Method<Sample, 4, std::tuple<ipc::Text<16>, ipc::Text<40>>(ipc::Text<40>, ipc::Text<16>)>;
    using RawBytes = ipc::Method<Sample, 5, ipc::Bytes<100>(ipc::Bytes<100>)>;
    using Capabilities = ipc::Method<Sample, 6,
                                     std::tuple<ipc::Cap<ipc::Any>, std::uint32_t>(
                                         ipc::Cap<ipc::Any>, ipc::OptionalCap<Sample>, ipc::OptionalCap<ipc::Any>)>;
    using Upper = ipc::Method<Sample, 7, std::uint32_t(ipc::ReadBuffer, ipc::WriteBuffer)>;
    using Paths = ipc::Method<Sample, 8, std::uint32_t(std::uint32_t, ipc::Path, ipc::Path)>;
    using PathAndBuffer = ipc::Method<Sample, 9, std::uint32_t(ipc::Path, ipc::ReadBuffer)>;
    using Fail = ipc::Method<Sample, 10, std::uint32_t(std::uint32_t error)>;
    using Elsewhere = ipc::Method<Sample, 11, std::uint32_t(ipc::Path)>;
    using Wait = ipc::Method<Sample, 12, std::uint32_t(ipc::WriteBuffer)>;
    using Open = ipc::Method<Sample, 13, ipc::Cap<Sample>(std::uint32_t badge)>;
    using Badge = ipc::Method<Sample, 14, std::uint32_t()>;
    using Forward = ipc::Method<Sample, 15, std::uint32_t(ipc::Cap<Sample>, ipc::Path)>;
    using Forwarded = ipc::Method<Sample, 16, std::uint32_t(std::uint32_t, ipc::Path)>;
    using Forget = ipc::Method<Sample, 17, ipc::Unit(std::uint32_t badge)>;
    using methods = ipc::Methods<Nothing, Scalars, Structs, Texts, RawBytes, Capabilities, Upper, Paths, PathAndBuffer,
                                 Fail, Elsewhere, Wait, Open, Badge, Forward, Forwarded, Forget>;
};

struct SampleServer {
    int calls = 0;
    std::vector<std::string> paths;
    std::vector<ipc::Pending> waiting;
    std::vector<abi::Word> gone;
    abi::Word bits = 0;
    ipc::CapabilityPointer elsewhere = 0;
    ipc::OptionalCap<Sample> last_own;

    ipc::Result<ipc::Unit> on(Sample::Nothing, ipc::Sender&) {
        ++calls;
        return ipc::Unit{};
    }
    ipc::Result<std::tuple<std::uint64_t, bool, std::int8_t>> on(Sample::Scalars, ipc::Sender&, std::int8_t a,
                                                                 std::uint64_t b, bool c) {
        return std::tuple{b, c, a};
    }
    ipc::Result<Point> on(Sample::Structs, ipc::Sender&, Point const& point) { return point; }
    ipc::Result<std::tuple<ipc::Text<16>, ipc::Text<40>>> on(Sample::Texts, ipc::Sender&, ipc::Text<40> const& a,
                                                             ipc::Text<16> const& b) {
        return std::tuple{b, a};
    }
    ipc::Result<ipc::Bytes<100>> on(Sample::RawBytes, ipc::Sender&, ipc::Bytes<100> const& bytes) { return bytes; }
    ipc::Result<std::tuple<ipc::Cap<ipc::Any>, std::uint32_t>> on(Sample::Capabilities, ipc::Sender& sender,
                                                                  ipc::Cap<ipc::Any> cap, ipc::OptionalCap<Sample> own,
                                                                  ipc::OptionalCap<ipc::Any> other) {
        last_own = own;
        sender.delete_after_reply(cap.slot);
        if (other.slot != 0) { ipc::release_slot(other.slot); }
        return std::tuple{cap, own.badge};
    }
    ipc::Result<std::uint32_t> on(Sample::Upper, ipc::Sender& sender, ipc::ReadBuffer in, ipc::WriteBuffer out) {
        std::string text(in.length, ' ');
        auto const read = sender.copy_in(0, std::as_writable_bytes(std::span{text}));
        for (char& character : text) {
            character = static_cast<char>(character >= 'a' && character <= 'z' ? character - 32 : character);
        }
        auto const written = sender.copy_out(0, std::as_bytes(std::span{text}));
        CHECK(read.count == in.length);
        CHECK(written.count == std::min(in.length, out.length));
        return static_cast<std::uint32_t>(written.count);
    }
    ipc::Result<std::uint32_t> on(Sample::Paths, ipc::Sender& sender, std::uint32_t, ipc::Path a, ipc::Path b) {
        paths.clear();
        char storage[4096];
        for (ipc::Path const& path : {a, b}) {
            auto const text = sender.read_path(path, storage);
            if (!text) { return ipc::fail(text.error()); }
            paths.emplace_back(*text);
        }
        return (a.in_buffer ? 1U : 0U) | (b.in_buffer ? 2U : 0U);
    }
    ipc::Result<std::uint32_t> on(Sample::PathAndBuffer, ipc::Sender&, ipc::Path path, ipc::ReadBuffer data) {
        return path.length * 1000 + static_cast<std::uint32_t>(data.length);
    }
    ipc::Result<std::uint32_t> on(Sample::Fail, ipc::Sender&, std::uint32_t error) {
        return ipc::fail(static_cast<ipc::Error>(error));
    }
    ipc::Result<std::uint32_t> on(Sample::Elsewhere, ipc::Sender& sender, ipc::Path path) {
        return sender.fail_with(ipc::Error::Elsewhere, ipc::OptionalCap<Sample>{ipc::Cap<Sample>{elsewhere}},
                                ipc::Text<180>{std::string_view{path.data, path.length}.substr(1)});
    }
    ipc::Result<std::uint32_t> on(Sample::Wait, ipc::Sender& sender, ipc::WriteBuffer) {
        waiting.push_back(sender.defer());
        return ipc::fail(ipc::Error::Deferred);
    }
    ipc::Result<ipc::Cap<Sample>> on(Sample::Open, ipc::Sender&, std::uint32_t badge) {
        return ipc::mint_session<Sample>(badge);
    }
    ipc::Result<std::uint32_t> on(Sample::Badge, ipc::Sender& sender) { return sender.badge; }
    ipc::Result<std::uint32_t> on(Sample::Forward, ipc::Sender& sender, ipc::Cap<Sample> to, ipc::Path path) {
        ipc::Path rest = path;
        rest.offset += 2;
        rest.length -= 2;
        auto const done = sender.forward<Sample::Forwarded>(to, std::uint32_t{7}, rest);
        ipc::release_slot(to.slot);
        return ipc::fail(done ? ipc::Error::Deferred : done.error());
    }
    ipc::Result<std::uint32_t> on(Sample::Forwarded, ipc::Sender& sender, std::uint32_t number, ipc::Path path) {
        char storage[4096];
        auto const text = sender.read_path(path, storage);
        if (!text) { return ipc::fail(text.error()); }
        paths = {std::string{*text}};
        return number + sender.badge;
    }
    ipc::Result<ipc::Unit> on(Sample::Forget, ipc::Sender&, std::uint32_t badge) {
        ipc::forget(badge);
        return ipc::Unit{};
    }
    void on_notification(abi::Word word) { bits |= word; }
    void on_no_senders(abi::Word badge) { gone.push_back(badge); }
};

struct Bench {
    ipc::host::World world;
    SampleServer server;
    std::size_t number = world.serve<Sample>(server);
    ipc::Cap<Sample> client = world.client<Sample>(number, 42);
};
