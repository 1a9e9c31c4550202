// The machine's network card as its driver lends it: one attachment at a time, mapped in netns to be copied into a stack.
#pragma once
#include "ipc/objects.hpp"
#include "network_namespace.hpp"
#include "proto/network_card.hpp"

namespace netns {

class NetworkCard {
public:
    /// `driver`: null where the manifest names none.
    explicit NetworkCard(ipc::Cap<proto::NetworkCard> driver) : driver_{driver} {}

    /// NoDevice: the machine has no card.
    Result<HardwareAddress> identify() const;
    /// Takes the card from whoever had it. Its memory, `bytes` long, is mapped at `window` in our address space, where page tables
    /// are; `bell` (a slot, which stays the caller's) is what the driver signals. NoDevice, NoMemory: nobody has the card now.
    Result<void> attach(abi::CapabilityPointer bell, abi::Address window, std::uint32_t bytes);
    void detach();
    /// What to signal for the driver's attention; 0 while nobody has the card.
    [[nodiscard]] abi::CapabilityPointer kick() const { return kick_; }

private:
    void forget();
    ipc::Cap<proto::NetworkCard> driver_;
    abi::CapabilityPointer kick_ = 0;
};

} // namespace netns
