#include "pci.hpp"

namespace virtio_net {

namespace {
constexpr Word address_port = 0xCF8, data_port = 0xCFC, enable = 0x80000000;
constexpr Word identity = 0x00, command = 0x04, base_address = 0x10, interrupt = 0x3C;
constexpr Word absent = 0xFFFF;
constexpr Word command_ports = 1, command_master = 4, command_no_interrupt = 1 << 10;
constexpr Word base_is_ports = 1, base_flags = 3;
constexpr Word bridge_vendor = 0x8086, bridge_device = 0x7000; ///< PIIX3, function 0: the ISA bridge
constexpr Word bridge_routes = 0x60;                           ///< a byte for each of PIRQA..PIRQD
} // namespace

Word PciConfiguration::read(PciAddress at, Word offset) {
    ports_.out(address_port, enable | at.device << 11 | at.function << 8 | (offset & ~Word{3}), 4);
    return ports_.in(data_port, 4);
}

void PciConfiguration::write(PciAddress at, Word offset, Word value) {
    ports_.out(address_port, enable | at.device << 11 | at.function << 8 | (offset & ~Word{3}), 4);
    ports_.out(data_port, value, 4);
}

std::optional<PciAddress> PciConfiguration::find(Word vendor, Word device) {
    for (Word number = 0; number < 32; ++number) {
        for (Word function = 0; function < 8; ++function) {
            Word const found = read({number, function}, identity);
            if ((found & absent) == absent) {
                if (function == 0) { break; } // without function 0 there is no device
                continue;
            }
            if (found == (vendor | device << 16)) { return PciAddress{number, function}; }
        }
    }
    return std::nullopt;
}

bool PciConfiguration::enable_ports(PciAddress at, Word first_port) {
    if ((read(at, base_address) & base_is_ports) == 0) { return false; }
    Word const before = read(at, command) & 0xFFFF;
    write(at, command, before & ~command_ports); // not while it moves
    write(at, base_address, first_port);
    write(at, command, (before | command_ports | command_master) & ~command_no_interrupt);
    return (read(at, base_address) & ~base_flags) == first_port;
}

bool PciConfiguration::route_interrupt(PciAddress at, Word line) {
    auto const bridge = find(bridge_vendor, bridge_device);
    if (!bridge) { return false; }
    // As the i440FX board wires its slots: pin A of device n is PIRQ (n - 1) mod 4.
    Word const request = (at.device + 3) % 4;
    Word const routes = read(*bridge, bridge_routes);
    write(*bridge, bridge_routes, (routes & ~(Word{0xFF} << request * 8)) | line << request * 8);
    write(at, interrupt, (read(at, interrupt) & ~Word{0xFF}) | line);
    return true;
}

} // namespace virtio_net
