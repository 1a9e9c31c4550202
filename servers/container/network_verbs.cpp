// Joining containers to networks: what --network, --publish and `ctool network` ask for.
#include "manager.hpp"
#include "text.hpp"
#include <algorithm>

namespace container {

using ipc::Error;

namespace {

/// The part before the next comma, which is taken off `list` with it.
std::string_view take_word(std::string_view& list) {
    auto const word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), word.size() + 1));
    return word;
}
std::string quoted_kind(std::string_view given, std::string_view wanted) {
    std::string text{given};
    text += ": want ";
    text += wanted;
    return text;
}

} // namespace

// --- what a request asks for ---

std::optional<Reply> Manager::no_such_network(std::string_view name) {
    if (networks_.find(name) != nullptr) { return {}; }
    std::string text = "no network ";
    text += name;
    text += ": there are";
    for (auto const& network : networks_.all()) {
        text += &network == &networks_.all().front() ? " " : ", ";
        text += network.name;
    }
    return Reply::error("no-such-network", text);
}

std::optional<Reply> Manager::read_attachment(Request const& request, Attachment& attachment) {
    for (auto list = request.field("publish"); !list.empty();) {
        auto const word = take_word(list);
        auto const publication = Publication::parse(word);
        if (!publication) { return Reply::error("bad-port", quoted_kind(word, "HOST:PORT, or HOST:PORT/udp")); }
        attachment.publications.push_back(*publication);
    }
    if (auto const rate = request.number("rate")) {
        attachment.rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(*rate, 0xffffffff));
    }
    return {};
}

std::optional<Reply> Manager::read_network(Request const& request, Container& container) {
    auto mode = request.field("network");
    if (mode.empty()) { mode = Networks::default_name; }
    Attachment attachment;
    if (auto refused = read_attachment(request, attachment)) { return refused; }
    bool const own = mode != "none" && mode != "host" && !mode.starts_with(Container::shared_network);
    if (!own) {
        if (!attachment.publications.empty()) {
            return Reply::error("bad-option",
                                "--publish needs a network of the container's own: not --network " + std::string{mode});
        }
        if (mode.starts_with(Container::shared_network) &&
            find(mode.substr(Container::shared_network.size())) == nullptr) {
            return Reply::error("no-such-container", std::string{mode} + ": no such container");
        }
        container.network_mode = mode;
        return {};
    }
    if (auto refused = no_such_network(mode)) { return refused; }
    attachment.network = mode;
    container.attachments.push_back(std::move(attachment));
    return {};
}

std::optional<Reply> Manager::reserve(Container& container, Attachment& attachment) {
    if (auto refused = no_such_network(attachment.network)) { return refused; }
    auto const& network = *networks_.find(attachment.network);
    for (auto const& other : containers_) {
        for (auto const& theirs : other.attachments) {
            if (&theirs == &attachment || theirs.address == 0) { continue; }
            for (auto const& publication : attachment.publications) {
                auto const same = [&](Publication const& each) {
                    return each.host_port == publication.host_port && each.protocol == publication.protocol;
                };
                if (std::ranges::any_of(theirs.publications, same)) {
                    return Reply::error("port-taken", "port " + number_text(publication.host_port) +
                                                          " is published by " + other.name + " already");
                }
            }
        }
    }
    auto const address = Networks::free_address(network, all_attachments());
    if (!address) {
        return Reply::error("no-address",
                            "network " + network.name + " has no free address in " + network.subnet.text());
    }
    auto const count =
        networks_.rules(all_attachments()).size() + 2 * attachment.publications.size() + network.policies.size() + 4;
    if (count > proto::packet_rules_maximum) {
        return Reply::error("too-many-rules", number_text(count) + " rules for packets exceed the " +
                                                  number_text(proto::packet_rules_maximum) +
                                                  " there can be: publish fewer ports");
    }
    attachment.address = *address;
    attachment.outer = "c" + number_text(next_wire_++);
    unsigned device = 0;
    for (bool taken = true; taken; device += taken ? 1 : 0) {
        attachment.inner = "eth" + number_text(device);
        taken = std::ranges::any_of(container.attachments, [&](Attachment const& each) {
            return &each != &attachment && each.address != 0 && each.inner == attachment.inner;
        });
    }
    return {};
}

std::optional<Reply> Manager::reserve_networks(Container& container) {
    if (container.network_mode.starts_with(Container::shared_network)) {
        auto const* const other =
            find(std::string_view{container.network_mode}.substr(Container::shared_network.size()));
        if (other == nullptr || own_network(*other).slot == 0) {
            return Reply::error("network-owner",
                                container.network_mode +
                                    ": that container is not running with a network of its own: start it first");
        }
        return {};
    }
    for (auto& attachment : container.attachments) {
        if (auto refused = reserve(container, attachment)) {
            release_networks(container);
            return refused;
        }
    }
    return {};
}

// --- verbs ---

Reply Manager::network_create(Request const& request) {
    auto const name = request.field("name");
    std::optional<Subnet> subnet;
    std::optional<Subnet6> subnet6;
    for (auto list = request.field("subnet"); !list.empty();) {
        auto const word = take_word(list);
        auto const four = Subnet::parse(word);
        auto const six = Subnet6::parse(word);
        if ((!four && !six) || (four && subnet) || (six && subnet6)) {
            return Reply::error("bad-subnet",
                                quoted_kind(word,
                                            "ADDRESS/PREFIX with a prefix from 8 to 30, like 10.5.0.0/24, and beside "
                                            "it one of IPv6 from 8 to 96, like fd00:5::/64"));
        }
        if (four) { subnet = four; }
        if (six) { subnet6 = six; }
    }
    std::vector<Policy> policies;
    for (auto list = request.field("policy"); !list.empty();) {
        auto const word = take_word(list);
        auto const policy = Policy::parse(word);
        if (!policy) {
            return Reply::error(
                "bad-policy", quoted_kind(word, "--allow or --deny all, or [tcp:|udp:|icmp:]ADDRESS[/PREFIX][:PORT]"));
        }
        policies.push_back(*policy);
    }
    auto const made = networks_.add(name, subnet, subnet6);
    if (!made) { return Reply::error(made.error().code, made.error().text); }
    (*made)->nat = request.field("nat") == "1";
    (*made)->policies = std::move(policies);
    if (auto const rate = request.number("rate")) {
        (*made)->rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(*rate, 0xffffffff));
    }
    return Reply::ok().add("subnet", (*made)->subnet.text());
}

