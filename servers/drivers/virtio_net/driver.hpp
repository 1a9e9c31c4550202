// The driver as a server: the card found and given memory, pages lent to its user, interrupts and messages. The card itself is card.hpp.
#pragma once
#include "card.hpp"
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "ipc/server.hpp"
#include <bit>

namespace virtio_net {

using ipc::fail;
using ipc::Result;

inline constexpr Word interrupt_bit = 1, doorbell_bit = 2;
inline constexpr Word vendor = 0x1AF4, transitional_card = 0x1000; // 4.1.2
inline constexpr Word shared_pages = 64;
inline constexpr Word half_bytes = shared_pages / 2 * abi::page_size;

/// The machine's ports: PCI's and the card's, each with a capability of its own.
class MachinePorts final : public Ports {
public:
    MachinePorts(ipc::object::IoPorts pci, ipc::object::IoPorts card, Word first)
        : pci_{pci}, card_{card}, first_{first} {}
    Word in(Word port, Word size) override { return chosen(port).in(port, size).value_or(0); }
    void out(Word port, Word value, Word size) override { static_cast<void>(chosen(port).out(port, value, size)); }

private:
    [[nodiscard]] ipc::object::IoPorts chosen(Word port) const { return port >= first_ ? card_ : pci_; }
    ipc::object::IoPorts pci_, card_;
    Word first_;
};

/// Frames made in one piece, physically contiguous, and mapped at `address`. They live in a CNode of their own.
class Frames {
public:
    bool make(abi::Address address, Word count) {
        address_ = address;
        count_ = count;
        passage_ = ipc::slots().take();
        auto const table = ipc::make_object(abi::ObjectType::PageTable);
        auto const home = ipc::make_object(abi::ObjectType::CNode, std::bit_width(count - 1));
        if (passage_ == 0 || !home || !table ||
            !ipc::object::PageTable{*table}.map(ipc::own_address_space(), address)) {
            return false;
        }
        home_ = ipc::object::CNode{*home};
        return ipc::own_untyped().retype(abi::ObjectType::Frame, 0, home_, 0, count) && map();
    }
    [[nodiscard]] std::byte* data() const { return reinterpret_cast<std::byte*>(address_); }
    [[nodiscard]] abi::Address physical() const {
        auto const mapping = ipc::own_address_space().query(address_);
        return mapping ? mapping->physical : 0;
    }
    /// A capability for frame `index`, in a slot that the next call uses again.
    Result<ipc::Cap<ipc::Frame>> lend(Word index) {
        static_cast<void>(ipc::own_cnode().remove(passage_));
        if (auto copied = ipc::own_cnode().copy(passage_, home_, index); !copied) { return fail(copied.error()); }
        return ipc::Cap<ipc::Frame>{passage_};
    }
    /// From everybody they were lent to.
    bool take_back() {
        for (Word i = 0; i < count_; ++i) { static_cast<void>(home_.revoke(i)); }
        return map(); // our own mapping is a descendant, too
    }

private:
    bool map() {
        for (Word i = 0; i < count_; ++i) {
            static_cast<void>(ipc::own_cnode().remove(passage_));
            if (!ipc::own_cnode().move(passage_, home_, i)) { return false; }
            bool const mapped =
                ipc::object::Frame{passage_}
                    .map(ipc::own_address_space(), address_ + i * abi::page_size, abi::right::read | abi::right::write)
                    .has_value();
            if (!home_.move(i, ipc::own_cnode(), passage_) || !mapped) { return false; }
        }
        return true;
    }
    abi::Address address_ = 0;
    Word count_ = 0;
    ipc::CapabilityPointer passage_ = 0;
    ipc::object::CNode home_{0};
};

class Driver {
public:
    /// `line`: of the interrupt controller, that `interrupt` is for. Without a card it serves refusals.
    Driver(MachinePorts& ports, Word first_port, Word line, ipc::object::IrqHandler interrupt)
        : card_{ports, first_port}, interrupt_{interrupt} {
        PciConfiguration pci{ports};
        auto const place = pci.find(vendor, transitional_card);
        if (!place) { return; }
        if (!pci.enable_ports(*place, first_port) || !pci.route_interrupt(*place, line)) {
            ipc::log("virtio_net: a card is there, but its ports or its interrupt cannot be set");
            return;
        }
        Word const receive_size = card_.reset_and_size(0), send_size = card_.reset_and_size(1);
        Word const bytes = Card::memory_bytes(receive_size, send_size);
        if (!own_.make(ipc::server_address::window, bytes / abi::page_size) ||
            !shared_.make(ipc::server_address::window + (Word{1} << abi::large_page_bits), shared_pages) ||
            !card_.begin({own_.data(), own_.physical(), bytes})) {
            ipc::log("virtio_net: the card cannot be used: queues of {} and {} entries", receive_size, send_size);
            return;
        }
        if (auto const notification = ipc::mint_notification(interrupt_bit)) {
            static_cast<void>(interrupt_.set_notification(notification->slot));
        }
        if (auto const notification = ipc::mint_notification(doorbell_bit)) { kick_ = *notification; }
        static_cast<void>(interrupt_.acknowledge());
        there_ = true;
        auto const address = card_.hardware_address();
        ipc::log("virtio_net: a card, {x}:{x}:{x}:{x}:{x}:{x}, link {}", address[0], address[1], address[2], address[3],
                 address[4], address[5], card_.link_up() ? "up" : "down");
    }

