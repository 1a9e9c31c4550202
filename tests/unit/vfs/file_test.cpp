// File data, offsets, locks, mapping.
#include "world.hpp"

using namespace test;

TEST_CASE("reading and writing") {
    World w;
    auto file = *w.open("/f", open_flag::create | open_flag::read_write);
    CHECK(w.write(file, "hello") == 5);
    CHECK(w.read(file) == "");
    CHECK(file->seek(1, 0) == 1);
    CHECK(w.read(file, 3) == "ell");
    CHECK(file->seek(-1, 2) == 4);
    CHECK(file->seek(-1, 0).error() == Error::Invalid);
    CHECK(file->seek(0, 9).error() == Error::Invalid);
    // A hole reads as zero and takes no page.
    CHECK(file->seek(3 * 4096 + 10, 0) == 3 * 4096 + 10);
    CHECK(w.write(file, "end") == 3);
    CHECK(file->status().size == 3 * 4096 + 13);
    CHECK(file->status().blocks512 == 16);
    file->seek(4000, 0);
    CHECK(w.read(file, 1000) == std::string(1000, '\0'));
    // Larger than a page, not aligned.
    std::string big;
    for (int i = 0; i < 50000; ++i) { big += static_cast<char>('a' + i % 26); }
    file->seek(100, 0);
    CHECK(w.write(file, big) == big.size());
    file->seek(100, 0);
    CHECK(w.read(file, 50000) == big);
    // Append.
    CHECK(file->set_flags(open_flag::append) == Error::None);
    file->seek(0, 0);
    w.write(file, "tail");
    CHECK(file->offset == 50104);
    // Truncation and growth: zeros, never old data.
    CHECK(file->truncate(150) == Error::None);
    CHECK(file->truncate(8000) == Error::None);
    FakeCaller caller{"", 100};
    CHECK(file->read_at(caller, 140)->count == 100);
    CHECK(caller.output.substr(0, 10) == big.substr(40, 10));
    CHECK(caller.output.substr(10) == std::string(90, '\0'));
    w.close(file);
    CHECK(w.unlink("/f") == Error::None);
}

TEST_CASE("pages come back exactly") {
    World w;
    auto const before = w.files.usage();
    for (int round = 0; round < 3; ++round) {
        w.put("/f", std::string(1000000, 'x'));
        CHECK(w.files.usage()[1] == before[1] + 245 * 4096);
        auto file = *w.open("/f");
        CHECK(w.unlink("/f") == Error::None);
        CHECK(w.read(file, 10) == "xxxxxxxxxx"); // unlinked, still open
        w.close(file);
        CHECK(w.files.usage() == before);
    }
}

TEST_CASE("a caller whose memory is not all there") {
    World w;
    auto file = *w.open("/f", open_flag::create | open_flag::read_write);
    FakeCaller writer{std::string(10000, 'q'), 0};
    writer.missing_from = 5000;
    auto done = file->write(writer);
    CHECK(done->count == 5000);
    CHECK(done->fault == 0x1000 + 5000);
    CHECK(file->offset == 5000);
    CHECK(file->status().size == 5000);
    writer.missing_from = 0;
    done = file->write(writer);
    CHECK(done->count == 0);
    CHECK(done->fault == 0x1000);
    CHECK(file->status().size == 5000);
    file->seek(0, 0);
    FakeCaller reader{"", 5000};
    reader.missing_from = 100;
    done = file->read(reader);
    CHECK(done->count == 100);
    CHECK(done->fault == 0x1000 + 100);
    CHECK(file->offset == 100);
    // A fresh whole page of which only a part came: the rest is zero.
    file->seek(8192, 0);
    writer.missing_from = 10;
    CHECK(file->write(writer)->count == 10);
    CHECK(file->truncate(8192 + 20) == Error::None);
    FakeCaller rest{"", 20};
    CHECK(file->read_at(rest, 8192)->count == 20);
    CHECK(rest.output == std::string(10, 'q') + std::string(10, '\0'));
}

TEST_CASE("no memory left") {
    World w{1};
    auto file = *w.open("/f", open_flag::create | open_flag::read_write);
    auto const done = w.write(file, std::string(2000000, 'x'));
    CHECK(done == 255 * 4096);
    CHECK(w.write(file, "more").error() == Error::NoSpace);
    CHECK(file->truncate(0) == Error::None);
    CHECK(w.write(file, "again") == 5);
}

