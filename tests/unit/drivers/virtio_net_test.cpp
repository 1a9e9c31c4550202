// The virtio network card's driver against a card made of memory.
#include "../../../servers/drivers/virtio_net/card.hpp"
#include "../../../servers/drivers/virtio_net/checksum.hpp"
#include <algorithm>
#include <cstring>
#include <deque>
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace virtio_net;

namespace {

constexpr abi::Address physical_base = 0x00800000;
constexpr Word first_port = 0xD000, queue_entries = 256;

/// PCI's configuration space with a bridge and a card, and the card's registers; the device's half of both queues.
class FakeCard final : public Ports {
public:
    explicit FakeCard(std::vector<std::byte>& memory) : memory_{memory} {
        space_[{1, 0}] = 0x70008086;
        space_[{1, 0x60}] = 0x0B0B0A0A;
        space_[{4, 0}] = 0x10001AF4;
        space_[{4, 0x04}] = 0x00100400; // interrupts off, nothing enabled
        space_[{4, 0x10}] = 0xC041;
        space_[{4, 0x3C}] = 0x0000010B;
    }
    Word in(Word port, Word size) override {
        if (port == 0xCFC) { return exists() ? space_[{device(), selected_ & 0xFC}] : ~Word{0}; }
        Word const offset = port - first_port;
        if (offset == 0) { return 1 << 5 | 1 << 16 | 1 << 0; }
        if (offset == 12) { return queue_entries; }
        if (offset == 19) { return std::exchange(interrupt_, 0); }
        if (offset >= 20 && offset < 26 && size == 1) { return 0x50 + offset - 20; }
        if (offset == 26) { return 1; }
        return 0;
    }
    void out(Word port, Word value, Word) override {
        if (port == 0xCF8) {
            selected_ = value;
            return;
        }
        if (port == 0xCFC) {
            Word& word = space_[{device(), selected_ & 0xFC}];
            word = (selected_ & 0xFC) == 0x10 ? (value & ~Word{3}) | 1 : value;
            return;
        }
        switch (port - first_port) {
        case 4: features = value; break;
        case 8: queue_page_[select_] = value; break;
        case 14: select_ = value; break;
        case 16: notified[value]++; break;
        case 18: status = value; break;
        default: break;
        }
    }
    /// What the driver offered to send since the last time.
    std::vector<std::string> take_sent(std::size_t most = 1000) {
        std::vector<std::string> frames;
        while (frames.size() < most && sent_seen_ != available(1)[1]) {
            Word const number = available(1)[2 + sent_seen_++ % queue_entries];
            auto const [address, length, writes] = descriptor(1, number);
            CHECK(!writes);
            frames.emplace_back(reinterpret_cast<char*>(at(address)) + 10, length - 10);
            use(1, number, 0);
        }
        return frames;
    }
    /// A frame arrives. False: the driver has offered no buffer.
    bool arrive(std::string const& frame) {
        if (received_seen_ == available(0)[1]) { return false; }
        Word const number = available(0)[2 + received_seen_++ % queue_entries];
        auto const [address, length, writes] = descriptor(0, number);
        CHECK(writes);
        CHECK(length >= frame.size() + 10);
        std::memset(at(address), 0, 10);
        std::memcpy(at(address) + 10, frame.data(), frame.size());
        use(0, number, static_cast<Word>(frame.size()) + 10);
        return true;
    }
    void use(Word queue, Word number, Word length) {
        auto* const used = reinterpret_cast<std::uint16_t*>(at(queue_page_[queue] * 4096) + 8192);
        Word const entry[2] = {number, length};
        std::memcpy(used + 2 + 4 * (used[1] % queue_entries), entry, sizeof entry);
        ++used[1];
        interrupt_ = 1;
    }
    bool wants_interrupts(Word queue) { return available(queue)[0] == 0; }
    std::map<std::pair<Word, Word>, Word> space_;
    std::map<Word, int> notified;
    Word features = 0, status = 0;

private:
    struct Descriptor {
        std::uint64_t address;
        Word length;
        bool writes;
    };
    [[nodiscard]] Word device() const { return selected_ >> 11 & 31; }
    [[nodiscard]] bool exists() const { return space_.contains({device(), 0}) && (selected_ >> 8 & 7) == 0; }
    std::byte* at(std::uint64_t physical) {
        REQUIRE(physical >= physical_base);
        REQUIRE(physical - physical_base < memory_.size());
        return memory_.data() + (physical - physical_base);
    }
    std::uint16_t* available(Word queue) {
        return reinterpret_cast<std::uint16_t*>(at(queue_page_[queue] * 4096) + 16 * queue_entries);
    }
    Descriptor descriptor(Word queue, Word number) {
        auto* const bytes = at(queue_page_[queue] * 4096) + 16 * number;
        Descriptor found{};
        std::uint16_t flags = 0;
        std::memcpy(&found.address, bytes, 8);
        std::memcpy(&found.length, bytes + 8, 4);
        std::memcpy(&flags, bytes + 12, 2);
        found.writes = (flags & 2) != 0;
        return found;
    }
    std::vector<std::byte>& memory_;
    Word selected_ = 0, select_ = 0, queue_page_[2] = {}, interrupt_ = 0;
    std::uint16_t sent_seen_ = 0, received_seen_ = 0;
};

struct Rig {
    static constexpr Word half = 32 * 4096;
    std::vector<std::byte> memory = std::vector<std::byte>(Card::memory_bytes(queue_entries, queue_entries));
    alignas(64) std::vector<std::byte> area = std::vector<std::byte>(2 * half);
    FakeCard device{memory};
    Card card{device, first_port};
    proto::PacketRing user_sends{area.data(), half}, user_receives{area.data() + half, half};
    Rig() {
        CHECK(card.reset_and_size(0) == queue_entries);
        CHECK(card.reset_and_size(1) == queue_entries);
        REQUIRE(card.begin({memory.data(), physical_base, static_cast<Word>(memory.size())}));
        card.set_rings({area.data(), half}, {area.data() + half, half});
    }
    bool send(std::string const& frame, Word flags = 0) {
        bool was_empty = false;
        return user_sends.put(static_cast<Word>(frame.size()), flags, was_empty,
                              [&](auto put) { put(frame.data(), static_cast<Word>(frame.size())); });
    }
    std::string received() {
        Word length = 0, flags = 0;
        if (!user_receives.next(length, flags)) { return "none"; }
        std::string frame(length, '\0');
        user_receives.read(0, frame.data(), length);
        user_receives.pop(length);
        return frame;
    }
};

} // namespace

