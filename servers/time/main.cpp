// The time server. Wiring only.
#include "ipc/needs.hpp"
#include "proto/clock.hpp"
#include "time_server.hpp"

int server_main(ipc::ServerInfo const& info) {
    ipc::Cap<proto::Clock> const driver{ipc::need(info, "clock")};
    auto const read = ipc::call<proto::Clock::Parameters>(driver);
    static proto::ClockParameters parameters = read ? *read : proto::ClockParameters{0, 0, info.tsc_per_millisecond, 0};
    static time_namespace::TimeServer server{[] {
        std::uint64_t const ticks = __builtin_ia32_rdtsc() - parameters.boot_time_stamp;
        return ticks / parameters.ticks_per_millisecond * 1'000'000;
    }};
    server.set_generation(info.generation);
    server.set_limit(ipc::option(info, "namespaces", server.default_limit));
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File, proto::Time>(server);
}
