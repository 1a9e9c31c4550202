#include "parcel.hpp"
#include "open_file.hpp"

namespace vfs {

Error Parcel::add(OpenFile* own, Slot foreign) {
    if (sent || items_.size() >= capacity) { return Error::Invalid; }
    if (count() >= domain_maximum) { return Error::TooManyReferences; }
    items_.push_back({own, foreign});
    ++count();
    if (own != nullptr) { ++own->in_flight; }
    return Error::None;
}

void Parcel::clear() {
    std::vector<Item> const items = std::exchange(items_, {});
    count() -= static_cast<std::uint32_t>(items.size());
    for (Item const& item : items) {
        if (item.own == nullptr) {
            port_.drop(item.foreign);
        } else if (--item.own->in_flight == 0 && item.own->unheld) {
            keeper_.let_go(*item.own);
        }
    }
}

} // namespace vfs
