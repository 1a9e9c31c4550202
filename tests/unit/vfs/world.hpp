// A vfs without a machine: pages on the heap, callers whose buffers are strings, answers that are written down.
#pragma once
#include "servers/vfs/vfs.hpp"
#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <set>

namespace test {

using namespace vfs;

class HostPages final : public PageStore {
public:
    explicit HostPages(std::uint32_t chunks = 16) : PageStore{chunks}, memory(std::size_t{chunks} * 256 * page_size) {
        base_ = memory.data() - page_size;
        available = chunks;
    }
    std::uint32_t available, lent = 0, revoked = 0;

private:
    bool grow(std::uint32_t chunk) override {
        if (available == 0) { return false; }
        --available;
        std::fill_n(memory.begin() + std::ptrdiff_t{chunk} * 256 * page_size, 256 * page_size, std::byte{0});
        return true;
    }
    void shrink(std::uint32_t) override { ++available; }
    bool map(std::uint32_t, std::uint32_t) override { return true; }
    Result<Slot> lend_frame(std::uint32_t, std::uint32_t, bool) override {
        ++lent;
        return 7u;
    }
    void revoke_frame(std::uint32_t, std::uint32_t) override { ++revoked; }
    std::vector<std::byte> memory;
};

/// One caller: what it lets us read, what it got. It may be absent from some offset on, as a page that is not present.
struct FakeCaller final : Caller {
    std::string input, output;
    std::uint32_t token = 0, missing_from = ~0u;
    FakeCaller(std::string_view text, std::uint32_t room) : input{text} {
        read_length = static_cast<std::uint32_t>(input.size());
        write_length = room;
        output.resize(room);
    }
    Transfer copy_in(std::uint32_t offset, std::span<std::byte> target) override {
        std::uint32_t const wanted = static_cast<std::uint32_t>(target.size());
        std::uint32_t const count = offset >= missing_from ? 0 : std::min(wanted, missing_from - offset);
        std::memcpy(target.data(), input.data() + offset, count);
        return {count, count < wanted ? 0x1000 + offset + count : 0};
    }
    Transfer copy_out(std::uint32_t offset, std::span<std::byte const> source) override {
        std::uint32_t const wanted = static_cast<std::uint32_t>(source.size());
        std::uint32_t const count = offset >= missing_from ? 0 : std::min(wanted, missing_from - offset);
        REQUIRE(offset + count <= output.size());
        std::memcpy(output.data() + offset, source.data(), count);
        return {count, count < wanted ? 0x1000 + offset + count : 0};
    }
    Waiter defer() override;
};

struct FakePort final : Port {
    static inline FakePort* current = nullptr;
    FakePort() { current = this; }
    std::map<std::uint32_t, FakeCaller*> callers;
    std::map<std::uint32_t, Result<Transfer>> finished;
    std::map<std::uint32_t, Opened> finished_opens;
    std::map<std::uint32_t, Error> finished_units;
    std::map<std::uint32_t, Result<Incoming>> finished_receives;
    std::map<std::uint32_t, Result<Accepted>> finished_accepts;
    std::set<std::uint32_t> interrupted;
    std::map<Slot, Badge> minted_badges;
    std::set<Slot> dropped;
    std::vector<Slot> signalled;
    std::uint32_t next_token = 1;
    std::uint64_t clock = 1000;
    HostPages* pages = nullptr;

    Transfer copy_in(Waiter const& w, std::uint32_t offset, std::span<std::byte> target) override {
        return interrupted.contains(w.reply) ? Transfer{} : callers.at(w.reply)->copy_in(offset, target);
    }
    Transfer copy_out(Waiter const& w, std::uint32_t offset, std::span<std::byte const> source) override {
        return interrupted.contains(w.reply) ? Transfer{} : callers.at(w.reply)->copy_out(offset, source);
    }
    bool waiting(Waiter const& w) override { return !interrupted.contains(w.reply); }
    void discard(Waiter const& w) override { callers.erase(w.reply); }
    void finish_transfer(Waiter const& w, Result<Transfer> const& result) override {
        finished.emplace(w.reply, result);
        callers.erase(w.reply);
    }
    void finish_open(Waiter const& w, Result<Opened> const& result) override { finished_opens[w.reply] = *result; }
    void finish_unit(Waiter const& w, Error error) override { finished_units[w.reply] = error; }
    void finish_incoming(Waiter const& w, Result<Incoming> const& result, bool) override {
        finished_receives.emplace(w.reply, result);
    }
    void finish_accept(Waiter const& w, Result<Accepted> const& result) override {
        finished_accepts.emplace(w.reply, result);
    }
    /// Copies are told from what was minted by their number.
    Result<Slot> hold(Badge badge) override {
        held_badges[next_copy] = badge;
        return next_copy++;
    }
    std::map<Slot, Badge> held_badges;
    Slot next_copy = 500000000;
    Result<Slot> mint(Badge badge) override {
        minted_badges[badge + 1000000] = badge;
        return badge + 1000000;
    }
    void forget(Badge badge) override { minted_badges.erase(badge + 1000000); }
    Slot minted(Badge badge) override { return badge + 1000000; }
    void drop(Slot slot) override { CHECK(dropped.insert(slot).second); }
    void signal(Slot notification) override { signalled.push_back(notification); }
    std::uint64_t now() override { return clock += 10; }
    std::uint64_t boot = 1000, alarm = 0;
    std::uint64_t since_boot() override { return boot; }
    void set_alarm(std::uint64_t time) override { alarm = time; }
    std::uint64_t random() override { return clock * 0x9e3779b97f4a7c15; }
    std::array<std::uint64_t, 2> memory() override {
        return {256u << 20, std::uint64_t{pages != nullptr ? pages->available : 0} << 20};
    }
};

inline Waiter FakeCaller::defer() {
    token = FakePort::current->next_token++;
    FakePort::current->callers[token] = this;
    return Waiter{token, 0, read_length, write_length};
}

/// A booted vfs with one session of root's.
struct World {
    explicit World(std::uint32_t chunks = 16) : pages{chunks}, files{pages, port, 5000, 3000} {
        port.pages = &pages;
        REQUIRE(files.start({}) == Error::None);
        root = session(*files.first_session());
        root->network = 1;
    }
    FakePort port;
    HostPages pages;
    Vfs files;
    Session* root;

