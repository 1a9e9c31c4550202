// The vDSO's conversions: what programs see must be Linux's, byte for byte.
#include "user/linux/arithmetic.hpp"
#include "user/linux/ioctl.hpp"
#include "user/linux/random.hpp"
#include "user/linux/signal_frame.hpp"
#include "user/linux/status.hpp"
#include <cstring>
#include <doctest/doctest.h>
#include <string>
#include <vector>

TEST_CASE("division by a word") {
    for (std::uint64_t const value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{999999999},
                                      std::uint64_t{1000000000}, std::uint64_t{0xffffffff}, std::uint64_t{0x100000000},
                                      std::uint64_t{1700000000123456789}, ~std::uint64_t{0}}) {
        for (std::uint32_t const divisor : {1U, 3U, 1000U, 1000000000U, 0xffffffffU}) {
            auto const d = vdso::divide(value, divisor);
            CHECK(d.quotient == value / divisor);
            CHECK(d.remainder == value % divisor);
        }
    }
}

TEST_CASE("ticks to nanoseconds") {
    CHECK(vdso::ticks_to_nanoseconds(0, 1000000) == 0);
    CHECK(vdso::ticks_to_nanoseconds(1000000, 1000000) == 1000000);
    CHECK(vdso::ticks_to_nanoseconds(2400000, 2400000) == 1000000);
    CHECK(vdso::ticks_to_nanoseconds(3, 2400000) == 1);
    CHECK(vdso::ticks_to_nanoseconds(std::uint64_t{2400000} * 86400000, 2400000) == std::uint64_t{86400} * 1000000000);
    std::uint64_t last = 0; // never backwards
    for (std::uint64_t ticks = 0; ticks < 30000000; ticks += 977) {
        std::uint64_t const now = vdso::ticks_to_nanoseconds(ticks, 2893301);
        CHECK(now >= last);
        last = now;
    }
}

TEST_CASE("device numbers") {
    CHECK(vdso::encode_device(4, 64) == 0x440);
    CHECK(vdso::encode_device(0, 256) == 0x100000);
    for (std::uint32_t const minor : {0U, 255U, 256U, 70000U}) {
        std::uint32_t const device = vdso::encode_device(136, minor);
        CHECK(vdso::device_major(device) == 136);
        CHECK(vdso::device_minor(device) == minor);
    }
}

namespace {
proto::FileStatus sample() {
    proto::FileStatus status{};
    status.inode = 0x1234;
    status.size = 5000;
    status.blocks512 = 16;
    status.access_time = 1700000000123456789;
    status.modify_time = 1600000000000000001;
    status.change_time = 5;
    status.device_minor = 7;
    status.special_major = 4;
    status.special_minor = 1;
    status.mode = 0100644;
    status.links = 2;
    status.user = 1000;
    status.group = 70000;
    status.block_size = 4096;
    return status;
}
template <class T>
std::uint64_t at(T const& object, std::size_t offset, std::size_t bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, reinterpret_cast<char const*>(&object) + offset, bytes);
    return value;
}
} // namespace

TEST_CASE("struct stat64 of i386") {
    auto const out = vdso::stat64(sample());
    CHECK(at(out, 0, 8) == 7);
    CHECK(at(out, 12, 4) == 0x1234);
    CHECK(at(out, 16, 4) == 0100644);
    CHECK(at(out, 20, 4) == 2);
    CHECK(at(out, 24, 4) == 1000);
    CHECK(at(out, 28, 4) == 70000);
    CHECK(at(out, 32, 8) == 0x401);
    CHECK(at(out, 44, 8) == 5000);
    CHECK(at(out, 52, 4) == 4096);
    CHECK(at(out, 56, 8) == 16);
    CHECK(at(out, 64, 4) == 1700000000);
    CHECK(at(out, 68, 4) == 123456789);
    CHECK(at(out, 72, 4) == 1600000000);
    CHECK(at(out, 80, 4) == 0);
    CHECK(at(out, 84, 4) == 5);
    CHECK(at(out, 88, 8) == 0x1234);
}

TEST_CASE("old struct stat: 16-bit ids, and overflow is said") {
    vdso::Stat32 out;
    CHECK(vdso::stat32(sample(), out));
    CHECK(out.user == 1000);
    CHECK(out.group == 65534);
    auto large = sample();
    large.size = 0x80000000;
    CHECK_FALSE(vdso::stat32(large, out));
}

