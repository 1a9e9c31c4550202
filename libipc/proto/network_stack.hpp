// What netns and a netstack share: a page area that netns writes (the configuration), one that the stack writes (the status),
// and the protocol by which netns hands the stack callers who want a socket. netns never calls a stack and never waits for it.
//
// The configuration is the whole desired state. The stack compares it with what it has and makes the difference; a fresh
// stack after a crash reads the same area and is where the old one was. It is a sequence of records behind a header:
// `sequence` is odd while netns writes; after a change netns signals the stack.
#pragma once
#include "network.hpp"
#include "packet_rules.hpp"

namespace proto {

namespace stack {

/// Where things lie in a stack's address space; the rest as ipc::server_address.
/// The stack ends at server_address::stack_top and is `stack_bytes` long; heap pages come when they are touched.
inline constexpr abi::Address configuration_address = 0x00200000, status_address = 0x00220000,
                              image_address = 0x00300000, heap_address = 0x00400000, ring_address = 0x20000000;
inline constexpr std::uint32_t configuration_bytes = 32 << 10, status_bytes = 12 << 10, stack_bytes = 24 << 10,
                               heap_bytes = 8 << 20, ring_bytes = 256 << 10, maximum_rings = 256;
/// Slots of its CSpace beyond ipc::server_slot's: netns (Network, badge of this stack), the doorbell that netns hears, and one
/// notification per ring, of whoever is at its other end.
inline constexpr abi::CapabilityPointer network_slot = 32, doorbell_slot = 33, ring_slot = 64,
                                        first_free_slot = ring_slot + maximum_rings;
/// The last slots of its CSpace are for capabilities of SavedSockets.
inline constexpr abi::Word kept_slots = 64;
/// Bits of the stack's notification.
inline constexpr abi::Word configuration_bit = 0, timer_bit = 1, ring_bit = 2, no_senders_bit = 3;

/// In OpenSocket's `type`, by netns: what the opener may (CAP_NET_ADMIN, CAP_NET_BIND_SERVICE). The stack gives the first back in the
/// argument of the Network::Configure calls that it forwards, beside socket_is_six for a socket of AF_INET6.
inline constexpr std::uint32_t opener_is_admin = 0x80000000, opener_binds_any_port = 0x40000000, socket_is_six = 1;

enum class DeviceKind : std::uint8_t { Loopback = 1, Veth, Bridge, Dummy, Card };

enum class RecordType : std::uint16_t {
    End = 0,
    Device = 1,
    Address,
    Route,
    Neighbour,
    Setting,
    Rule,
    Address6,
    Route6,
    Neighbour6
};
struct RecordHeader {
    RecordType type;
    std::uint16_t bytes;
};

struct DeviceRecord {
    static constexpr RecordType type = RecordType::Device;
    RecordHeader header;
    std::uint32_t index, mtu;
    std::uint32_t master; ///< index of the bridge it is a port of, 0: none
    std::uint32_t peer;   ///< Veth with both ends in this stack: the other's index
    std::uint32_t ring;   ///< Veth, Card: 1 + number of the ring pair, 0: none
    std::uint8_t side;    ///< of the ring pair: sends on that half
    DeviceKind kind;
    std::uint8_t up, carrier;
    std::uint8_t hardware_address[6];
    char name[16];
    std::uint8_t reserved[2];
    /// Veth whose other end's stack does not run yet: the only address that can be asked for there, 0.0.0.0: any. A frame wakes it (StatusPage::wakes).
    std::uint8_t sleeper[4];
    std::uint32_t rate,
        burst; ///< what it may send: bytes a second (0: no limit), bytes at once (0: the stack's choice)
    /// As `sleeper` for IPv6: the last three bytes of the addresses that can be asked for there; more than there is room for: any.
    std::uint8_t sleeper6_count, sleeper6[3][3], reserved6[2];
};
struct AddressRecord {
    static constexpr RecordType type = RecordType::Address;
    RecordHeader header;
    std::uint32_t device;
    std::uint8_t address[4];
    std::uint8_t prefix, reserved[3];
};
struct AddressRecord6 {
    static constexpr RecordType type = RecordType::Address6;
    RecordHeader header;
    std::uint32_t device;
    std::uint8_t address[16];
    std::uint8_t prefix, reserved[3];
};
struct RouteRecord6 {
    static constexpr RecordType type = RecordType::Route6;
    RecordHeader header;
    std::uint32_t device;
    std::uint8_t destination[16], gateway[16];
    std::uint32_t metric;
    std::uint8_t prefix, has_gateway, reserved[2];
};
struct NeighbourRecord6 {
    static constexpr RecordType type = RecordType::Neighbour6;
    RecordHeader header;
    std::uint32_t device;
    std::uint8_t address[16], hardware_address[6], reserved[2];
};
struct RouteRecord {
    static constexpr RecordType type = RecordType::Route;
    RecordHeader header;
    std::uint32_t device;
    std::uint8_t destination[4], gateway[4], source[4];
    std::uint32_t metric;
    std::uint8_t prefix, has_gateway, reserved[2];
};
struct NeighbourRecord {
    static constexpr RecordType type = RecordType::Neighbour;
    RecordHeader header;
    std::uint32_t device;
    std::uint8_t address[4], hardware_address[6], reserved[2];
};
struct SettingRecord {
    static constexpr RecordType type = RecordType::Setting;
    RecordHeader header;
    NetworkSetting setting;
    SettingValues values;
};

/// One rule of packet_rules.hpp; their order is that of the records.
struct RuleRecord {
    static constexpr RecordType type = RecordType::Rule;
    RecordHeader header;
    std::uint32_t in_device, out_device; ///< indices of the rule's devices, 0: any
    PacketRule rule;
};

struct ConfigurationHeader {
    static constexpr std::uint32_t expected = 0x4E434647, current_version = 1;
    std::uint32_t magic, version;
    std::uint32_t sequence; ///< odd: being written
    std::uint32_t bytes;    ///< of the records
};

struct DeviceStatus {
    std::uint32_t index, reserved;
    std::uint64_t received_bytes, received_packets, received_dropped, sent_bytes, sent_packets, sent_dropped;
};
struct NeighbourStatus {
    std::uint32_t device;
    std::uint8_t address[4], hardware_address[6], complete, permanent;
};
struct NeighbourStatus6 {
    std::uint32_t device;
    std::uint8_t address[16], hardware_address[6];
    std::uint16_t state; ///< NUD_* of rtnetlink(7)
};
/// What of its sockets a stack leaves to its successor, should it die: those that listen, under the same badge.
struct SavedListener {
    std::uint32_t badge; ///< 0: none
    std::uint8_t address[4];
    std::uint16_t port, backlog; ///< host order
    std::uint32_t opener, file_flags;
    std::uint32_t reuse_address;
    abi::CapabilityPointer slot; ///< where its watched capability is
    std::uint16_t family;        ///< AF_INET, AF_INET6
    std::uint16_t v6_only;
    std::uint8_t address6[16]; ///< AF_INET6
    std::uint32_t scope;       ///< of address6
};
struct SavedSockets {
    static constexpr std::uint32_t maximum = 64;
    std::uint32_t next_badge; ///< no badge from here on was ever given out; 0: none was
    std::uint32_t count;
    SavedListener listeners[maximum];
    static_assert(maximum <= kept_slots);
};
struct StatusPage {
    static constexpr std::uint32_t expected = 0x4E535441, current_version = 1, devices_maximum = 100,
                                   neighbours_maximum = 64, neighbours6_maximum = 32, wake_slots = 16;
    std::uint32_t magic, version;
    std::uint32_t applied; ///< sequence of the configuration in force
    std::uint32_t device_count, neighbour_count;
    std::uint32_t deadline_low, deadline_high; ///< monotonic nanoseconds when timer_bit is wanted, 0: not at all
    std::uint32_t heap_used;
    /// How often a frame was for the other end of a veth whose stack does not run, and which devices those were, the n-th at n mod wake_slots.
    std::uint32_t wakes, wake_devices[wake_slots];
    DeviceStatus devices[devices_maximum];
    NeighbourStatus neighbours[neighbours_maximum];
    std::uint32_t neighbour6_count;
    NeighbourStatus6 neighbours6[neighbours6_maximum];
    SavedSockets saved; ///< netns gives it to the next stack as it is; that one checks it
};
static_assert(sizeof(StatusPage) <= status_bytes);

/// Appends records to a configuration area. Overflow is remembered: nothing beyond the area is written.
class ConfigurationWriter {
public:
    ConfigurationWriter(void* area, std::uint32_t bytes)
        : header_{static_cast<ConfigurationHeader*>(area)}, capacity_{bytes - static_cast<std::uint32_t>(
                                                                                  sizeof(ConfigurationHeader))} {
        __atomic_store_n(&header_->sequence, header_->sequence | 1, __ATOMIC_RELEASE);
        header_->magic = ConfigurationHeader::expected;
        header_->version = ConfigurationHeader::current_version;
    }
    template <class Record>
    void add(Record record) {
        static_assert(sizeof(Record) % 4 == 0);
        if (used_ + sizeof(Record) > capacity_) {
            overflow_ = true;
            return;
        }
        record.header = {Record::type, sizeof(Record)};
        std::memcpy(reinterpret_cast<std::byte*>(header_ + 1) + used_, &record, sizeof record);
        used_ += sizeof record;
    }
    /// The stack may read it from now on. False: not all of it fitted.
    bool finish() {
        header_->bytes = used_;
        __atomic_store_n(&header_->sequence, header_->sequence + 1, __ATOMIC_RELEASE);
        return !overflow_;
    }

private:
    ConfigurationHeader* header_;
    std::uint32_t capacity_, used_ = 0;
    bool overflow_ = false;
};

/// Calls visitor(record) for each record of a known type that is whole. False: the area is no configuration, or being written.
template <class Visitor>
bool read_configuration(std::span<std::byte const> area, Visitor visitor) {
    ConfigurationHeader header;
    if (area.size() < sizeof header) { return false; }
    std::memcpy(&header, area.data(), sizeof header);
    if (header.magic != ConfigurationHeader::expected || header.version != ConfigurationHeader::current_version ||
        (header.sequence & 1) != 0) {
        return false;
    }
    auto records = area.subspan(sizeof header);
    records = records.first(std::min<std::size_t>(header.bytes, records.size()));
    while (records.size() >= sizeof(RecordHeader)) {
        RecordHeader record;
        std::memcpy(&record, records.data(), sizeof record);
        if (record.bytes < sizeof record || record.bytes > records.size()) { return false; }
        auto const visit = [&]<class Record>(Record value) {
            if (record.bytes < sizeof value) { return; }
            std::memcpy(&value, records.data(), sizeof value);
            visitor(value);
        };
        switch (record.type) {
        case RecordType::Device: visit(DeviceRecord{}); break;
        case RecordType::Address: visit(AddressRecord{}); break;
        case RecordType::Route: visit(RouteRecord{}); break;
        case RecordType::Neighbour: visit(NeighbourRecord{}); break;
        case RecordType::Setting: visit(SettingRecord{}); break;
        case RecordType::Rule: visit(RuleRecord{}); break;
        case RecordType::Address6: visit(AddressRecord6{}); break;
        case RecordType::Route6: visit(RouteRecord6{}); break;
        case RecordType::Neighbour6: visit(NeighbourRecord6{}); break;
        default: break;
        }
        records = records.subspan(record.bytes);
    }
    return true;
}

} // namespace stack

/// netns -> stack, with the caller's Reply capability (a forward: netns does not wait).
struct NetworkStack {
    static constexpr abi::Word number = 25;
    using OpenSocket =
        ipc::Method<NetworkStack, 1, ipc::Cap<File>(std::uint32_t domain, std::uint32_t type, std::uint32_t protocol)>;
    using Table = ipc::Method<NetworkStack, 2, Transfer(NetworkTable table, std::uint32_t offset, ipc::WriteBuffer)>;
    using methods = ipc::Methods<OpenSocket, Table>;
};

} // namespace proto
