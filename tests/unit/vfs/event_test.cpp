// Epoll instances, counters, timers and signal descriptors of vfs.
#include "world.hpp"
#include <utility>

namespace test {
namespace {
using proto::EpollEvent;
using proto::EventSet;
namespace flag = proto::epoll_flag;
constexpr std::uint32_t in = poll_event::in, out = poll_event::out;

struct Events : World {
    OpenFile* set = file(*files.new_epoll(*root));
    OpenFile* counter() { return file(*files.new_event(*root, 0, false, open_flag::nonblock)); }
    OpenFile* timer() { return file(*files.new_timer(*root, 1, open_flag::nonblock)); }
    Error change(OpenFile* instance, std::uint32_t operation, OpenFile* target, std::uint32_t events,
                 std::uint32_t data = 0) {
        return Epoll::of(instance)->change_watch(operation, 5, *target, {events, data, 0});
    }
    Error add(OpenFile* target, std::uint32_t events, std::uint32_t data = 0) {
        return change(set, EventSet::add, target, events, data);
    }
    /// {data, events} of each.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> collect(OpenFile* instance, std::uint32_t most = 8,
                                                                 std::uint64_t pending = 0) {
        FakeCaller caller{"", most * static_cast<std::uint32_t>(sizeof(EpollEvent))};
        auto const told = Epoll::of(instance)->collect(caller, pending);
        std::vector<std::pair<std::uint32_t, std::uint32_t>> found;
        for (std::uint32_t i = 0; i < told.count; ++i) {
            EpollEvent event{};
            std::memcpy(&event, caller.output.data() + i * sizeof event, sizeof event);
            found.emplace_back(event.data_low, event.events);
        }
        return found;
    }
    std::vector<std::pair<std::uint32_t, std::uint32_t>> collect() { return collect(set); }
    static Result<Transfer> give(OpenFile* to, std::uint64_t value) {
        FakeCaller caller{{reinterpret_cast<char const*>(&value), sizeof value}, 0};
        return to->write(caller);
    }
    /// Of a counter or timer; 0: nothing there.
    static std::uint64_t take(OpenFile* from) {
        FakeCaller caller{"", 8};
        std::uint64_t value = 0;
        if (from->read(caller)) { std::memcpy(&value, caller.output.data(), sizeof value); }
        return value;
    }
};
using Found = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
} // namespace

TEST_CASE("level, edge and one-shot") {
    Events w;
    OpenFile* const counter = w.counter();
    CHECK(w.add(counter, in, 1) == Error::None);
    CHECK(w.add(counter, in, 1) == Error::Exists);
    CHECK(w.collect().empty());
    CHECK(w.give(counter, 2));
    CHECK(w.set->poll(in) == in);
    CHECK(w.collect() == Found{{1, in}});
    CHECK(w.collect() == Found{{1, in}});
    CHECK(w.change(w.set, EventSet::modify, counter, in | flag::edge, 2) == Error::None);
    CHECK(w.collect() == Found{{2, in}});
    CHECK(w.collect().empty());
    CHECK(w.give(counter, 1));
    CHECK(w.collect() == Found{{2, in}});
    CHECK(w.change(w.set, EventSet::modify, counter, in | flag::one_shot, 3) == Error::None);
    CHECK(w.collect() == Found{{3, in}});
    CHECK(w.give(counter, 1));
    CHECK(w.collect().empty());
    CHECK(w.take(counter) == 4);
    CHECK(w.change(w.set, EventSet::remove, counter, 0) == Error::None);
    CHECK(w.change(w.set, EventSet::remove, counter, 0) == Error::NoEntry);
    CHECK(w.change(w.set, EventSet::modify, counter, in) == Error::NoEntry);
    CHECK(w.change(w.set, 9, counter, in) == Error::Invalid);
}

TEST_CASE("a page that is missing loses no event") {
    Events w;
    OpenFile *const one = w.counter(), *const two = w.counter();
    CHECK(w.add(one, in | flag::edge, 1) == Error::None);
    CHECK(w.add(two, in | flag::edge | flag::one_shot, 2) == Error::None);
    w.give(one, 1);
    w.give(two, 1);
    FakeCaller caller{"", 24};
    caller.missing_from = 12;
    auto const told = Epoll::of(w.set)->collect(caller, 0);
    CHECK(told.count == 1);
    CHECK(told.fault != 0);
    CHECK(w.collect() == Found{{2, in}});
    CHECK(w.collect().empty());
}