TEST_CASE("devices") {
    World w;
    auto null = *w.open("/dev/null", open_flag::read_write);
    CHECK(w.write(null, "gone") == 4);
    CHECK(w.read(null) == "");
    auto zero = *w.open("/dev/zero", open_flag::read_write);
    CHECK(w.read(zero, 40000) == std::string(40000, '\0'));
    auto full = *w.open("/dev/full", open_flag::read_write);
    CHECK(w.write(full, "x").error() == Error::NoSpace);
    CHECK(w.read(full, 3) == std::string(3, '\0'));
    auto random = *w.open("/dev/urandom");
    CHECK(w.read(random, 5000).size() == 5000);
    CHECK(w.link_text("/dev/stdin") == "/proc/self/fd/0");
    FakeCaller caller{"", 0};
    auto const terminal = w.files.open(*w.root, {}, 0, 0, "/dev/tty", caller);
    CHECK(terminal->result.inode == proto::controlling_terminal);
    CHECK(w.files.register_device({4, 0, 8, 99}) == Error::None);
    CHECK(w.open_error("/dev/vc3") == Error::Elsewhere);
    CHECK(w.files.elsewhere().directory == 99);
    CHECK(w.files.elsewhere().rest == "3");
    CHECK(w.open_error("/dev/console") == Error::NoDevice);
}

TEST_CASE("pages for mapping") {
    World w;
    auto file = *w.open("/f", open_flag::create | open_flag::read_write);
    w.write(file, std::string(5000, 'x'));
    std::uint32_t valid = 0;
    CHECK(file->page(0, false, valid).has_value());
    CHECK(valid == 4096);
    CHECK(file->page(1, true, valid).has_value());
    CHECK(valid == 904);
    CHECK(file->page(2, false, valid).error() == Error::Range);
    CHECK(w.pages.revoked == 0);
    CHECK(file->truncate(4096) == Error::None);
    CHECK(w.pages.revoked == 1);
    auto reader = *w.open("/f");
    CHECK(reader->page(0, true, valid).error() == Error::Access);
    w.close(reader);
    w.close(file);
    w.unlink("/f");
    CHECK(w.pages.revoked == 2);
}

TEST_CASE("locks") {
    World w;
    auto a = *w.open("/f", open_flag::create | open_flag::read_write), b = *w.open("/f", open_flag::read_write);
    FakeCaller caller{"", 0}, waiter{"", 0};
    auto request = [](std::int16_t type, std::int64_t start, std::int64_t length, std::uint32_t process,
                      std::uint32_t wait) { return proto::LockRequest{type, 0, start, length, process, wait}; };
    CHECK(a->lock(request(1, 0, 0, 0, 0), caller) == Error::None);
    CHECK(b->lock(request(0, 0, 0, 0, 0), caller) == Error::Again);
    CHECK(b->lock(request(0, 0, 0, 0, 1), waiter) == Error::Deferred);
    CHECK(a->lock(request(2, 0, 0, 0, 0), caller) == Error::None);
    CHECK(w.port.finished_units.at(waiter.token) == Error::None);
    w.close(a);
    CHECK(b->lock(request(1, 0, 0, 2, 0), caller) == Error::Invalid); // a process's come through its session
    CHECK(b->lock(request(1, 0, 0, 3, 0), caller) == Error::Invalid);
}

