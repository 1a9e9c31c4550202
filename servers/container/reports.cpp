// The verbs that only look: lists, figures, what waits for what.
#include "ipc/wait_graph.hpp"
#include "manager.hpp"
#include "text.hpp"

namespace container {

void Manager::describe(Reply& reply, Container const& container) {
    auto const status = status_of(container);
    auto const disk = ipc::call<proto::VfsControl::QuotaUsage>(services_.vfs, container.quota_domain);
    reply.add("name", container.name).add("state", state_text(container.state)).add("folder", container.folder);
    reply.add_signed("console", container.console);
    std::string command;
    for (auto const& word : container.command) {
        command += command.empty() ? "" : "\t";
        for (char const c : word) { command += c == '\n' || c == '\t' ? ' ' : c; }
    }
    reply.add("command", command);
    reply.add_signed("pid", container.domain ? status.init : 0);
    reply.add("limit-processes", std::uint64_t{container.limits.processes})
        .add("limit-memory", container.limits.memory)
        .add("limit-disk", container.limits.disk);
    reply.add("on-limit", container.limits.kill ? "kill" : "refuse");
    reply.add("processes", std::uint64_t{container.domain ? status.processes : 0})
        .add("memory", container.domain ? status.memory : 0);
    reply.add("memory-peak", status.memory_peak)
        .add("disk", disk ? disk->used : 0)
        .add("cpu-nanoseconds", status.cpu_nanoseconds);
    describe_networks(reply, container);
    reply.add("created", container.created).add("started", container.started).add("finished", container.finished);
    if (container.ended) {
        reply.add_signed("exit-status", exit_status(container.last));
        reply.add("limit", container.limit_reached());
        reply.add("culprit", std::uint64_t{container.last.culprit})
            .add("culprit-wanted", container.last.culprit_wanted);
    }
}

Reply Manager::list() {
    auto reply = Reply::ok();
    for (auto const& container : containers_) {
        describe(reply, container);
        reply.add("end", "1");
    }
    return reply;
}

Reply Manager::inspect(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    describe(reply, *container);
    if (container->domain) {
        for (std::uint32_t index = 0;; ++index) {
            auto const unknown = ipc::call<proto::Domain::UnknownCalls>(container->domain.get(), index);
            if (!unknown) { break; }
            std::string entry = number_text((*unknown)[0]);
            entry += ' ';
            entry += number_text((*unknown)[1]);
            reply.add("unknown-call", entry);
        }
    }
    return reply;
}

Reply Manager::top(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    if (!container->domain) { return wrong_state(*container, "running"); }
    for (std::uint32_t index = 0;; ++index) {
        auto const process = ipc::call<proto::Domain::List>(container->domain.get(), index);
        if (!process) { break; }
        std::string entry = number_text(static_cast<std::uint64_t>(process->inner_pid));
        entry += ' ';
        entry += static_cast<char>(process->state);
        entry += ' ';
        entry += number_text(process->memory_kib);
        entry += ' ';
        entry += number_text(process->cpu_nanoseconds);
        entry += ' ';
        entry += process->name.view();
        reply.add("process", entry);
    }
    return reply;
}

Reply Manager::debug() {
    constexpr std::uint32_t events = 32;
    auto reply = Reply::ok();
    ipc::object::Debug const kernel{ipc::server_slot::debug};
    for (auto const& line : ipc::WaitGraph{kernel}.lines()) { reply.add("thread", line); }
    for (auto const& line : ipc::trace_lines(kernel, events)) { reply.add("event", line); }
    if (auto const invariant = kernel.check()) {
        reply.add("invariants", *invariant == 0 ? std::string{"hold"} : "broken: number " + number_text(*invariant));
    }
    return reply;
}

Reply Manager::info() {
    auto reply = Reply::ok();
    auto const memory = ipc::call<proto::Memory::Status>(services_.memory);
    auto const usage = ipc::call<proto::ProcessControl::Usage>(services_.proc);
    auto const files = ipc::call<proto::VfsControl::Usage>(services_.vfs);
    if (memory) { reply.add("memory-total", memory->total).add("memory-free", memory->free); }
    if (usage) {
        reply.add("processes", usage->processes)
            .add("threads", usage->threads)
            .add("domains", usage->domains)
            .add("frames", usage->frames);
        reply.add("namespaces", usage->namespaces).add("slots", usage->slots).add("chunks", usage->chunks);
    }
    if (files) {
        constexpr std::string_view names[] = {"disk-free", "disk-used", "inodes", "open-files", "sessions", "mounts"};
        for (std::size_t i = 0; i < std::size(names); ++i) { reply.add(names[i], (*files)[i]); }
    }
    reply.add("containers", std::uint64_t{containers_.size()});
    return reply;
}

} // namespace container
