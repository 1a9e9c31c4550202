#include "firewall.hpp"
#include <algorithm>

namespace netstack {

namespace {
bool on_loopback(std::uint32_t address) { return (address & 0xff) == 127; }
template <class Header>
bool begins_nothing(Header const& header) {
    return !header.trackable() || (header.tcp_flags() & tcp_flag::reset) != 0;
}
} // namespace

void Firewall::update_active() {
    firewall_active = !rules_.empty() || connections_.size() != 0;
    firewall_filters = !rules_.filter.empty();
}

void Firewall::assign(RuleSet rules) {
    rules_ = std::move(rules);
    if (rules_.empty()) {
        connections_.remove_plain();
        connections6_.remove_plain();
    }
    update_active();
}

std::uint64_t Firewall::expire(std::uint64_t now) {
    auto const next = connections_.expire(now), next6 = connections6_.expire(now);
    update_active();
    return next == 0 || next6 == 0 ? next + next6 : std::min(next, next6);
}

Firewall::Verdict Firewall::destined(std::uint32_t destination, Packet const& packet) {
    return on_loopback(destination) && !packet.own ? Verdict::Loopback : Verdict::Pass;
}

Firewall::Verdict Firewall::arrive(Packet const& packet, std::uint64_t now) {
    pending_ = {};
    pending_.own = packet.own;
    auto header = PacketHeader::parse(packet.bytes, packet.total);
    if (!header) { return Verdict::Pass; } // the stack itself refuses it; forward() does, too
    if (header->later_fragment()) {
        if (!fragments_.complete(*header, now)) {
            return stack_.is_local(header->tuple().destination) ? Verdict::Pass : Verdict::Drop;
        }
    } else if (header->first_fragment()) {
        fragments_.remember(*header, now);
    }
    if (header->quoted()) { return arrive_error(*header, packet, now); }
    auto const found = connections_.find(header->tuple(), now);
    if (!found) { return arrive_new(*header, packet, now); }
    auto const leaving = found.connection->leaving(found.reply);
    if (leaving != header->tuple()) {
        if (header->time_to_live() <= 1 && !stack_.is_local(leaving.destination)) { return Verdict::TimeExceeded; }
        header->rewrite(leaving, packet.sums);
    }
    connections_.seen(*found.connection, found.reply, header->tcp_flags(), now);
    pending_.known = true;
    return destined(leaving.destination, packet);
}

void Firewall::rewrite_error(PacketHeader& header, ConnectionTable::Found found) {
    auto const quoted = *header.quoted();
    auto const answer = found.connection->leaving(found.reply);
    // Whoever the quoted packet was for speaks under the name that the sender knows; others on the way have their own.
    auto const source = header.tuple().source == quoted.destination ? answer.source : header.tuple().source;
    header.rewrite_quoted(answer.inverse(), source, answer.destination);
}

Firewall::Verdict Firewall::arrive_error(PacketHeader& header, Packet const& packet, std::uint64_t now) {
    // An error travels as an answer to the packet that it quotes.
    if (auto const found = connections_.find(header.quoted()->inverse(), now)) {
        pending_.known = true;
        rewrite_error(header, found);
    } else {
        pending_.readable = true;
        pending_.original = pending_.leaving = header.tuple();
    }
    return destined(header.tuple().destination, packet);
}

Firewall::Verdict Firewall::arrive_new(PacketHeader& header, Packet const& packet, std::uint64_t now) {
    auto const tuple = header.tuple();
    pending_.readable = true;
    pending_.trackable = !begins_nothing(header) && !header.later_fragment();
    pending_.original = pending_.leaving = tuple;
    pending_.tcp_flags = header.tcp_flags();
    if (rules_.destination.empty() || !pending_.trackable) { return Verdict::Pass; }
    auto const* const rule = rules_.destination.match(tuple, packet.in, {}, stack_.is_local(tuple.destination));
    if (rule == nullptr || stack_.has_connection(tuple)) { return Verdict::Pass; }
    auto leaving = with_destination(tuple, rule->rule);
    if (leaving == tuple) { return Verdict::Pass; }
    if (!stack_.is_local(leaving.destination)) {
        if (header.time_to_live() <= 1) { return Verdict::TimeExceeded; }
        pending_.leaving = leaving;
        header.rewrite(leaving, packet.sums);
        return Verdict::Pass;
    }
    if (!choose_source_port(leaving, tuple, connections_, stack_, now)) { return Verdict::Drop; }
    auto* const connection = connections_.insert(tuple, leaving.inverse(), now);
    if (connection == nullptr) { return Verdict::Drop; }
    connections_.seen(*connection, false, header.tcp_flags(), now);
    header.rewrite(leaving, packet.sums);
    pending_.known = true;
    return destined(leaving.destination, packet);
}

Firewall::Verdict Firewall::forward(Packet const& packet, std::uint64_t now) {
    auto const passed = pending_.own ? Verdict::PassAlways : Verdict::Pass;
    if (pending_.known) { return passed; }
    if (!pending_.readable) { return Verdict::Drop; }
    auto leaving = pending_.leaving;
    auto const exit = stack_.exit(leaving.destination);
    if (!exit) { return Verdict::Drop; }
    if (!pending_.own) {
        auto const* const rule = rules_.filter.match(leaving, packet.in, exit->side);
        if (rule != nullptr && rule->rule.action == proto::PacketAction::Drop) { return Verdict::Drop; }
    }
    bool const redirected = leaving != pending_.original;
    // Sent back where it came from, or with a source that means something only here: the answer must come by this way, too.
    bool const must_return = redirected && (exit->side.device == packet.in.device || pending_.own);
    auto const* const rule = rules_.source.match(leaving, packet.in, exit->side);
    if (must_return || (rule != nullptr && rule->rule.action == proto::PacketAction::Masquerade)) {
        leaving.source = exit->address;
    } else if (rule != nullptr) {
        std::memcpy(&leaving.source, rule->rule.to_address, sizeof leaving.source);
    }
    if (!pending_.trackable) { return leaving == pending_.original ? passed : Verdict::Drop; }
    if (rules_.empty()) { return passed; }
    if (!choose_source_port(leaving, pending_.original, connections_, stack_, now)) { return Verdict::Drop; }
    auto* const connection = connections_.insert(pending_.original, leaving.inverse(), now);
    if (connection == nullptr) { return Verdict::Drop; }
    connections_.seen(*connection, false, pending_.tcp_flags, now);
    if (auto header = PacketHeader::parse(packet.bytes, packet.total)) { header->rewrite(leaving, packet.sums); }
    return passed;
}

bool Firewall::must_rewrite(Packet const& packet, std::uint64_t now) {
    if (connections_.size() == 0) { return false; }
    auto header = PacketHeader::parse(packet.bytes, packet.total);
    if (!header || (header->later_fragment() && !fragments_.complete(*header, now))) { return false; }
    if (header->first_fragment()) { fragments_.remember(*header, now); }
    auto const found = connections_.find(header->quoted() ? header->quoted()->inverse() : header->tuple(), now);
    return found && found.reply && !found.connection->plain();
}

void Firewall::leave(Packet const& packet, std::uint64_t now) {
    auto header = PacketHeader::parse(packet.bytes, packet.total);
    if (!header || (header->later_fragment() && !fragments_.complete(*header, now))) { return; }
    if (header->quoted()) {
        if (auto const found = connections_.find(header->quoted()->inverse(), now)) { rewrite_error(*header, found); }
        return;
    }
    auto const found = connections_.find(header->tuple(), now);
    if (!found) { return; }
    header->rewrite(found.connection->leaving(found.reply), packet.sums);
    connections_.seen(*found.connection, found.reply, header->tcp_flags(), now);
}

template <class Header, class Connections, class Fragments>
bool Firewall::filtered(Header& header, Connections& connections, Fragments& fragments, PacketSide in, PacketSide out,
                        bool settled, std::uint64_t now) const {
    if (header.later_fragment() && !fragments.complete(header, now)) { return false; }
    if (header.first_fragment()) { fragments.remember(header, now); }
    if (header.quoted() && connections.find(header.quoted()->inverse(), now)) { return true; }
    if (auto const found = connections.find(header.tuple(), now)) {
        connections.seen(*found.connection, found.reply, header.tcp_flags(), now);
        return true;
    }
    auto const* const rule = rules_.filter.match(header.tuple(), in, out);
    if (rule != nullptr && rule->rule.action == proto::PacketAction::Drop) { return false; }
    if (!settled || begins_nothing(header) || header.later_fragment()) { return true; }
    if (connections.find(header.tuple().inverse(), now)) { return true; }
    auto* const connection = connections.insert(header.tuple(), header.tuple().inverse(), now);
    if (connection == nullptr) { return false; }
    connections.seen(*connection, false, header.tcp_flags(), now);
    return true;
}

bool Firewall::bridged(Packet const& packet, PacketSide out, bool settled, std::uint64_t now) {
    auto header = PacketHeader::parse(packet.bytes, packet.total);
    return header && filtered(*header, connections_, fragments_, packet.in, out, settled, now);
}

bool Firewall::passes6(Packet const& packet, PacketSide out, bool settled, std::uint64_t now) {
    auto header = PacketHeader6::parse(packet.bytes, packet.total);
    return header && (header->asks_for_neighbour() ||
                      filtered(*header, connections6_, fragments6_, packet.in, out, settled, now));
}

bool Firewall::bridged_foreign(PacketSide in, PacketSide out) const {
    auto const* const rule = rules_.filter.match_foreign(in, out);
    return rule == nullptr || rule->rule.action != proto::PacketAction::Drop;
}

} // namespace netstack
