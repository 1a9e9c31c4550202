// Joining containers to networks, and telling those concerned: devices and rules in netns, names in /etc/hosts.
#include "files.hpp"
#include "ipc/log.hpp"
#include "manager.hpp"
#include "text.hpp"
#include <algorithm>

namespace container {

using ipc::Error;
using ipc::Result;

ipc::Cap<proto::Namespace> Manager::own_network(Container const& container) {
    for (auto const& [kind, name_space] : container.namespaces) {
        if (kind == proto::NamespaceKind::Network) { return name_space.get(); }
    }
    return {};
}

ipc::Cap<proto::Network> Manager::network_session() {
    if (!network_session_) {
        for (auto const& kind : services_.kinds) {
            if (kind.kind != proto::NamespaceKind::Network) { continue; }
            if (auto const session =
                    ipc::call<proto::Namespace::Enter>(kind.first, proto::Namespace::every_operation)) {
                network_session_ = ipc::Owned<proto::Session>{*session};
            }
        }
    }
    return network_session_.get().as<proto::Network>();
}

std::vector<Attachment const*> Manager::all_attachments() const {
    std::vector<Attachment const*> all;
    for (auto const& container : containers_) {
        for (auto const& attachment : container.attachments) { all.push_back(&attachment); }
    }
    return all;
}

Result<void> Manager::connect(Attachment& attachment, ipc::Cap<proto::Namespace> target, bool default_route) {
    auto const session = network_session();
    auto const& network = *networks_.find(attachment.network);
    proto::ContainerLink link{};
    link.bridge = device_name(network.device);
    link.outer = device_name(attachment.outer);
    link.inner = device_name(attachment.inner);
    link.address = address_bytes(attachment.address);
    auto const second = [&](Address4 address) {
        auto const six = network.address6(address);
        return six ? proto::SecondAddress{*six, network.subnet6->prefix} : proto::SecondAddress{};
    };
    link.six = second(attachment.address);
    if (default_route) {
        link.gateway = address_bytes(network.subnet.gateway());
        link.gateway6 = second(network.subnet.gateway()).address;
    }
    link.prefix = network.subnet.prefix;
    link.rate = attachment.rate != 0 ? attachment.rate : network.rate;
    auto made = ipc::call<proto::Network::ConnectContainer>(session, link, ipc::OptionalCap<proto::Namespace>{target});
    if (!made && made.error() == Error::NoSuchDevice) {
        // The first container on this network, or netns has started anew: the bridge comes with it.
        proto::BridgeRequest const bridge{device_name(network.device), address_bytes(network.subnet.gateway()),
                                          network.subnet.prefix, second(network.subnet.gateway())};
        if (auto bridged = ipc::call<proto::Network::AddBridge>(session, bridge); !bridged) {
            return ipc::fail(bridged.error());
        }
        made = ipc::call<proto::Network::ConnectContainer>(session, link, ipc::OptionalCap<proto::Namespace>{target});
        sent_rules_.clear();
    }
    if (!made) { return ipc::fail(made.error()); }
    if (network.nat || !attachment.publications.empty()) {
        static_cast<void>(ipc::call<proto::Network::Setting>(session, proto::NetworkSetting::Forwarding, 1U,
                                                             proto::SettingValues{1, 0}));
    }
    return {};
}

LaunchFailure Manager::prepare(Container& container, ipc::Cap<proto::VfsSession> session,
                               ipc::Cap<proto::Namespace> network) {
    bool first = true;
    for (auto& attachment : container.attachments) {
        if (auto connected = connect(attachment, network, first); !connected) {
            return {connected.error(), 125, "network"};
        }
        first = false;
    }
    refresh_rules();
    write_hosts(container, session);
    return {};
}

void Manager::refresh_rules() {
    auto const rules = networks_.rules(all_attachments());
    if (rules == sent_rules_) { return; }
    auto const set = ipc::call<proto::Network::SetRules>(network_session(),
                                                         ipc::ReadBuffer{rules.data(), rules.size() * sizeof rules[0]});
    if (set) {
        sent_rules_ = rules;
    } else {
        ipc::log("container: the rules of networks are not in force: error {}", set.error());
    }
}

void Manager::make_name_files(Container const& container) {
    constexpr std::uint32_t mode = 0755;
    auto const root = root_.session.get();
    auto const folder = container.folder + "/etc";
    static_cast<void>(ipc::call<proto::Directory::MakeDirectory>(root.as<proto::Directory>(), proto::Directory::At{},
                                                                 proto::Directory::Caller{}, mode, ipc::Path{folder}));
    static_cast<void>(write_file(root, folder + "/hosts", hosts_text(container.name, {}, {})));
    if (container.attachments.empty()) { return; }
    auto const resolver = read_file(root, "/etc/resolv.conf");
    static_cast<void>(
        write_file(root, folder + "/resolv.conf", resolver.empty() ? "# no name server is known\n" : resolver));
}

void Manager::write_hosts(Container& container, ipc::Cap<proto::VfsSession> session) {
    auto const* who = &container;
    if (container.network_mode.starts_with(Container::shared_network)) {
        if (auto const* const other =
                find(std::string_view{container.network_mode}.substr(Container::shared_network.size()))) {
            who = other;
        }
    }
    std::vector<Host> own, others;
    for (auto const& attachment : who->attachments) {
        auto const* const network = networks_.find(attachment.network);
        if (attachment.address == 0 || network == nullptr) { continue; }
        own.push_back({container.name, attachment.address, network->address6(attachment.address)});
        for (auto const& other : containers_) {
            for (auto const& theirs : other.attachments) {
                if (&other != who && theirs.address != 0 && theirs.network == attachment.network) {
                    others.push_back({other.name, theirs.address, network->address6(theirs.address)});
                }
            }
        }
    }
    constexpr std::uint32_t mode = 0755;
    static_cast<void>(ipc::call<proto::Directory::MakeDirectory>(session.as<proto::Directory>(), proto::Directory::At{},
                                                                 proto::Directory::Caller{}, mode, ipc::Path{"/etc"}));
    static_cast<void>(write_file(session, "/etc/hosts", hosts_text(container.name, own, others)));
    if (own.empty()) { return; }
    auto const resolver = read_file(root_.session.get(), "/etc/resolv.conf");
    if (!resolver.empty()) { static_cast<void>(write_file(session, "/etc/resolv.conf", resolver)); }
}

void Manager::refresh_hosts(Container const& changed) {
    for (auto& other : containers_) {
        if (&other == &changed || !other.session) { continue; }
        bool const meets = std::ranges::any_of(other.attachments, [&](Attachment const& theirs) {
            return std::ranges::any_of(changed.attachments,
                                       [&](Attachment const& each) { return each.network == theirs.network; });
        });
        if (meets) { write_hosts(other, other.session.get()); }
    }
}

void Manager::release_networks(Container& container) {
    bool const had =
        std::ranges::any_of(container.attachments, [](Attachment const& each) { return each.address != 0; });
    for (auto& attachment : container.attachments) { attachment.address = 0; }
    if (had) {
        refresh_rules();
        refresh_hosts(container);
    }
}

} // namespace container
