// The serial driver: one 16550 line (National Semiconductor PC16550D data sheet, register names as there).
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "ipc/server.hpp"
#include "ipc/wait_graph.hpp"
#include "proto/byte_stream.hpp"
#include "ring.hpp"

namespace serial_driver {
namespace {

using abi::Word;
using ipc::fail;
using ipc::Result;

constexpr Word interrupt_bit = 1;
constexpr std::size_t fifo_bytes = 16; // the transmitter takes that many when it is empty

class SerialDriver {
public:
    SerialDriver(Word base, ipc::object::IrqHandler interrupt, ipc::object::IoPorts ports)
        : base_{base}, interrupt_{interrupt}, ports_{ports} {
        constexpr Word divisor_latch = 0x80, eight_bits = 0x03, fifo_enable_and_clear = 0xC7,
                       modem_ready_with_interrupts = 0x0B;
        write(line_control, divisor_latch);
        write(data, 1); // 115200 baud
        write(interrupt_enable, 0);
        write(line_control, eight_bits);
        write(fifo_control, fifo_enable_and_clear);
        write(modem_control, modem_ready_with_interrupts);
        if (auto notification = ipc::mint_notification(interrupt_bit)) {
            static_cast<void>(interrupt_.set_notification(notification->slot));
        }
        set_interrupts();
        static_cast<void>(interrupt_.acknowledge());
    }

    Result<std::uint32_t> on(proto::ByteStream::Write, ipc::Sender& sender, ipc::ReadBuffer source) {
        std::uint32_t taken = 0;
        while (taken < source.length) {
            while (output_.room() == 0) {
                transmit(); // the line is slower than its writer: the writer waits here
            }
            auto const space = output_.space();
            auto const part = space.first(std::min<std::size_t>(space.size(), source.length - taken));
            auto const transfer = sender.copy_in(taken, std::as_writable_bytes(part));
            output_.commit(transfer.count);
            taken += static_cast<std::uint32_t>(transfer.count);
            if (transfer.count < part.size()) { break; }
        }
        transmit();
        return taken;
    }
    Result<std::uint32_t> on(proto::ByteStream::Read, ipc::Sender& sender, ipc::WriteBuffer target) {
        std::uint32_t given = 0;
        while (given < target.length && input_.used() != 0) {
            auto const front = input_.front();
            auto const part = front.first(std::min<std::size_t>(front.size(), target.length - given));
            auto const transfer = sender.copy_out(given, std::as_bytes(part));
            input_.drop(transfer.count);
            given += static_cast<std::uint32_t>(transfer.count);
            if (transfer.count < part.size()) { break; }
        }
        return given;
    }
    Result<ipc::Unit> on(proto::ByteStream::Subscribe, ipc::Sender&, ipc::Cap<ipc::Notification> notification) {
        subscriber_ = ipc::Owned<ipc::Notification>{notification};
        if (input_.used() != 0) { ipc::signal(subscriber_.get()); }
        return ipc::Unit{};
    }

    void on_notification(Word) {
        bool arrived = false;
        for (Word status = read(line_status); (status & data_ready) != 0; status = read(line_status)) {
            auto const byte = static_cast<char>(read(data));
            if ((status & break_received) != 0) { // it comes with a null byte that nobody typed
                print_wait_graph();
                continue;
            }
            arrived |= input_.put(byte); // a full ring loses the newest, as the line itself would
        }
        transmit();
        static_cast<void>(read(interrupt_identification));
        static_cast<void>(interrupt_.acknowledge());
        if (arrived && subscriber_) { ipc::signal(subscriber_.get()); }
    }

private:
    enum Register : Word {
        data = 0,
        interrupt_enable = 1,
        interrupt_identification = 2,
        fifo_control = 2,
        line_control = 3,
        modem_control = 4,
        line_status = 5
    };
    static constexpr Word data_ready = 0x01, break_received = 0x10, transmitter_empty = 0x20;

    /// The break key (QEMU: Ctrl-A B): this server waits for nobody, so it can tell why the others stand still. On the line the break
    /// came from, where somebody looks, and in the log, which stays.
    void print_wait_graph() {
        ipc::object::Debug const debug{ipc::server_slot::debug};
        tell("--- who waits on whom");
        for (auto const& line : ipc::WaitGraph{debug}.lines()) { tell(line); }
        tell("--- latest kernel events");
        for (auto const& line : ipc::trace_lines(debug, 20)) { tell(line); }
    }
    void tell(std::string_view text) {
        ipc::log("{}", text);
        for (std::string_view const part : {std::string_view{"\r\n"}, text}) {
            for (char const byte : part) {
                while (!output_.put(byte)) { transmit(); }
            }
        }
        transmit();
    }

    [[nodiscard]] Word read(Register which) const { return ports_.in(base_ + which).value_or(0); }
    void write(Register which, Word value) const { static_cast<void>(ports_.out(base_ + which, value)); }

    /// Receive always; transmitter-empty only while there is something to send.
    void set_interrupts() {
        constexpr Word on_receive = 1, on_empty = 2, on_line_status = 4; // a break is a line status
        Word const wanted = on_receive | on_line_status | (output_.used() != 0 ? on_empty : 0);
        if (wanted != enabled_) {
            enabled_ = wanted;
            write(interrupt_enable, wanted);
        }
    }
    void transmit() {
        while (output_.used() != 0 && (read(line_status) & transmitter_empty) != 0) {
            auto const front = output_.front();
            auto const part = front.first(std::min(front.size(), fifo_bytes));
            static_cast<void>(ports_.out_bytes(base_ + data, part));
            output_.drop(part.size());
        }
        set_interrupts();
    }

    Word base_;
    ipc::object::IrqHandler interrupt_;
    ipc::object::IoPorts ports_;
    Ring<65536> output_;
    Ring<4096> input_;
    Word enabled_ = 0;
    ipc::Owned<ipc::Notification> subscriber_;
};

/// The capability among the needs whose name begins so: the manifest chooses line and ports.
ipc::ServerNeed const* need_with_prefix(ipc::ServerInfo const& info, std::string_view prefix) {
    for (Word i = 0; i < info.need_count; ++i) {
        if (std::string_view{info.needs[i].name}.starts_with(prefix)) { return &info.needs[i]; }
    }
    return nullptr;
}

} // namespace
} // namespace serial_driver

int server_main(ipc::ServerInfo const& info) {
    auto const* interrupt = serial_driver::need_with_prefix(info, "irq:");
    auto const* ports = serial_driver::need_with_prefix(info, "ports:");
    if (interrupt == nullptr || ports == nullptr) { return 1; }
    static serial_driver::SerialDriver driver{ports->argument, ipc::object::IrqHandler{interrupt->slot},
                                              ipc::object::IoPorts{ports->slot}};
    ipc::serve<proto::ByteStream>(driver);
}
