// The netns server. Wiring only.
#include "guest_stacks.hpp"
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "netns_server.hpp"
#include "proto/clock.hpp"

namespace {

/// NetnsServer with the machine under it: faults of stacks, their timers, their bells.
class GuestServer {
public:
    GuestServer(ipc::ServerInfo const& info, netns::ProgramImage const& program)
        : stacks_{info, program}, server_{stacks_}, clock_{ipc::need(info, "clock")}, ticks_{info.tsc_per_millisecond} {
        auto const parameters = ipc::call<proto::Clock::Parameters>(clock_);
        boot_ = parameters ? nanoseconds(parameters->boot_time_stamp) : 0;
        if (auto const bell = ipc::mint_notification(netns::clock_bit)) {
            static_cast<void>(ipc::call<proto::Clock::Register>(clock_, *bell));
        }
    }

    template <class Operation, class... Arguments>
    auto on(Operation operation, ipc::Sender& sender, Arguments&... arguments)
        -> ipc::Result<typename Operation::Reply> {
        return server_.on(operation, sender, arguments...);
    }
    void on_no_senders(abi::Word badge) { server_.on_no_senders(badge); }
    void on_notification(abi::Word) {
        auto const next = server_.run_timers(now());
        if (next != 0) { static_cast<void>(ipc::call<proto::Clock::Arm>(clock_, next - boot_)); }
    }
    ipc::Result<ipc::FaultAnswer> on_fault(abi::Fault fault, ipc::Sender& sender, ipc::FaultWords const& words) {
        auto const number = sender.badge - netns::fault_badge_base;
        if (sender.badge <= netns::fault_badge_base || number >= stacks_.limit()) {
            return ipc::fail(ipc::Error::NotPermitted);
        }
        if (fault == abi::Fault::Page && stacks_.resolve_fault(number, words[0], words[1])) {
            return ipc::FaultAnswer{};
        }
        ipc::log("netns: a network stack died: fault {} at {x}, eip {x}; it is started anew",
                 static_cast<abi::Word>(fault), words[0], words[2]);
        auto const pending = sender.defer(); // nobody to answer: its thread is about to go
        auto const begin = now();
        server_.stack_died(number, begin);
        ipc::log("netns: that took {} microseconds", (now() - begin) / 1000);
        ipc::discard(pending);
        return ipc::fail(ipc::Error::Deferred);
    }

private:
    static std::uint64_t time_stamp() {
        std::uint64_t stamp;
        asm volatile("rdtsc" : "=A"(stamp));
        return stamp;
    }
    [[nodiscard]] std::uint64_t nanoseconds(std::uint64_t stamp) const {
        return stamp / ticks_ * 1000000 + stamp % ticks_ * 1000000 / ticks_;
    }
    [[nodiscard]] std::uint64_t now() const { return nanoseconds(time_stamp()); }

    netns::GuestStacks stacks_;
    netns::NetnsServer server_;
    ipc::Cap<proto::Clock> clock_;
    abi::Word const ticks_;
    std::uint64_t boot_ = 0;
};

} // namespace

int server_main(ipc::ServerInfo const& info) {
    auto const file = netns::find_in_archive(
        {reinterpret_cast<std::byte const*>(ipc::server_address::boot_image), info.boot_image_bytes},
        "servers/netstack");
    auto const program = file ? netns::read_program(*file, proto::stack::heap_address) : std::nullopt;
    if (!program) {
        ipc::log(
            "netns: no servers/netstack in the boot image, or it is no program of that kind: there will be no sockets");
    }
    static_cast<void>(ipc::bind_no_senders(0));
    static GuestServer server{info, program.value_or(netns::ProgramImage{})};
    ipc::serve<proto::Namespace, proto::File, proto::Network, proto::Socket, proto::EventSet>(server);
}