TEST_CASE("who is served in turn, and closed files leave") {
    Events w;
    OpenFile* const files[3] = {w.counter(), w.counter(), w.counter()};
    for (std::uint32_t i = 0; i < 3; ++i) {
        CHECK(w.add(files[i], in, i) == Error::None);
        w.give(files[i], 1);
    }
    CHECK(w.collect(w.set, 2) == Found{{0, in}, {1, in}});
    CHECK(w.collect(w.set, 2) == Found{{2, in}, {0, in}});
    w.close(files[0]);
    CHECK(w.collect() == Found{{1, in}, {2, in}});
    w.close(w.set); // before what it watches
    CHECK(w.give(files[1], 1));
}

TEST_CASE("what cannot be watched, and too much") {
    Events w;
    auto const regular = w.open(w.root, "/file", open_flag::create | open_flag::read_write);
    REQUIRE(regular);
    CHECK(w.add(*regular, in) == Error::NotPermitted);
    CHECK(w.add(w.set, in) == Error::Invalid);
    OpenFile* const counter = w.counter();
    CHECK(w.add(counter, in | flag::exclusive | flag::one_shot) == Error::Invalid);
    CHECK(w.add(counter, in | flag::exclusive) == Error::None);
    CHECK(w.change(w.set, EventSet::modify, counter, in) == Error::Invalid);
    Ref<QuotaDomain> const domain{new QuotaDomain};
    domain->watches.most = 1;
    w.root->domain = domain;
    OpenFile* const small = w.file(*w.files.new_epoll(*w.root));
    CHECK(w.change(small, EventSet::add, counter, in) == Error::None);
    CHECK(w.change(small, EventSet::add, w.counter(), in) == Error::NoSpace);
    w.close(small);
    CHECK(domain->watches.used == 0);
}

TEST_CASE("instances in instances") {
    Events w;
    OpenFile *const inner = w.file(*w.files.new_epoll(*w.root)), *const counter = w.counter();
    CHECK(w.add(inner, in, 7) == Error::None);
    CHECK(w.change(inner, EventSet::add, w.set, in) == Error::Loop);
    CHECK(w.add(inner, in | flag::exclusive) == Error::Invalid);
    CHECK(w.change(inner, EventSet::add, counter, in, 8) == Error::None);
    CHECK(w.set->arm(in, 1, 77).value() == 0);
    w.give(counter, 1);
    CHECK(w.port.signalled == std::vector<Slot>{77});
    CHECK(w.collect() == Found{{7, in}});
    CHECK(w.collect(inner) == Found{{8, in}});
    w.take(counter);
    CHECK(w.collect().empty());
    OpenFile* top = w.set;
    std::uint32_t depth = 1;
    for (; depth < 10; ++depth) {
        OpenFile* const above = w.file(*w.files.new_epoll(*w.root));
        if (w.change(above, EventSet::add, top, in) != Error::None) { break; }
        top = above;
    }
    CHECK(depth == 4);
}

TEST_CASE("sets at other servers") {
    Events w;
    OpenFile* const inner = w.file(*w.files.new_epoll(*w.root));
    CHECK(w.add(inner, in, 7) == Error::None);
    CHECK(Epoll::of(w.set)->part_count() == 0);
    CHECK(Epoll::of(inner)->add_part(900) == Error::None);
    CHECK(Epoll::of(w.set)->add_part(901) == Error::None);
    CHECK(Epoll::of(w.set)->part_count() == 2);
    CHECK(Epoll::of(w.set)->part(0).first == 901);
    auto const [slot, told] = Epoll::of(w.set)->part(1);
    CHECK(slot == 900);
    CHECK(told.nested == 1);
    CHECK(told.event.data_low == 7);
    CHECK(Epoll::of(w.set)->part(2).first == 0);
    w.close(inner);
    CHECK(w.port.dropped.contains(900));
    CHECK(Epoll::of(w.set)->part_count() == 1);
    for (Slot more = 902; more < 909; ++more) { CHECK(Epoll::of(w.set)->add_part(more) == Error::None); }
    CHECK(Epoll::of(w.set)->add_part(910) == Error::NoSpace);
}