TEST_CASE("the card is found on the bus, moved to the granted ports and routed to the granted line") {
    std::vector<std::byte> none;
    FakeCard device{none};
    PciConfiguration pci{device};
    auto const place = pci.find(0x1AF4, 0x1000);
    REQUIRE(place);
    CHECK(place->device == 4);
    CHECK(pci.enable_ports(*place, first_port));
    CHECK((device.space_[{4, 0x10}] & ~Word{3}) == first_port);
    CHECK((device.space_[{4, 0x04}] & 0xFFFF) == 5); // ports and bus mastering, interrupts on
    CHECK(pci.route_interrupt(*place, 11));
    CHECK(device.space_[{1, 0x60}] == 0x0B0B0A0A); // device 4 is PIRQD, on 11 already
    CHECK(pci.route_interrupt({2, 0}, 11));
    CHECK(device.space_[{1, 0x60}] == 0x0B0B0B0A);
    CHECK(!pci.find(0x1AF4, 0x1041));
}

TEST_CASE("what the card offers that the driver cannot do is not accepted") {
    Rig rig;
    CHECK(rig.device.features == (1 << 5 | 1 << 16)); // no checksum offload
    CHECK((rig.device.status & 4) != 0);
    CHECK(rig.card.hardware_address() == std::array<std::uint8_t, 6>{0x50, 0x51, 0x52, 0x53, 0x54, 0x55});
    CHECK(rig.card.link_up());
}

TEST_CASE("frames go out in order, one notification for many") {
    Rig rig;
    REQUIRE(rig.send("first frame"));
    REQUIRE(rig.send(std::string(1514, 'x')));
    CHECK(!rig.card.work());
    CHECK(rig.device.notified[1] == 1);
    CHECK(rig.device.take_sent() == std::vector<std::string>{"first frame", std::string(1514, 'x')});
}

TEST_CASE("a frame too long for the wire is dropped, the next one goes") {
    Rig rig;
    REQUIRE(rig.send(std::string(1515, 'x')));
    REQUIRE(rig.send("short"));
    rig.card.work();
    CHECK(rig.device.take_sent() == std::vector<std::string>{"short"});
}

