// Which page lies at which address of one address space, and the kernel's page table objects under it. Two levels as the
// hardware has them, the second in leaves of 64 pages so that little is used where little is mapped.
#pragma once
#include "account.hpp"
#include <bit>

namespace proc {

class PageMap {
public:
    static constexpr Word table_bytes = 1 << 22;
    static constexpr Word table_count = abi::user_end / table_bytes;
    struct Leaf {
        std::uint64_t present = 0;
        std::array<Page*, 64> pages{};
    };
    struct Table {
        CapabilityPointer object = 0; ///< the kernel's page table, mapped
        std::array<Leaf*, 16> leaves{};
    };

    PageMap() = default;
    PageMap(PageMap const&) = delete;
    PageMap& operator=(PageMap const&) = delete;
    ~PageMap();

    [[nodiscard]] Page* get(Address address) const {
        Table const* table = tables_[address / table_bytes];
        if (table == nullptr) return nullptr;
        Leaf const* leaf = table->leaves[address >> 18 & 15];
        return leaf == nullptr ? nullptr : leaf->pages[address >> 12 & 63];
    }
    /// The table must be there. Null takes the entry out.
    void set(Address address, Page* page);
    [[nodiscard]] Table* table(Address address) const { return tables_[address / table_bytes]; }
    void add_table(Address address, CapabilityPointer object);
    /// It must hold no page.
    void remove_table(Address address);
    /// Visits the pages in [start, end), page-aligned, ascending: visit(address, page) -> false: take the entry out.
    template <class Visitor>
    void each(Address start, Address end, Visitor visit) {
        for (Address address = start; address < end;) {
            Table* table = tables_[address / table_bytes];
            if (table == nullptr) {
                address = (address | (table_bytes - 1)) + 1;
                continue;
            }
            Address const leaf_start = address & ~Address{0x3ffff};
            Leaf* leaf = table->leaves[address >> 18 & 15];
            if (leaf != nullptr && leaf->present != 0) {
                std::uint64_t mask = leaf->present & (~std::uint64_t{0} << (address >> 12 & 63));
                if (end - leaf_start < 0x40000) mask &= (std::uint64_t{1} << ((end - leaf_start) >> 12)) - 1;
                while (mask != 0) {
                    int const bit = std::countr_zero(mask);
                    mask &= mask - 1;
                    if (!visit(leaf_start + static_cast<Word>(bit) * abi::page_size,
                               leaf->pages[static_cast<Word>(bit)])) {
                        leaf->pages[static_cast<Word>(bit)] = nullptr;
                        leaf->present &= ~(std::uint64_t{1} << bit);
                    }
                }
            }
            address = leaf_start + 0x40000;
        }
    }
    /// visit(start address of the table, Table&).
    template <class Visitor>
    void each_table(Visitor visit) {
        for (Word index = 0; index < table_count; ++index) {
            if (tables_[index] != nullptr) visit(index * table_bytes, *tables_[index]);
        }
    }
    [[nodiscard]] Word tables() const { return tables_present_; }

private:
    std::array<Table*, table_count> tables_{};
    Word tables_present_ = 0;
};

} // namespace proc