TEST_CASE("struct statx") {
    auto const out = vdso::statx(sample());
    CHECK(at(out, 0, 4) == 0x17ff);
    CHECK(at(out, 28, 2) == 0100644);
    CHECK(at(out, 32, 8) == 0x1234);
    CHECK(at(out, 40, 8) == 5000);
    CHECK(at(out, 64, 8) == 1700000000);
    CHECK(at(out, 96, 8) == 0);
    CHECK(at(out, 112, 8) == 1600000000);
    CHECK(at(out, 128, 4) == 4);
}

TEST_CASE("getdents from getdents64") {
    std::vector<std::uint8_t> records;
    auto const add = [&](std::uint64_t inode, std::uint64_t offset, std::uint8_t type, std::string const& name) {
        std::uint16_t const length = static_cast<std::uint16_t>((19 + name.size() + 1 + 7) & ~std::size_t{7});
        std::size_t const start = records.size();
        records.resize(start + length, 0xee);
        std::memcpy(&records[start], &inode, 8);
        std::memcpy(&records[start + 8], &offset, 8);
        std::memcpy(&records[start + 16], &length, 2);
        records[start + 18] = type;
        std::memcpy(&records[start + 19], name.c_str(), name.size() + 1);
    };
    add(1, 1, 4, ".");
    add(2, 2, 8, "a-rather-long-name.txt");
    add(3, 3, 10, "ln");
    std::uint32_t const bytes =
        vdso::convert_directory_entries(records.data(), static_cast<std::uint32_t>(records.size()));
    std::vector<std::string> names;
    std::vector<int> types;
    for (std::uint32_t position = 0; position < bytes;) {
        std::uint16_t length;
        std::memcpy(&length, &records[position + 8], 2);
        names.emplace_back(reinterpret_cast<char const*>(&records[position + 10]));
        types.push_back(records[position + length - 1]);
        CHECK(length % 4 == 0);
        position += length;
    }
    CHECK(names == std::vector<std::string>{".", "a-rather-long-name.txt", "ln"});
    CHECK(types == std::vector<int>{4, 8, 10});
    records.assign(40, 0xff); // hostile: a length beyond the end
    CHECK(vdso::convert_directory_entries(records.data(), 40) == 0);
}

TEST_CASE("ioctl memory") {
    using vdso::ioctl_memory;
    CHECK(ioctl_memory(0x5401).writes == 36);
    CHECK(ioctl_memory(0x5402).reads == 36);
    CHECK(ioctl_memory(0x5402).writes == 0);
    CHECK(ioctl_memory(0x5413).writes == 8);
    CHECK(ioctl_memory(0x541b).writes == 4);
    CHECK(ioctl_memory(0x8913).reads == 32);
    CHECK(ioctl_memory(0x40045431).reads == 4);  // TIOCSPTLCK
    CHECK(ioctl_memory(0x80045430).writes == 4); // TIOCGPTN
    CHECK(ioctl_memory(0x12345).reads == 0);
    CHECK(vdso::ioctl_may_wait(0x5403));
    CHECK_FALSE(vdso::ioctl_may_wait(0x5401));
}

TEST_CASE("signal frames are aligned as the ABI wants") {
    for (std::uint32_t stack = 0xbf000000; stack < 0xbf000040; ++stack) {
        auto const floating_point = vdso::floating_point_address(stack);
        CHECK((floating_point + 112) % 64 == 0);
        CHECK(floating_point + 624 <= stack);
        auto const frame = vdso::frame_address(floating_point, sizeof(vdso::SignalFrame));
        CHECK((frame + 4) % 16 == 0);
        CHECK(frame + sizeof(vdso::SignalFrame) <= floating_point);
    }
}

TEST_CASE("ChaCha20 block of RFC 8439, 2.3.2") {
    std::uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 0x03020100, 0x07060504,
                               0x0b0a0908, 0x0f0e0d0c, 0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c,
                               0x00000001, 0x09000000, 0x4a000000, 0x00000000};
    std::uint32_t block[16];
    vdso::chacha20_block(state, block);
    CHECK(block[0] == 0xe4e7f110);
    CHECK(block[1] == 0x15593bd1);
    CHECK(block[15] == 0x4e3c50a2);
}