TEST_CASE("more frames than buffers wait in the ring until the card has sent some") {
    Rig rig;
    for (Word i = 0; i < 80; ++i) { REQUIRE(rig.send("frame " + std::to_string(i))); }
    rig.user_sends.ask_for_room();
    CHECK(!rig.device.wants_interrupts(1));
    CHECK(rig.card.work()); // the user asked for room, and there is some
    CHECK(rig.device.wants_interrupts(1));
    auto sent = rig.device.take_sent();
    CHECK(sent.size() == Card::buffers);
    CHECK(rig.card.take_interrupt());
    rig.card.work();
    for (auto& frame : rig.device.take_sent()) { sent.push_back(frame); }
    REQUIRE(sent.size() == 80);
    for (Word i = 0; i < 80; ++i) { CHECK(sent[i] == "frame " + std::to_string(i)); }
    CHECK(!rig.device.wants_interrupts(1));
}

TEST_CASE("frames come in, the doorbell rings for the first, buffers go back to the card") {
    Rig rig;
    for (int round = 0; round < 10; ++round) {
        for (Word i = 0; i < Card::buffers; ++i) { REQUIRE(rig.device.arrive(std::to_string(i))); }
        CHECK(!rig.device.arrive("too many"));
        CHECK(rig.card.take_interrupt());
        CHECK(!rig.card.take_interrupt());
        CHECK(rig.card.work());
        for (Word i = 0; i < Card::buffers; ++i) { CHECK(rig.received() == std::to_string(i)); }
        CHECK(rig.received() == "none");
    }
}

TEST_CASE("what the user does not take is dropped, and counted") {
    Rig rig;
    for (int i = 0; i < 100; ++i) {
        REQUIRE(rig.device.arrive(std::string(1500, 'y')));
        rig.card.work();
    }
    CHECK(reinterpret_cast<proto::PacketRingHeader*>(rig.area.data() + Rig::half)->dropped > 0);
    CHECK(rig.received() == std::string(1500, 'y'));
}

TEST_CASE("without a user what arrives is dropped") {
    Rig rig;
    rig.card.set_rings({}, {});
    REQUIRE(rig.device.arrive("for nobody"));
    CHECK(!rig.card.work());
    REQUIRE(rig.device.arrive("again"));
}

TEST_CASE("a card that uses buffers nobody gave it, or says absurd lengths, does no harm") {
    Rig rig;
    rig.device.use(0, 5000, 100);
    rig.device.use(1, 77777, 0);
    rig.device.use(0, 3, 0xFFFFFFFF);
    rig.device.use(0, 4, 2);
    CHECK(!rig.card.work());
    CHECK(rig.received() == "none");
}

TEST_CASE("checksums that a stack left out are filled in") {
    // Ethernet, IPv4 10.0.0.1 -> 10.0.0.2, UDP 1000 -> 2000, "hi".
    std::vector<std::uint8_t> frame{0,  0,  0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 8, 0,   0x45, 0,   0, 30, 0, 0, 0,   0,
                                    64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 232, 7,    208, 0, 10, 0, 0, 'h', 'i'};
    fill_checksum(frame);
    // A receiver's sum over pseudo header and segment is all ones.
    std::uint32_t sum = 17 + 10;
    for (std::size_t i = 26; i < frame.size(); i += 2) {
        sum += static_cast<std::uint32_t>(frame[i] << 8 | frame[i + 1]);
    }
    while (sum >> 16 != 0) { sum = (sum & 0xFFFF) + (sum >> 16); }
    CHECK(sum == 0xFFFF);

    SUBCASE("not of fragments, other protocols, or headers that lie") {
        for (auto [at, value] :
             {std::pair{20, 0x20}, std::pair{23, 1}, std::pair{14, 0x4F}, std::pair{17, 200}, std::pair{12, 0x86}}) {
            auto changed = frame;
            changed[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
            changed[40] = changed[41] = 0;
            auto const before = changed;
            fill_checksum(changed);
            CHECK(changed == before);
        }
        for (std::size_t length = 0; length < frame.size(); ++length) {
            auto cut = frame;
            cut.resize(length);
            fill_checksum(cut);
        }
    }
}