    Session* session(Slot slot) { return files.session(port.minted_badges.at(slot)); }
    OpenFile* file(Slot slot) { return files.file(port.minted_badges.at(slot)); }
    void close(OpenFile* open) { files.close(open->badge); }

    Result<OpenFile*> open(Session* who, std::string_view path, std::uint32_t flags = 0, std::uint32_t bits = 0644) {
        FakeCaller caller{"", 0};
        auto const opened = files.open(*who, {}, flags, bits, path, caller);
        if (!opened) { return fail(opened.error()); }
        return file(opened->slot);
    }
    Result<OpenFile*> open(std::string_view path, std::uint32_t flags = 0, std::uint32_t bits = 0644) {
        return open(root, path, flags, bits);
    }
    Error open_error(std::string_view path, std::uint32_t flags = 0) {
        auto const opened = open(path, flags);
        if (opened) {
            close(*opened);
            return Error::None;
        }
        return opened.error();
    }
    Result<std::uint32_t> write(OpenFile* open, std::string_view text) {
        FakeCaller caller{text, 0};
        auto const done = open->write(caller);
        if (!done) { return fail(done.error()); }
        return done->count;
    }
    std::string read(OpenFile* open, std::uint32_t length = 100000) {
        FakeCaller caller{"", length};
        auto const done = open->read(caller);
        REQUIRE(done.has_value());
        return caller.output.substr(0, done->count);
    }
    void put(Session* who, std::string_view path, std::string_view text) {
        auto const opened = open(who, path, open_flag::create | open_flag::write_only | open_flag::truncate);
        REQUIRE(opened.has_value());
        CHECK(write(*opened, text) == text.size());
        close(*opened);
    }
    void put(std::string_view path, std::string_view text) { put(root, path, text); }
    std::string get(Session* who, std::string_view path) {
        auto const opened = open(who, path);
        if (!opened) { return "error " + std::to_string(static_cast<int>(opened.error())); }
        std::string const text = read(*opened);
        close(*opened);
        return text;
    }
    std::string get(std::string_view path) { return get(root, path); }
    Error stat_error(Session* who, std::string_view path) {
        auto const status = files.stat(*who, {}, 0, path);
        return status ? Error::None : status.error();
    }
    Error stat_error(std::string_view path) { return stat_error(root, path); }
    proto::FileStatus stat(std::string_view path, std::uint32_t flags = 0) {
        auto const status = files.stat(*root, {}, flags, path);
        REQUIRE(status.has_value());
        return *status;
    }
    std::string link_text(std::string_view path) {
        FakeCaller caller{"", 300};
        auto const done = files.read_link(*root, {}, path, caller);
        REQUIRE(done.has_value());
        return caller.output.substr(0, done->count);
    }
    Error mkdir(std::string_view path, std::uint32_t bits = 0755) {
        return files.make_directory(*root, {}, bits, path);
    }
    Error unlink(std::string_view path) { return files.unlink(*root, {}, 0, path); }
    Error rmdir(std::string_view path) { return files.unlink(*root, {}, at_flag::remove_directory, path); }
    Error rename(std::string_view from, std::string_view to, std::uint32_t flags = 0) {
        return files.rename(*root, {}, {}, flags, from, to);
    }
    Error link(std::string_view from, std::string_view to) { return files.link(*root, {}, {}, 0, from, to); }
    Error symlink(std::string_view target, std::string_view path) {
        return files.symbolic_link(*root, {}, target, path);
    }
    Error mount(std::string_view source, std::string_view target, std::string_view type, std::uint32_t flags = 0,
                std::string_view data = "") {
        return files.mount(*root, flags, 0, source, target, type, data);
    }
    /// Names in a directory, in the order of getdents64, read with a buffer of that size.
    std::vector<std::string> names(std::string_view path, std::uint32_t room = 4096) {
        auto const opened = open(path, open_flag::directory);
        REQUIRE(opened.has_value());
        std::vector<std::string> found;
        for (;;) {
            FakeCaller caller{"", room};
            auto const done = (*opened)->entries(caller);
            REQUIRE(done.has_value());
            if (done->count == 0) { break; }
            for (std::uint32_t at = 0; at < done->count;) {
                std::uint16_t length = 0;
                std::memcpy(&length, caller.output.data() + at + 16, 2);
                found.emplace_back(caller.output.c_str() + at + 19);
                at += length;
            }
        }
        close(*opened);
        return found;
    }
};

} // namespace test
