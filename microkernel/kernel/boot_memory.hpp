// Hands out physical memory before there is an Untyped capability for it: for root's own objects only.
#pragma once
#include "arch.hpp"

namespace kernel {

/// Takes from the top of the largest range, so that what is left splits into few large blocks.
class BootAllocator {
public:
    explicit BootAllocator(BootMemory const& memory) : count_{memory.free_count} {
        for (abi::Word i = 0; i < count_; ++i) {
            ranges_[i] = memory.free[i];
            if (size(ranges_[i]) > size(ranges_[largest_])) largest_ = i;
        }
    }

    /// Physical address of `bytes` aligned to 2^align_bits; 0: none left.
    abi::Address allocate(abi::Word bytes, abi::Word align_bits) {
        MemoryRange& range = ranges_[largest_];
        if (size(range) < bytes) return 0;
        abi::Address const start = (range.end - bytes) & ~((abi::Word{1} << align_bits) - 1);
        if (start < range.start || start == 0) return 0;
        range.end = start;
        return start;
    }

    /// What is left of the n-th free range, whole pages.
    [[nodiscard]] MemoryRange rest(abi::Word n) const {
        return {ranges_[n].start, ranges_[n].end & ~(abi::page_size - 1)};
    }

private:
    static abi::Word size(MemoryRange const& range) { return range.end - range.start; }

    MemoryRange ranges_[32];
    abi::Word count_;
    abi::Word largest_ = 0;
};

} // namespace kernel
