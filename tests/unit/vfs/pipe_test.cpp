// Pipes and FIFOs.
#include "world.hpp"

using namespace test;

namespace {
struct Ends {
    OpenFile* reader;
    OpenFile* writer;
};
Ends make(World& w, std::uint32_t flags = 0) {
    auto const slots = w.files.pipe(*w.root, flags);
    REQUIRE(slots.has_value());
    return {w.file((*slots)[0]), w.file((*slots)[1])};
}
} // namespace

TEST_CASE("a pipe keeps order and ends") {
    World w;
    auto const before = w.files.usage();
    Ends p = make(w);
    CHECK(w.write(p.writer, "one") == 3);
    CHECK(w.write(p.writer, "two") == 3);
    CHECK(w.read(p.reader, 4) == "onet");
    CHECK(w.read(p.reader) == "wo");
    CHECK(p.reader->seek(0, 0).error() == Error::IllegalSeek);
    CHECK(w.write(p.reader, "x").error() == Error::BadDescriptor);
    FakeCaller reader{"", 10};
    CHECK(p.reader->read(reader).error() == Error::Deferred);
    CHECK(w.write(p.writer, "later") == 5);
    CHECK(w.port.finished.at(reader.token)->count == 5);
    CHECK(reader.output.substr(0, 5) == "later");
    FakeCaller second{"", 10};
    CHECK(p.reader->read(second).error() == Error::Deferred);
    w.close(p.writer);
    CHECK(w.port.finished.at(second.token)->count == 0);
    CHECK(w.read(p.reader) == "");
    w.close(p.reader);
    CHECK(w.files.usage() == before);
}

TEST_CASE("a full pipe") {
    World w;
    Ends p = make(w, open_flag::nonblock);
    CHECK(w.write(p.writer, std::string(70000, 'x')) == 65536);
    CHECK(w.write(p.writer, "x").error() == Error::Again);
    CHECK((p.writer->poll(poll_event::out)) == 0);
    CHECK(w.read(p.reader, 4000).size() == 4000);
    CHECK(w.write(p.writer, std::string(4096, 'y')).error() == Error::Again); // whole or not at all
    CHECK(w.write(p.writer, std::string(4000, 'y')) == 4000);
    p.writer->set_flags(0);
    FakeCaller writer{std::string(10000, 'z'), 0};
    CHECK(p.writer->write(writer).error() == Error::Deferred);
    CHECK(w.read(p.reader, 65536) == std::string(61536, 'x') + std::string(4000, 'y'));
    CHECK(w.port.finished.at(writer.token)->count == 10000);
    CHECK(w.read(p.reader, 65536) == std::string(10000, 'z'));
    FakeCaller broken{std::string(70000, 'b'), 0};
    CHECK(p.writer->write(broken).error() == Error::Deferred);
    w.close(p.reader);
    CHECK(w.port.finished.at(broken.token)->count == 65536);
    CHECK(w.write(p.writer, "x").error() == Error::BrokenPipe);
    CHECK((p.writer->poll(poll_event::out) & poll_event::error) != 0);
}

TEST_CASE("a reader that was interrupted loses nothing") {
    World w;
    Ends p = make(w);
    FakeCaller gone{"", 10}, here{"", 10};
    CHECK(p.reader->read(gone).error() == Error::Deferred);
    w.port.interrupted.insert(gone.token);
    CHECK(p.reader->read(here).error() == Error::Deferred);
    CHECK(w.write(p.writer, "data") == 4);
    CHECK(w.port.finished.count(gone.token) == 0);
    CHECK(here.output.substr(0, 4) == "data");
    // Its page was missing: the data stays.
    FakeCaller absent{"", 10};
    absent.missing_from = 0;
    CHECK(p.reader->read(absent).error() == Error::Deferred);
    CHECK(w.write(p.writer, "kept") == 4);
    CHECK(w.port.finished.at(absent.token)->count == 0);
    CHECK(w.port.finished.at(absent.token)->fault != 0);
    CHECK(w.read(p.reader) == "kept");
}

TEST_CASE("readiness is told once") {
    World w;
    Ends p = make(w);
    CHECK(p.reader->arm(poll_event::in, 5, 77) == 0u);
    CHECK(p.reader->arm(poll_event::in, 6, 78) == 0u);
    p.reader->disarm(6);
    CHECK(w.port.dropped.contains(78));
    w.write(p.writer, "a");
    w.write(p.writer, "b");
    CHECK(w.port.signalled == std::vector<Slot>{77});
    CHECK(w.port.dropped.contains(77));
    CHECK(p.reader->arm(poll_event::in, 7, 79) == poll_event::in);
    CHECK(w.read(p.reader) == "ab");
    CHECK(p.reader->arm(poll_event::in, 7, 80) == 0u);
    w.close(p.writer);
    CHECK(w.port.signalled.back() == 80);
    CHECK((p.reader->poll(poll_event::in) & poll_event::hang_up) != 0);
    FakeCaller caller{"", 4};
    CHECK(p.reader->control(0x541B, caller).has_value());
    CHECK(p.reader->control(0x5401, caller).error() == Error::NotTerminal);
}

TEST_CASE("FIFOs wait for their other end") {
    World w;
    CHECK(w.files.make_node(*w.root, {}, mode::fifo | 0644, 0, "/fifo") == Error::None);
    auto const before = w.files.usage();
    CHECK(w.open_error("/fifo", open_flag::write_only | open_flag::nonblock) == Error::NoDevice);
    FakeCaller reader{"", 0}, writer{"", 0};
    CHECK(w.files.open(*w.root, {}, 0, 0, "/fifo", reader).error() == Error::Deferred);
    auto const opened = w.files.open(*w.root, {}, open_flag::write_only, 0, "/fifo", writer);
    REQUIRE(opened.has_value());
    OpenFile* const r = w.file(w.port.finished_opens.at(reader.token).slot);
    OpenFile* const o = w.file(opened->slot);
    CHECK(w.write(o, "through") == 7);
    CHECK(w.read(r) == "through");
    w.close(o);
    CHECK(w.read(r) == "");
    w.close(r);
    CHECK(w.files.usage() == before);
    // One that gave up does not count.
    FakeCaller gone{"", 0}, next{"", 0};
    CHECK(w.files.open(*w.root, {}, 0, 0, "/fifo", gone).error() == Error::Deferred);
    w.port.interrupted.insert(gone.token);
    CHECK(w.files.open(*w.root, {}, open_flag::write_only, 0, "/fifo", next).error() == Error::Deferred);
    w.port.interrupted.insert(next.token);
    CHECK(w.open_error("/fifo", open_flag::nonblock) == Error::None);
    CHECK(w.files.usage() == before);
}
