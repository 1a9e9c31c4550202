// What the driver needs of PCI (PCI Local Bus 3.0, section 3.2.2.3.2: configuration mechanism 1) and of the PIIX3 bridge that routes
// its interrupts (Intel 82371SB data sheet, PIRQRC). Nothing of other devices is touched.
#pragma once
#include "../../../microkernel/abi/types.hpp"
#include <optional>

namespace virtio_net {

using abi::Word;

/// Input and output; of the machine, or of a test.
class Ports {
public:
    virtual ~Ports() = default;
    virtual Word in(Word port, Word size) = 0;
    virtual void out(Word port, Word value, Word size) = 0;
};

struct PciAddress {
    Word device, function; ///< on bus 0
};

class PciConfiguration {
public:
    explicit PciConfiguration(Ports& ports) : ports_{ports} {}
    [[nodiscard]] Word read(PciAddress at, Word offset);
    void write(PciAddress at, Word offset, Word value);
    /// The first device on bus 0 with those numbers.
    std::optional<PciAddress> find(Word vendor, Word device);
    /// Gives its first base address, which must be one of ports, to `first_port`, and lets it use ports and memory. False: it has no ports.
    bool enable_ports(PciAddress at, Word first_port);
    /// Its interrupt pin A arrives on that line of the interrupt controller from now on; false if no known bridge routes it.
    bool route_interrupt(PciAddress at, Word line);

private:
    Ports& ports_;
};

} // namespace virtio_net
