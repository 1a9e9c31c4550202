// The verbs that start a container, run something in it, wait for it, hold it up and end it. As in verbs.cpp: checks come first.
#include "error_text.hpp"
#include "manager.hpp"
#include "text.hpp"

namespace container {

using ipc::Error;

namespace {

Reply launch_error(LaunchFailure const& failure, std::string_view program) {
    std::string text;
    if (failure.step == "program") {
        text = program;
        text += ": ";
        text += error_text(failure.error);
    } else {
        text = failure.step;
        text += ": ";
        text += error_text(failure.error);
        text += " (error ";
        text += number_text(static_cast<std::uint64_t>(failure.error));
        text += ')';
    }
    std::string_view const code = failure.status == 127   ? "not-found"
                                  : failure.status == 126 ? "not-executable"
                                                          : "start-failed";
    auto reply = Reply::error(code, text);
    reply.add("status", std::uint64_t{failure.status});
    return reply;
}

/// Words of `source` as strings of their own.
std::vector<std::string> own(std::vector<std::string_view> const& source) { return {source.begin(), source.end()}; }

} // namespace

Reply Manager::start(Request const& request, Connection& connection) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->removing || (container->state != State::Created && container->state != State::Stopped)) {
        return wrong_state(*container, "created or stopped");
    }
    if (request.command.empty()) { return Reply::error("no-program", "no program given"); }
    Limits limits = container->limits;
    if (auto refused = read_limits(request, "start", limits)) { return *refused; }
    if (limits.disk != container->limits.disk || limits.kill != container->limits.kill) {
        static_cast<void>(ipc::call<proto::VfsControl::SetQuotaPolicy>(services_.vfs, container->quota_domain,
                                                                       limits.disk, limits.kill ? 1U : 0U));
    }
    container->limits = limits;
    Launch launch{own(request.command), own(request.environment), {}, -1};
    std::array<ipc::Owned<proto::File>, 3> descriptors;
    auto const console = request.number("console");
    if (console) {
        for (auto& descriptor : descriptors) {
            auto const opened =
                ipc::call<proto::TerminalControl::OpenConsole>(services_.tty, static_cast<std::uint32_t>(*console));
            if (!opened || *console > 7) { return Reply::error("no-console", "there are consoles vc0 to vc7"); }
            descriptor = ipc::Owned<proto::File>{*opened};
        }
        launch.terminal = 0;
    } else {
        descriptors = std::move(connection.descriptors);
    }
    for (std::size_t i = 0; i < descriptors.size(); ++i) { launch.descriptors[i] = descriptors[i].slot(); }
    if (auto refused = reserve_networks(*container)) { return *refused; }
    ipc::Cap<proto::Namespace> shared{};
    if (container->network_mode.starts_with(Container::shared_network)) {
        shared = own_network(*find(std::string_view{container->network_mode}.substr(Container::shared_network.size())));
    }
    if (auto const failed = launcher_.start(*container, launch, shared, *this); failed.error != Error::None) {
        release_networks(*container);
        return launch_error(failed, launch.command.front());
    }
    refresh_hosts(*container);
    container->state = State::Running;
    container->ended = false;
    container->console = console ? static_cast<std::int32_t>(*console) : -1;
    container->command = launch.command;
    container->started = wall_clock();
    container->finished = 0;
    reply.add_signed("pid", status_of(*container).init);
    if (request.field("wait") == "1") {
        connection.waiting = true;
        connection.container = container->name;
        connection.process = 0;
    }
    return reply;
}

Reply Manager::execute(Request const& request, Connection& connection) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->state != State::Running) { return wrong_state(*container, "running"); }
    if (request.command.empty()) { return Reply::error("no-program", "no program given"); }
    Launch launch{own(request.command), own(request.environment), {}, -1};
    for (std::size_t i = 0; i < launch.descriptors.size(); ++i) {
        launch.descriptors[i] = connection.descriptors[i].slot();
    }
    std::int32_t pid = 0;
    auto const failed = launcher_.execute(*container, launch, pid);
    connection.descriptors = {};
    if (failed.error != Error::None) { return launch_error(failed, launch.command.front()); }
    connection.waiting = true;
    connection.container = container->name;
    connection.process = pid;
    return reply.add_signed("pid", pid);
}

Reply Manager::wait(Request const& request, Connection& connection) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->domain) {
        connection.waiting = true;
        connection.container = container->name;
        connection.process = 0;
        return reply;
    }
    reply.add_signed("status", container->ended ? exit_status(container->last) : 0);
    describe(reply, *container);
    return reply;
}

Reply Manager::pause(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->state != State::Running) { return wrong_state(*container, "running"); }
    if (auto paused = ipc::call<proto::Domain::Pause>(container->domain.get()); !paused) {
        return Reply::error("refused", error_text(paused.error()));
    }
    container->state = State::Paused;
    return reply;
}

Reply Manager::resume(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (container->state != State::Paused) { return wrong_state(*container, "paused"); }
    if (auto resumed = ipc::call<proto::Domain::Resume>(container->domain.get()); !resumed) {
        return Reply::error("refused", error_text(resumed.error()));
    }
    container->state = State::Running;
    return reply;
}

Reply Manager::stop(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (!container->domain) { return wrong_state(*container, "running"); }
    if (auto stopped =
            ipc::call<proto::Domain::Stop>(container->domain.get(), proto::DomainEnd::Stopped, 0U, std::uint64_t{0});
        !stopped) {
        return Reply::error("refused", error_text(stopped.error()));
    }
    check_all();
    return reply;
}

Reply Manager::signal(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (!container->domain) { return wrong_state(*container, "running"); }
    auto const number = request.number("signal");
    if (!number || *number == 0 || *number > 64) { return Reply::error("bad-signal", "signals are 1 to 64"); }
    if (auto sent = ipc::call<proto::Domain::Signal>(container->domain.get(), static_cast<std::uint32_t>(*number));
        !sent) {
        return Reply::error("refused", error_text(sent.error()));
    }
    check_all();
    return reply;
}

} // namespace container
