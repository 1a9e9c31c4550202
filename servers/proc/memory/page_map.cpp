#include "page_map.hpp"

namespace proc {

PageMap::~PageMap() {
    for (Table* table : tables_) {
        if (table == nullptr) continue;
        for (Leaf* leaf : table->leaves) delete leaf;
        delete table;
    }
}

void PageMap::set(Address address, Page* page) {
    Leaf*& leaf = tables_[address / table_bytes]->leaves[address >> 18 & 15];
    if (leaf == nullptr) {
        if (page == nullptr) return;
        leaf = new Leaf;
    }
    Word const index = address >> 12 & 63;
    leaf->pages[index] = page;
    std::uint64_t const bit = std::uint64_t{1} << index;
    leaf->present = page != nullptr ? leaf->present | bit : leaf->present & ~bit;
}

void PageMap::add_table(Address address, CapabilityPointer object) {
    auto* table = new Table;
    table->object = object;
    tables_[address / table_bytes] = table;
    ++tables_present_;
}

void PageMap::remove_table(Address address) {
    Table*& table = tables_[address / table_bytes];
    for (Leaf* leaf : table->leaves) delete leaf;
    delete table;
    table = nullptr;
    --tables_present_;
}

} // namespace proc