    Result<proto::NetworkCardIdentity> on(proto::NetworkCard::Identify, ipc::Sender&) {
        if (!there_) { return fail(ipc::Error::NoDevice); }
        return proto::NetworkCardIdentity{card_.hardware_address(), static_cast<std::uint16_t>(card_.link_up() ? 1 : 0),
                                          shared_pages};
    }
    Result<ipc::Cap<ipc::Notification>> on(proto::NetworkCard::Attach, ipc::Sender&,
                                           ipc::Cap<ipc::Notification> doorbell) {
        ipc::Owned<ipc::Notification> owned{doorbell};
        if (!there_) { return fail(ipc::Error::NoDevice); }
        if (!take_back()) { return fail(ipc::Error::NoMemory); }
        std::memset(shared_.data(), 0, sizeof(proto::PacketRingHeader));
        std::memset(shared_.data() + half_bytes, 0, sizeof(proto::PacketRingHeader));
        card_.set_rings({shared_.data(), half_bytes}, {shared_.data() + half_bytes, half_bytes});
        doorbell_ = std::move(owned);
        return kick_;
    }
    Result<ipc::Cap<ipc::Frame>> on(proto::NetworkCard::Page, ipc::Sender&, std::uint32_t index) {
        if (!doorbell_) { return fail(ipc::Error::NotPermitted); }
        if (index >= shared_pages) { return fail(ipc::Error::Range); }
        return shared_.lend(index);
    }
    Result<ipc::Unit> on(proto::NetworkCard::Detach, ipc::Sender&) {
        if (there_) { static_cast<void>(take_back()); }
        return ipc::Unit{};
    }

    void on_notification(Word bits) {
        if (!there_) { return; }
        if ((bits & Word{1} << interrupt_bit) != 0) { static_cast<void>(card_.take_interrupt()); }
        if (card_.work() && doorbell_) { ipc::signal(doorbell_.get()); }
        if ((bits & Word{1} << interrupt_bit) != 0) { static_cast<void>(interrupt_.acknowledge()); }
    }

private:
    bool take_back() {
        card_.set_rings({}, {});
        doorbell_ = {};
        return shared_.take_back();
    }
    Card card_;
    ipc::object::IrqHandler interrupt_;
    Frames own_, shared_;
    ipc::Cap<ipc::Notification> kick_{};
    ipc::Owned<ipc::Notification> doorbell_;
    bool there_ = false;
};

} // namespace virtio_net

namespace virtio_net {

/// Serves for ever with what the manifest gives. `Served`: Driver, or made of it.
template <class Served>
[[noreturn]] void run_driver(ipc::ServerInfo const& info) {
    constexpr std::string_view pci = "ports:0xcf8-0xcff", card = "ports:0xd000-0xd03f", interrupt = "irq:11";
    constexpr abi::Word first_port = 0xd000, line = 11;
    static MachinePorts ports{ipc::object::IoPorts{ipc::need(info, pci)}, ipc::object::IoPorts{ipc::need(info, card)},
                              first_port};
    static Served driver{ports, first_port, line, ipc::object::IrqHandler{ipc::need(info, interrupt)}};
    ipc::serve<proto::NetworkCard>(driver);
}

} // namespace virtio_net
