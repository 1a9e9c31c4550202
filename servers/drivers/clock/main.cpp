// The clock driver: owns the interval timer (8253/8254 PIT, channel 0, interrupt 0) and the real-time clock (MC146818).
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "ipc/server.hpp"
#include "proto/clock.hpp"
#include "timers.hpp"

namespace clock_driver {
namespace {

using abi::Word;
using ipc::fail;
using ipc::Result;

constexpr Word interrupt_bit = 1;
constexpr Word pit_channel0 = 0x40, pit_command = 0x43, rtc_index = 0x70, rtc_data = 0x71;
constexpr Word pit_one_shot = 0x30; // channel 0, low then high byte, mode 0: one interrupt when the count is done

std::uint64_t time_stamp() {
    std::uint64_t stamp;
    asm volatile("rdtsc" : "=A"(stamp));
    return stamp;
}

class ClockDriver {
public:
    ClockDriver(ipc::ServerInfo const& info, ipc::object::IrqHandler interrupt, ipc::object::IoPorts pit,
                ipc::object::IoPorts rtc)
        : boot_stamp_{time_stamp()}, base_{boot_stamp_, info.tsc_per_millisecond}, ticks_{info.tsc_per_millisecond},
          interrupt_{interrupt}, pit_{pit} {
        wall_ = read_wall_clock(rtc);
        static_cast<void>(pit_.out(pit_command, pit_one_shot));
        if (auto notification = ipc::mint_notification(interrupt_bit)) {
            static_cast<void>(interrupt_.set_notification(notification->slot));
        }
        static_cast<void>(interrupt_.acknowledge());
    }

    Result<ipc::Unit> on(proto::Clock::Register, ipc::Sender& sender, ipc::Cap<ipc::Notification> notification) {
        if (sender.badge == 0 || sender.badge >= Timers::clients) {
            ipc::release_slot(notification.slot);
            return fail(ipc::Error::NotPermitted);
        }
        clients_[sender.badge] = ipc::Owned<ipc::Notification>{notification};
        return ipc::Unit{};
    }
    Result<ipc::Unit> on(proto::Clock::Arm, ipc::Sender& sender, std::uint64_t deadline) {
        if (sender.badge == 0 || sender.badge >= Timers::clients) { return fail(ipc::Error::NotPermitted); }
        timers_.arm(sender.badge, deadline);
        run();
        return ipc::Unit{};
    }
    Result<proto::ClockParameters> on(proto::Clock::Parameters, ipc::Sender&) {
        return proto::ClockParameters{wall_, boot_stamp_, ticks_, 0};
    }

    void on_notification(Word) {
        static_cast<void>(interrupt_.acknowledge());
        run();
    }

private:
    /// Fires what is due and sets the interval timer for what comes next.
    void run() {
        auto const now = base_.nanoseconds(time_stamp());
        while (auto const client = timers_.take_due(now)) {
            if (clients_[client]) { ipc::signal(clients_[client].get()); }
        }
        if (auto const counts = timers_.counts_until_next(now); counts != 0) {
            char const bytes[] = {static_cast<char>(counts & 0xff), static_cast<char>(counts >> 8)};
            static_cast<void>(pit_.out_bytes(pit_channel0, bytes));
        }
    }

    static Word rtc_register(ipc::object::IoPorts rtc, Word index) {
        static_cast<void>(rtc.out(rtc_index, index));
        return rtc.in(rtc_data).value_or(0);
    }
    /// Nanoseconds since the epoch. The clock is taken to run in UTC, as QEMU's does; a read during its update is done again.
    static std::uint64_t read_wall_clock(ipc::object::IoPorts rtc) {
        constexpr Word seconds = 0, minutes = 2, hours = 4, day = 7, month = 8, year = 9, status_a = 10, status_b = 11;
        constexpr Word updating = 0x80, binary = 0x04;
        bool const is_binary = (rtc_register(rtc, status_b) & binary) != 0;
        auto read = [&](Word index) {
            Word const value = rtc_register(rtc, index);
            return is_binary ? value : (value >> 4) * 10 + (value & 15);
        };
        Word values[6], again[6];
        constexpr Word registers[6] = {seconds, minutes, hours, day, month, year};
        for (int attempt = 0; attempt < 1000; ++attempt) {
            if ((rtc_register(rtc, status_a) & updating) != 0) { continue; }
            for (int i = 0; i < 6; ++i) { values[i] = read(registers[i]); }
            for (int i = 0; i < 6; ++i) { again[i] = read(registers[i]); }
            if (std::equal(values, values + 6, again)) { break; }
        }
        auto const days = days_from_civil(2000 + values[5], values[4], values[3]);
        auto const total = ((days * 24 + values[2]) * 60 + values[1]) * 60 + values[0];
        return static_cast<std::uint64_t>(total) * 1000000000;
    }

    std::uint64_t boot_stamp_;
    Timebase base_;
    Word ticks_;
    std::uint64_t wall_ = 0;
    ipc::object::IrqHandler interrupt_;
    ipc::object::IoPorts pit_;
    Timers timers_;
    ipc::Owned<ipc::Notification> clients_[Timers::clients];
};

} // namespace
} // namespace clock_driver

int server_main(ipc::ServerInfo const& info) {
    static clock_driver::ClockDriver driver{info, ipc::object::IrqHandler{ipc::need(info, "irq:0")},
                                            ipc::object::IoPorts{ipc::need(info, "ports:0x40-0x43")},
                                            ipc::object::IoPorts{ipc::need(info, "ports:0x70-0x71")}};
    ipc::serve<proto::Clock>(driver);
}
