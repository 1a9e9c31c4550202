// The tty server over the loopback: who may open what, and pseudo terminals.
#include "../../../servers/tty/tty_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>

namespace {

using ipc::Error;
using proto::Directory;
using proto::File;
using proto::TerminalControl;

struct FakeLine final : tty::Line {
    std::string shown;
    ipc::Cap<Directory> access[3];
    std::vector<proto::PseudoTerminal> ended;
    std::uint32_t next = 0;
    bool refuse = false;
    void write(std::string_view text) override { shown += text; }
    void write_error(std::string_view text) override { shown += text; }
    bool identify(std::uint32_t, proto::FileStatus&) override { return false; }
    ipc::Result<proto::PseudoTerminal> new_terminal(ipc::CapabilityPointer) override {
        return proto::PseudoTerminal{9, next++};
    }
    ipc::Result<ipc::Unit> set_terminal(proto::PseudoTerminal const&, ipc::Cap<Directory> const (&given)[3]) override {
        if (refuse) { return ipc::fail(Error::NoEntry); }
        std::copy(std::begin(given), std::end(given), access);
        return ipc::Unit{};
    }
    void end_terminal(proto::PseudoTerminal const& id) override { ended.push_back(id); }
    ipc::Result<proto::FileStatus> terminal_status(proto::PseudoTerminal const&) override {
        return ipc::fail(Error::NoEntry);
    }
};

struct Fixture {
    ipc::host::World world;
    FakeLine line;
    tty::TtyServer server{line, false, {24, 80, 0, 0}};
    std::size_t number = world.serve<File, Directory, TerminalControl, proto::EventSet>(server);
    ipc::Cap<TerminalControl> control = world.client<TerminalControl>(number, tty::control_badge);
    ipc::Cap<Directory> device = world.client<Directory>(number, tty::device_badge);
    Fixture() {
        world.as(number, [] { REQUIRE(ipc::bind_no_senders(0)); });
    }
    ipc::Result<ipc::Cap<File>> master(std::uint32_t flags = 2) {
        ipc::Cap<File> const multiplexer{world.add(std::make_shared<ipc::host::HostNotification>())};
        return ipc::call<TerminalControl::NewPseudoTerminal>(control, ipc::OptionalCap<File>{multiplexer}, flags);
    }
    static ipc::Result<ipc::Cap<File>> open(ipc::Cap<Directory> at, std::string_view path, std::uint32_t flags = 2) {
        auto const opened =
            ipc::call<Directory::Open>(at, Directory::At{}, Directory::Caller{}, flags, 0U, ipc::Path{path});
        if (!opened) { return ipc::fail(opened.error()); }
        return std::get<0>(*opened);
    }
    static void unlock(ipc::Cap<File> master) {
        std::uint32_t const no = 0;
        REQUIRE(ipc::call<File::Ioctl>(master, 0x40045431U, 0U, ipc::ReadBuffer{&no, sizeof no}, ipc::WriteBuffer{}));
    }
    static ipc::Result<proto::Transfer> write(ipc::Cap<File> to, std::string_view text) {
        return ipc::call<File::Write>(to, 0U, ipc::ReadBuffer{text.data(), text.size()});
    }
    static std::string read(ipc::Cap<File> from) {
        char buffer[100];
        auto const done = ipc::call<File::Read>(from, 0U, ipc::WriteBuffer{buffer, sizeof buffer});
        return done ? std::string{buffer, done->count} : "error " + std::to_string(static_cast<unsigned>(done.error()));
    }
    static std::uint32_t events(ipc::Cap<File> of) { return ipc::call<File::Poll>(of, 5U).value_or(0); }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "an open terminal opens no other one") {
    auto const console = open(device, "3");
    REQUIRE(console);
    CHECK(open(console->as<Directory>(), "0").error() == Error::NotDirectory);
    CHECK(open(device, "8").error() == Error::NoDevice);
    CHECK(open(device, "3x").error() == Error::NoEntry);
    CHECK_FALSE(ipc::call<TerminalControl::OpenConsole>(console->as<TerminalControl>(), 0U));
    CHECK_FALSE(ipc::call<TerminalControl::NewPseudoTerminal>(console->as<TerminalControl>(),
                                                              ipc::OptionalCap<File>{*console}, 2U));
    auto const reader = open(device, "3", 0);
    REQUIRE(reader);
    CHECK(ipc::call<File::Reopen>(*reader, 2U).error() == Error::Access); // it was not open for that
    CHECK(ipc::call<File::Reopen>(*reader, 0U));
    CHECK(open(control.as<Directory>(), "0").error() == Error::NotDirectory);
}

TEST_CASE_FIXTURE(Fixture, "a pseudo terminal: locked at first, opened as vfs lets, gone with its master") {
    auto const made = master();
    REQUIRE(made);
    CHECK(open(line.access[2], "").error() == Error::InputOutput);
    unlock(*made);
    CHECK(open(line.access[0], "", 2).error() == Error::Access);
    CHECK(open(line.access[1], "", 0).error() == Error::Access);
    auto slave = open(line.access[2], "");
    REQUIRE(slave);
    CHECK(write(*slave, "out\n")->count == 4);
    CHECK(read(*made) == "out\r\n");
    CHECK(write(*made, "in\n")->count == 3);
    CHECK(read(*slave) == "in\n");
    CHECK(read(*made) == "in\r\n"); // the echo
    // The master is nobody's controlling terminal.
    CHECK(ipc::call<TerminalControl::SessionOf>(control, ipc::OptionalCap<File>{*made}) == 0U);
    CHECK_FALSE(ipc::call<TerminalControl::SetSession>(control, ipc::OptionalCap<File>{*made}, 5U));
    REQUIRE(ipc::call<TerminalControl::SetSession>(control, ipc::OptionalCap<File>{*slave}, 5U));
    REQUIRE(ipc::call<TerminalControl::SetForeground>(control, ipc::OptionalCap<File>{*slave}, 6U));
    CHECK(write(*made, "\x03")->count == 1);
    auto signal = ipc::call<TerminalControl::TakeSignal>(control);
    REQUIRE(signal);
    CHECK(signal->group == 6);
    CHECK(signal->signal == 2);
    CHECK(signal->leader_only == 0);
    CHECK(events(*slave) == 4);
    ipc::release_slot(made->slot);
    world.pump();
    CHECK(line.ended == std::vector{proto::PseudoTerminal{9, 0}});
    signal = ipc::call<TerminalControl::TakeSignal>(control);
    REQUIRE(signal);
    CHECK(signal->group == 5);
    CHECK(signal->signal == 1);
    CHECK(signal->leader_only == 1);
    CHECK(read(*slave).empty());
    CHECK(write(*slave, "x").error() == Error::InputOutput);
    CHECK(events(*slave) == 29);
    CHECK(open(line.access[2], "").error() == Error::InputOutput);
}

TEST_CASE_FIXTURE(Fixture, "who writes more than fits waits, and a signal may end that") {
    auto const made = master();
    unlock(*made);
    auto const slave = open(line.access[2], "");
    REQUIRE(slave);
    std::string const much(10000, 'x');
    CHECK(write(*slave, much).error() == Error::Deferred);
    auto const first = world.deferred();
    CHECK_FALSE(first.answered());
    CHECK(write(*slave, "second").error() == Error::Deferred);
    world.abandon_deferred();
    std::string got;
    for (int i = 0; i < 100; ++i) { got += read(*made); }
    CHECK(first.answered());
    CHECK(first.result<File::Write>()->count == 10000);
    CHECK(got == much);
    CHECK(read(*made) == "error " + std::to_string(static_cast<unsigned>(Error::Deferred)));
    auto const reader = world.deferred();
    ipc::release_slot(slave->slot); // nobody has it open any more
    world.pump();
    CHECK(reader.answered());
    CHECK(reader.result<File::Read>().error() == Error::InputOutput);
    // Keys wait, too, where no line ends.
    auto const again = open(line.access[2], "");
    tty::Termios raw{};
    raw.local = 0;
    REQUIRE(ipc::call<File::Ioctl>(*again, 0x5402U, 0U, ipc::ReadBuffer{&raw, sizeof raw}, ipc::WriteBuffer{}));
    CHECK(write(*made, much).error() == Error::Deferred);
    auto const keys = world.deferred();
    got.clear();
    for (int i = 0; i < 100; ++i) { got += read(*again); }
    CHECK(keys.answered());
    CHECK(got == much);
}

TEST_CASE_FIXTURE(Fixture, "what fails leaves nothing") {
    line.refuse = true;
    CHECK(master().error() == Error::NoEntry);
    world.pump();
    CHECK(line.ended.size() == 1);
    line.refuse = false;
    std::vector<ipc::Cap<File>> all;
    for (;;) {
        auto const made = master();
        if (!made) {
            CHECK(made.error() == Error::NoSpace);
            break;
        }
        all.push_back(*made);
    }
    CHECK(all.size() == tty::pseudo_maximum);
    ipc::release_slot(all.back().slot);
    world.pump();
    CHECK(master());
}
