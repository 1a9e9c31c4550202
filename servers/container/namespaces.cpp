// The verbs about namespaces: which there are, which kinds a container gets, what it can reach.
#include "manager.hpp"
#include "text.hpp"

namespace container {

namespace {
/// The server that owns a kind, as far as the name does not say it.
std::string_view owner_of(std::string_view kind) {
    if (kind == "mnt") { return "vfs"; }
    if (kind == "net") { return "netns"; }
    return kind == "pid" || kind == "user" ? "proc" : kind;
}
} // namespace

std::optional<Reply> Manager::read_namespaces(Request const& request, std::vector<std::string>& wanted) {
    auto list = request.field("namespace");
    while (!list.empty()) {
        auto const name = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), name.size() + 1));
        bool known = false;
        std::string there;
        for (auto const& kind : services_.kinds) {
            known = known || kind.name.view() == name;
            there += ' ';
            there += kind.name.view();
        }
        if (!known) {
            std::string text{name};
            text += ": no such kind of namespace; there are:";
            text += there;
            return Reply::error("no-such-kind", text);
        }
        wanted.emplace_back(name);
    }
    return {};
}

Reply Manager::namespaces() {
    auto reply = Reply::ok();
    auto const add = [&](std::string_view kind, proto::NamespaceIdentity const& one, std::uint32_t members) {
        std::string line{kind};
        for (auto const number : {one.inode, one.parent, one.user, members, one.pins}) {
            line += ' ';
            line += number_text(number);
        }
        line += ' ';
        line += owner_of(kind);
        reply.add("namespace", line);
    };
    for (std::uint32_t after = 0;;) {
        auto const one = ipc::call<proto::ProcessControl::ListNamespaces>(services_.proc, after);
        if (!one) { break; }
        add(proto::namespace_name(one->kind), *one, one->members);
        after = one->inode;
    }
    auto const list = [&](std::string_view name, ipc::Cap<proto::Namespace> owner, bool sessions) {
        for (std::uint32_t after = 0;;) {
            auto const one = ipc::call<proto::Namespace::List>(owner, after);
            if (!one) { break; }
            // Of a mount namespace every process has a session; of others proc knows.
            auto const members =
                sessions ? ipc::Result<std::uint32_t>{one->members}
                         : ipc::call<proto::ProcessControl::NamespaceMembers>(services_.proc, one->kind, one->inode);
            add(name, *one, members.value_or(0));
            after = one->inode;
        }
    };
    list("mnt", services_.vfs.as<proto::Namespace>(), true);
    for (auto const& kind : services_.kinds) { list(kind.name.view(), kind.first, false); }
    return reply;
}

Reply Manager::capabilities(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    auto const line = [&](unsigned depth, std::string text) {
        reply.add("capability", std::string(depth, '>') + std::move(text));
    };
    auto const inode = [](ipc::Result<proto::NamespaceIdentity> const& identity) {
        return identity ? number_text(identity->inode) : std::string{"?"};
    };
    line(0, "folder " + container->folder + ", disk domain " + number_text(container->quota_domain));
    if (!container->domain) {
        line(0, "nothing runs: it holds no other capability");
        return reply;
    }
    auto const status = status_of(*container);
    line(0, "domain: " + number_text(status.processes) + " processes, PID 1 is " +
                number_text(static_cast<std::uint64_t>(status.init)) + " outside");
    for (std::uint32_t index = 0;; ++index) {
        auto const process = ipc::call<proto::Domain::List>(container->domain.get(), index);
        if (!process) { break; }
        line(1, "process " + number_text(static_cast<std::uint64_t>(process->inner_pid)) + " " +
                    std::string{process->name.view()});
    }
    line(0, "file system session: root is the folder");
    auto const own_mounts = ipc::call<proto::Namespace::Of>(container->session.get().as<proto::Namespace>());
    if (own_mounts) {
        ipc::Owned<proto::Namespace> const mounts{*own_mounts};
        line(1, "mnt:[" + inode(ipc::call<proto::Namespace::Identify>(mounts.get())) + "] its own");
    }
    line(0, "namespaces");
    for (auto const& kind : services_.kinds) {
        bool own = false;
        for (auto const& [number, name_space] : container->namespaces) {
            if (number != kind.kind) { continue; }
            own = true;
            line(1, std::string{kind.name.view()} + ":[" +
                        inode(ipc::call<proto::Namespace::Identify>(name_space.get())) + "] its own");
        }
        if (!own) {
            line(1, std::string{kind.name.view()} + ":[" + inode(ipc::call<proto::Namespace::Identify>(kind.first)) +
                        "] the machine's");
        }
    }
    if (container->console >= 0) {
        line(0, "terminal vc" + number_text(static_cast<std::uint64_t>(container->console)));
    }
    return reply;
}

} // namespace container
