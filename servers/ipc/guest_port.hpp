// What the ipc server needs of the world: the clock, and where the memory of segments comes from: anonymous files of vfs.
#pragma once
#include "ipc/needs.hpp"
#include "ipc_server.hpp"
#include "proto/clock.hpp"
#include "proto/vfs.hpp"

namespace sysv {

inline constexpr ipc::Word no_senders_bit = 0, clock_bit = 1;

struct AnonymousFile : Storage {
    explicit AnonymousFile(ipc::Cap<proto::File> capability) : file{capability} {}
    ipc::Owned<proto::File> file;
};

class GuestPort final : public Port {
public:
    explicit GuestPort(ipc::ServerInfo const& info)
        : clock_{ipc::need(info, "clock")}, files_{ipc::need(info, "vfs-control")} {
        auto const read = ipc::call<proto::Clock::Parameters>(clock_);
        parameters_ = read ? *read : proto::ClockParameters{0, 0, info.tsc_per_millisecond, 0};
        if (auto const alarm = ipc::mint_notification(clock_bit)) {
            static_cast<void>(ipc::call<proto::Clock::Register>(clock_, *alarm));
        }
    }
    std::uint64_t monotonic() override {
        std::uint64_t const ticks = __builtin_ia32_rdtsc() - parameters_.boot_time_stamp;
        std::uint32_t const rate = parameters_.ticks_per_millisecond;
        return ticks / rate * 1'000'000 + ticks % rate * 1'000'000 / rate;
    }
    std::int64_t wall_seconds() override {
        return static_cast<std::int64_t>((parameters_.boot_wall_nanoseconds + monotonic()) / 1'000'000'000);
    }
    void arm(std::uint64_t deadline) override { static_cast<void>(ipc::call<proto::Clock::Arm>(clock_, deadline)); }
    ipc::Result<std::shared_ptr<Storage>> make_storage(std::uint32_t bytes) override {
        if (!session_) {
            auto const session = ipc::call<proto::VfsControl::FirstSession>(files_);
            if (!session) { return ipc::fail(session.error()); }
            session_ = ipc::Owned<proto::VfsSession>{*session};
        }
        std::uint64_t const size = (std::uint64_t{bytes} + abi::page_size - 1) / abi::page_size * abi::page_size;
        auto const file = ipc::call<proto::VfsSession::AnonymousFile>(session_.get(), 0U, size);
        if (!file) { return ipc::fail(file.error()); }
        return std::make_shared<AnonymousFile>(*file);
    }
    ipc::Result<ipc::Cap<ipc::Frame>> page(Storage& storage, std::uint32_t index, bool) override {
        auto const page = ipc::call<proto::File::Page>(static_cast<AnonymousFile&>(storage).file.get(), index, 1U);
        if (!page) { return ipc::fail(page.error()); }
        return std::get<0>(*page);
    }

private:
    ipc::Cap<proto::Clock> clock_;
    ipc::Cap<proto::VfsControl> files_;
    ipc::Owned<proto::VfsSession> session_; ///< to make files with, opened when the first segment is made
    proto::ClockParameters parameters_{};
};

} // namespace sysv
