// An address space for host tests: of one account, which must be as it was when the test ends.
#pragma once
#include "servers/proc/machine/fake_kernel.hpp"
#include "servers/proc/memory/memory.hpp"
#include <doctest/doctest.h>

namespace proc::memory_test {

inline constexpr Word page = abi::page_size;
inline constexpr Word rw = protection::read | protection::write;
inline constexpr Word anonymous = map_flag::private_mapping | map_flag::anonymous;

struct World {
    FakeKernel kernel;
    FakeFiles source{kernel};
    FileCache cache{kernel, source};
    Account account{kernel, 0};
    MemorySpace* space = *MemorySpace::create(account);
    std::uint64_t empty = account.used();

    ~World() {
        if (space != nullptr) space->release();
        CHECK(account.used() == 0);
        cache.purge();
        account.clear();
        CHECK(kernel.chunks == 0);
        CHECK(kernel.mapped.empty());
    }
    Address map(Word length, Word protection = rw, Word flags = anonymous, Address at = 0) {
        auto address = space->map(at, length, protection, flags, 0, nullptr);
        REQUIRE(address);
        return *address;
    }
};

} // namespace proc::memory_test