TEST_CASE("a pipe's edges") {
    Events w;
    auto const ends = w.files.pipe(*w.root, open_flag::nonblock);
    OpenFile *const reader = w.file((*ends)[0]), *const writer = w.file((*ends)[1]);
    CHECK(w.add(reader, in | flag::edge, 1) == Error::None);
    CHECK(w.add(writer, out | flag::edge, 2) == Error::None);
    CHECK(w.collect() == Found{{2, out}});
    FakeCaller text{"abc", 0};
    CHECK(writer->write(text));
    CHECK(w.collect() == Found{{1, in}});
    FakeCaller room{"", 8};
    CHECK(reader->read(room));
    CHECK(w.collect().empty()); // it was not full
    FakeCaller much{std::string(Pipe::capacity, 'x'), 0};
    CHECK(writer->write(much));
    CHECK(w.collect() == Found{{1, in}});
    FakeCaller some{"", 8192};
    CHECK(reader->read(some));
    CHECK(w.collect() == Found{{2, out}});
    w.close(writer);
    CHECK(w.collect() == Found{{1, in | poll_event::hang_up}});
}

TEST_CASE("timers expire, repeat and are caught up with") {
    Events w;
    OpenFile* const open = w.timer();
    auto& timer = static_cast<TimerFile&>(*open->special);
    CHECK(w.add(open, in, 1) == Error::None);
    auto ring = [&] { // the clock forgets an alarm that went off
        w.port.alarm = 0;
        w.files.alarm();
    };
    timer.set(false, {100, 50});
    CHECK(w.port.alarm == 1050);
    w.port.boot = 1049;
    ring();
    CHECK(w.collect().empty());
    CHECK(w.port.alarm == 1050);
    w.port.boot = 1050;
    ring();
    CHECK(w.collect() == Found{{1, in}});
    CHECK(w.port.alarm == 0); // it stands still until it is read
    w.port.boot = 1370;
    CHECK(w.take(open) == 4); // 1050, 1150, 1250, 1350
    CHECK(w.port.alarm == 1450);
    CHECK(w.collect().empty());
    auto const old = timer.set(true, {0, 10});
    CHECK(old.value == 80);
    CHECK(old.interval == 100);
    ring(); // long past
    CHECK(w.take(open) == 1);
    CHECK(timer.get().value == 0);
    timer.set(false, {0, 1000});
    w.close(open);
    CHECK(w.port.alarm == 0);
}

TEST_CASE("a reader of a timer waits") {
    Events w;
    OpenFile* const open = w.timer();
    FakeCaller caller{"", 8};
    CHECK(open->read(caller).error() == Error::Again);
    open->set_flags(0);
    CHECK(open->read(caller).error() == Error::Deferred);
    static_cast<TimerFile&>(*open->special).set(false, {0, 50});
    w.port.boot += 60;
    w.files.alarm();
    REQUIRE(w.port.finished.contains(caller.token));
    CHECK(w.port.finished.at(caller.token)->count == 8);
    CHECK(caller.output[0] == 1);
}

TEST_CASE("counters: the largest count, waiting writers, interrupted readers") {
    Events w;
    OpenFile* const counter = w.counter();
    CHECK(w.give(counter, ~std::uint64_t{0}).error() == Error::Invalid);
    CHECK(w.give(counter, ~std::uint64_t{0} - 1));
    CHECK(w.give(counter, 1).error() == Error::Again);
    CHECK((counter->poll(in | out)) == in);
    counter->set_flags(0);
    std::uint64_t const one = 1;
    FakeCaller writer{{reinterpret_cast<char const*>(&one), 8}, 0};
    CHECK(counter->write(writer).error() == Error::Deferred);
    CHECK(w.take(counter) == ~std::uint64_t{0} - 1);
    CHECK(w.port.finished.contains(writer.token));
    CHECK(w.take(counter) == 1);
    FakeCaller gone{"", 8}, waits{"", 8};
    CHECK(counter->read(gone).error() == Error::Deferred);
    CHECK(counter->read(waits).error() == Error::Deferred);
    w.port.interrupted.insert(gone.token);
    CHECK(w.give(counter, 5));
    CHECK(w.port.finished.contains(waits.token));
    CHECK(waits.output[0] == 5);
}

TEST_CASE("signal descriptors have events for who has signals") {
    Events w;
    OpenFile* const signals = w.file(*w.files.new_signals(*w.root, 0x6, 0));
    CHECK(w.add(signals, in, 3) == Error::None);
    CHECK(w.collect().empty());
    CHECK(Epoll::of(w.set)->ipc::EventSet::signals() == 6);
    CHECK(w.collect(w.set, 8, 1).empty());
    CHECK(w.collect(w.set, 8, 2) == Found{{3, in}});
    FakeCaller caller{"", 128};
    CHECK(signals->read(caller).error() == Error::Elsewhere);
    CHECK(w.files.name_of(*signals) == "anon_inode:[signalfd]");
}

} // namespace test