Reply Manager::network_list() {
    auto reply = Reply::ok();
    for (auto const& network : networks_.all()) {
        reply.add("name", network.name)
            .add("device", network.device)
            .add("subnet", network.subnet.text())
            .add("gateway", address_text(network.subnet.gateway()));
        if (network.subnet6) { reply.add("subnet6", network.subnet6->text()); }
        reply.add("nat", network.nat ? "1" : "0").add("rate", std::uint64_t{network.rate});
        for (auto const& policy : network.policies) { reply.add("policy", policy.text); }
        for (auto const& container : containers_) {
            for (auto const& attachment : container.attachments) {
                if (attachment.network == network.name) {
                    reply.add("container",
                              container.name +
                                  (attachment.address != 0 ? " " + address_text(attachment.address) : std::string{}));
                }
            }
        }
        reply.add("end", "1");
    }
    return reply;
}

Reply Manager::network_remove(Request const& request) {
    auto const name = request.field("name");
    if (auto refused = no_such_network(name)) { return *refused; }
    if (name == Networks::default_name) {
        return Reply::error("in-use", "containers without --network are on it: it cannot be removed");
    }
    std::string users;
    for (auto const& container : containers_) {
        for (auto const& attachment : container.attachments) {
            if (attachment.network == name) { users += (users.empty() ? "" : ", ") + container.name; }
        }
    }
    if (!users.empty()) {
        return Reply::error("in-use", "containers are on it: " + users + ": ctool network disconnect them first");
    }
    static_cast<void>(
        ipc::call<proto::Network::RemoveDevice>(network_session(), device_name(networks_.find(name)->device)));
    networks_.remove(name);
    return Reply::ok();
}

Reply Manager::network_connect(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    auto const name = request.field("network");
    if (auto refused = no_such_network(name)) { return *refused; }
    if (!container->network_mode.empty() && container->network_mode != "none") {
        return Reply::error("bad-option", "has the network of " + container->network_mode + ": it cannot be on others");
    }
    if (std::ranges::find(container->attachments, name, &Attachment::network) != container->attachments.end()) {
        return Reply::error("exists", "is on network " + std::string{name} + " already");
    }
    Attachment attachment;
    attachment.network = name;
    if (auto refused = read_attachment(request, attachment)) { return *refused; }
    bool const alone = container->attachments.empty();
    auto& added = container->attachments.emplace_back(std::move(attachment));
    if (container->domain) {
        auto refused = reserve(*container, added);
        if (!refused) {
            if (auto connected = connect(added, own_network(*container), alone); !connected) {
                refused = Reply::error("refused", connected.error() == Error::Exists
                                                      ? "its device " + added.inner + " exists already"
                                                      : "the network server refused");
            }
        }
        if (refused) {
            container->attachments.pop_back();
            return *refused;
        }
        refresh_rules();
        write_hosts(*container, container->session.get());
        refresh_hosts(*container);
        reply.add("address", address_text(added.address));
    }
    container->network_mode.clear();
    return reply;
}

Reply Manager::network_disconnect(Request const& request) {
    auto reply = Reply::ok();
    auto* const container = named(request, reply);
    if (container == nullptr) { return reply; }
    auto const name = request.field("network");
    auto const found = std::ranges::find(container->attachments, name, &Attachment::network);
    if (found == container->attachments.end()) {
        return Reply::error("not-connected", "is not on network " + std::string{name});
    }
    if (found->address != 0) {
        static_cast<void>(ipc::call<proto::Network::RemoveDevice>(network_session(), device_name(found->outer)));
    }
    container->attachments.erase(found);
    if (container->attachments.empty()) { container->network_mode = "none"; }
    refresh_rules();
    if (container->session) { write_hosts(*container, container->session.get()); }
    for (auto& other : containers_) {
        bool const met = other.session && &other != container &&
                         std::ranges::find(other.attachments, name, &Attachment::network) != other.attachments.end();
        if (met) { write_hosts(other, other.session.get()); }
    }
    return reply;
}

void Manager::describe_networks(Reply& reply, Container const& container) {
    reply.add("network-mode",
              container.network_mode.empty() ? std::string_view{"networks"} : std::string_view{container.network_mode});
    for (auto const& attachment : container.attachments) {
        auto const* const network = networks_.find(attachment.network);
        std::string line = attachment.network;
        line += ' ';
        line += attachment.address != 0 ? address_text(attachment.address) : "-";
        line += ' ';
        line += network != nullptr ? number_text(network->subnet.prefix) + " " + address_text(network->subnet.gateway())
                                   : "0 -";
        line += ' ';
        line += attachment.address != 0 ? attachment.inner : "-";
        if (network != nullptr && attachment.address != 0 && network->subnet6) {
            line += ' ';
            line += address6_text(*network->address6(attachment.address)) + "/" + number_text(network->subnet6->prefix);
        }
        reply.add("network", line);
        for (auto const& publication : attachment.publications) { reply.add("publish", publication.text()); }
    }
}

} // namespace container