TEST_CASE("record locks belong to the process that vfs knows by its session") {
    World w;
    auto* first = w.session(*w.files.fork_session(*w.root, false, false, 0, 11));
    auto* second = w.session(*w.files.fork_session(*w.root, false, false, 0, 12));
    auto* third = w.session(*w.files.fork_session(*w.root, false, false, 0, 13));
    auto a = *w.open("/f", open_flag::create | open_flag::read_write), b = *w.open("/f", open_flag::read_write),
         g = *w.open("/g", open_flag::create | open_flag::read_write);
    FakeCaller caller{"", 0}, waiter{"", 0}, other{"", 0};
    auto const set = [&](Session* who, OpenFile* file, std::int16_t type, std::int64_t start, std::int64_t length,
                         FakeCaller* wait = nullptr) {
        return w.files.lock(*who, *file, {type, 0, start, length, 2, wait != nullptr ? 1U : 0U},
                            wait != nullptr ? *wait : caller);
    };
    auto const get = [&](Session* who, OpenFile* file, std::int16_t type, std::int64_t start, std::int64_t length,
                         std::uint32_t owner = 2) {
        return *w.files.find_lock(*who, *file, {type, 0, start, length, owner, 0});
    };
    CHECK(set(first, a, 1, 10, 10) == Error::None);
    CHECK(set(second, b, 1, 0, 10) == Error::None);
    CHECK(set(second, b, 1, 15, 1) == Error::Again);
    CHECK(set(first, b, 1, 15, 1) == Error::None); // by whichever description
    CHECK(set(first, a, 2, 12, 4) == Error::None);
    CHECK(set(second, b, 1, 12, 4) == Error::None);
    CHECK(set(second, b, 1, 16, 1) == Error::Again);
    auto held = get(second, b, 0, 0, 0);
    CHECK(held.type == 1);
    CHECK(held.holder == 11);
    CHECK(held.start == 10);
    CHECK(held.length == 2);
    CHECK(get(first, a, 1, 0, 10).holder == 12);
    CHECK(get(first, a, 1, 20, 0).type == 2);
    CHECK_FALSE(w.files.find_lock(*first, *a, {2, 0, 0, 0, 2, 0}));
    // What touches is one; to the end is length 0.
    CHECK(set(third, g, 0, 0, 5) == Error::None);
    CHECK(set(third, g, 0, 5, 0) == Error::None);
    held = get(first, g, 1, 100, 1);
    CHECK(held.start == 0);
    CHECK(held.length == 0);
    CHECK(set(third, g, 2, 0, 0) == Error::None);
    // An open file description's is nobody's; both kinds see each other.
    CHECK(g->lock({1, 0, 0, 0, 1, 0}, caller) == Error::None);
    CHECK(get(first, g, 1, 0, 0).holder == -1);
    CHECK(set(first, g, 0, 0, 1) == Error::Again);
    auto g2 = *w.open("/g", open_flag::read_write);
    CHECK(g2->lock({1, 0, 0, 0, 1, 0}, caller) == Error::Again);
    CHECK(g2->lock({1, 0, 0, 0, 0, 0}, caller) == Error::None); // flock is another matter
    w.close(g);
    CHECK(set(first, g2, 1, 0, 1) == Error::None);
    // Each waits for the other: the second is told so.
    CHECK(set(first, b, 1, 0, 1, &waiter) == Error::Deferred);
    CHECK(set(second, g2, 1, 0, 1, &other) == Error::Deadlock);
    CHECK(set(third, g2, 1, 0, 1, &other) == Error::Deferred); // three do not make a circle
    // Closing any descriptor of the file gives up what the process has there, and only there.
    second->locks->release(*b->inode);
    CHECK(w.port.finished_units.at(waiter.token) == Error::None);
    CHECK(get(second, b, 1, 0, 0).holder == 11);
    // A new session of the same process (unshare(2)) has its locks; they go with the last.
    auto* renewed = w.session(*w.files.fork_session(*first, false, true, 0, 11));
    w.files.close(first->badge);
    CHECK(get(second, b, 1, 0, 0).holder == 11);
    auto* child = w.session(*w.files.fork_session(*renewed, false, false, 0, 14));
    CHECK(set(child, b, 1, 0, 1) == Error::Again);
    w.files.close(renewed->badge);
    CHECK(get(second, b, 1, 0, 0).type == 2);
    CHECK(w.port.finished_units.at(other.token) == Error::None); // the third has g's now
    w.close(g2);
    CHECK(third->locks->payer == nullptr);
}

TEST_CASE("what is not a file is nothing") {
    World w;
    CHECK(w.files.file(12345) == nullptr);
    CHECK(w.files.session(w.files.session(w.root->badge)->badge + (1 << 16)) == nullptr);
    auto file = *w.open("/f", open_flag::create);
    Badge const badge = file->badge;
    CHECK(w.files.session(badge) == nullptr);
    w.files.close(badge);
    CHECK(w.files.file(badge) == nullptr);
    w.files.close(badge); // twice does no harm
}
