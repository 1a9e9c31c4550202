// The container manager. Wiring, and the first program of the machine.
#include "files.hpp"
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "manager.hpp"

namespace {

using container::Launch;
constexpr abi::Word event_bit = 1;

/// The words of /.boot/job, each ended by NUL.
std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        auto const end = text.find('\0');
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return words;
}

void give_up(container::Services const& services, std::string_view why) {
    ipc::log("container: {}", why);
    static_cast<void>(ipc::call<proto::Supervisor::PowerOff>(services.supervisor, 125U));
}

} // namespace

int server_main(ipc::ServerInfo const& info) {
    static container::Services services{ipc::Cap<proto::VfsControl>{ipc::need(info, "vfs-control")},
                                        ipc::Cap<proto::ProcessControl>{ipc::need(info, "proc-control")},
                                        ipc::Cap<proto::TerminalControl>{ipc::need(info, "tty-control")},
                                        {},
                                        ipc::Cap<proto::Memory>{ipc::need(info, "memory")},
                                        ipc::Cap<proto::Supervisor>{ipc::need(info, "supervisor")},
                                        {}};
    if (auto const clock = ipc::call<proto::Clock::Parameters>(ipc::Cap<proto::Clock>{ipc::need(info, "clock")})) {
        services.clock = *clock;
    }
    ipc::for_each_namespace(info, [](std::string_view name, abi::CapabilityPointer slot) {
        ipc::Cap<proto::Namespace> const first{slot};
        if (auto const identity = ipc::call<proto::Namespace::Identify>(first))
            services.kinds.push_back({ipc::Text<32>{name}, identity->kind, first});
    });
    static container::Manager manager{services};
    static_cast<void>(ipc::bind_no_senders(0));
    if (auto notification = ipc::mint_notification(event_bit)) {
        static_cast<void>(ipc::call<proto::ProcessControl::Notify>(services.proc, *notification));
        static_cast<void>(ipc::call<proto::VfsControl::NotifyQuota>(services.vfs, *notification));
    }
    if (auto device = ipc::mint_session<proto::Directory>(container::device_badge)) {
        static_cast<void>(ipc::call<proto::VfsControl::RegisterDevice>(services.vfs, container::device_major,
                                                                       container::device_minor, 1U, *device));
    }
    bool const job = std::string_view{info.command_line}.find("mode=job") != std::string_view::npos;
    Launch launch;
    launch.environment = {
        "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh",
        job ? "TERM=dumb" : "TERM=vt100"};
    launch.command = {"/bin/init"};
    std::array<ipc::Owned<proto::File>, 3> descriptors;
    auto const session = ipc::call<proto::VfsControl::FirstSession>(services.vfs);
    if (!session) {
        give_up(services, "no file system");
        return 1;
    }
    ipc::Owned<proto::VfsSession> const session_owned{*session};
    if (job) {
        constexpr std::uint32_t output = 64, error = 65;
        for (auto& word : split(container::read_file(*session, "/.boot/job"))) {
            launch.command.push_back(std::move(word));
        }
        auto const null = ipc::call<proto::Directory::Open>(session->as<proto::Directory>(), proto::Directory::At{},
                                                            proto::Directory::Caller{}, 2U, 0U, ipc::Path{"/dev/null"});
        if (null) { descriptors[0] = ipc::Owned<proto::File>{std::get<0>(*null)}; }
        for (auto const& [index, minor] : {std::pair{1U, output}, std::pair{2U, error}}) {
            if (auto opened = ipc::call<proto::TerminalControl::OpenConsole>(services.tty, minor)) {
                descriptors[index] = ipc::Owned<proto::File>{*opened};
            }
        }
    } else {
        for (auto& descriptor : descriptors) {
            if (auto opened = ipc::call<proto::TerminalControl::OpenConsole>(services.tty, 0U)) {
                descriptor = ipc::Owned<proto::File>{*opened};
            }
        }
        launch.terminal = 0;
    }
    for (std::size_t i = 0; i < descriptors.size(); ++i) { launch.descriptors[i] = descriptors[i].slot(); }
    if (auto const failed = manager.start_root(launch, true); failed.error != ipc::Error::None) {
        ipc::log("container: the first program {} did not start: {} error {}", launch.command.front(), failed.step,
                 failed.error);
        give_up(services, "nothing to run");
    }
    for (auto& descriptor : descriptors) { descriptor.reset(); }
    ipc::serve<proto::File, proto::Directory>(manager);
}
