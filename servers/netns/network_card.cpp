#include "network_card.hpp"
#include "ipc/call.hpp"
#include "ipc/slots.hpp"

namespace netns {

Result<HardwareAddress> NetworkCard::identify() const {
    if (driver_.slot == 0) { return fail(Error::NoDevice); }
    auto const identity = ipc::call<proto::NetworkCard::Identify>(driver_);
    if (!identity) { return fail(identity.error()); }
    return identity->hardware_address;
}

void NetworkCard::forget() {
    if (kick_ != 0) { ipc::release_slot(std::exchange(kick_, 0)); }
}

Result<void> NetworkCard::attach(abi::CapabilityPointer bell, abi::Address window, std::uint32_t bytes) {
    forget();
    if (driver_.slot == 0) { return fail(Error::NoDevice); }
    auto const identity = ipc::call<proto::NetworkCard::Identify>(driver_);
    if (!identity) { return fail(identity.error()); }
    if (identity->pages * abi::page_size != bytes) { return fail(Error::NotSupported); } // a ring of another size
    auto const kick = ipc::call<proto::NetworkCard::Attach>(driver_, ipc::Cap<ipc::Notification>{bell});
    if (!kick) { return fail(kick.error()); }
    kick_ = kick->slot;
    for (std::uint32_t i = 0; i < identity->pages; ++i) {
        auto const frame = ipc::call<proto::NetworkCard::Page>(driver_, i);
        auto status = frame ? ipc::object::Frame{frame->slot}.map(ipc::own_address_space(), window + i * abi::page_size,
                                                                  abi::right::read | abi::right::write)
                            : Result<void>{fail(frame.error())};
        if (frame) { ipc::release_slot(frame->slot); } // the mapping keeps it
        if (!status) {
            detach();
            return status;
        }
    }
    return {};
}

void NetworkCard::detach() {
    if (kick_ == 0) { return; }
    forget();
    static_cast<void>(ipc::call<proto::NetworkCard::Detach>(driver_)); // a driver that is not there has forgotten us
}

} // namespace netns
