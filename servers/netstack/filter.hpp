// Which rule of packet_rules.hpp a packet matches.
#pragma once
#include "packet_header6.hpp"
#include "proto/network_stack.hpp"
#include <vector>

namespace netstack {

/// Where a packet comes from or goes to: a device with addresses and, if that is a bridge, its port. 0: none, or not known.
struct PacketSide {
    std::uint32_t device = 0, port = 0;
};

class RuleList {
public:
    using Record = proto::stack::RuleRecord;
    void clear() { rules_.clear(); }
    void add(Record const& record) { rules_.push_back(record); }
    [[nodiscard]] bool empty() const { return rules_.empty(); }
    /// The first rule that matches; null: none. `own_destination`: the packet is addressed to this namespace; a DestinationNat rule
    /// that names no destination means those only.
    [[nodiscard]] Record const* match(Tuple const& tuple, PacketSide in, PacketSide out,
                                      bool own_destination = false) const;
    [[nodiscard]] Record const* match(Tuple6 const& tuple, PacketSide in, PacketSide out) const;
    /// For frames of other protocols than IP: only rules that name neither addresses nor protocol nor ports match.
    [[nodiscard]] Record const* match_foreign(PacketSide in, PacketSide out) const;
    /// Some rule asks for that device as the one a packet leaves by.
    [[nodiscard]] bool names_out_device(std::uint32_t device) const;

private:
    std::vector<Record> rules_;
};

/// All rules of a namespace, by what they are for.
struct RuleSet {
    RuleList filter, destination, source;
    void clear();
    void add(RuleList::Record const& record);
    [[nodiscard]] bool empty() const { return filter.empty() && destination.empty() && source.empty(); }
};

} // namespace netstack
