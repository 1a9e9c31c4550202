// A ring of bytes of fixed size.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace serial_driver {

template <std::size_t size>
class Ring {
    static_assert((size & (size - 1)) == 0);

public:
    [[nodiscard]] std::size_t used() const { return tail_ - head_; }
    [[nodiscard]] std::size_t room() const { return size - used(); }
    bool put(char byte) {
        if (room() == 0) { return false; }
        bytes_[tail_++ % size] = byte;
        return true;
    }
    /// The longest run of bytes at the front that lie side by side.
    [[nodiscard]] std::span<char const> front() const {
        return {bytes_.data() + head_ % size, std::min(used(), size - head_ % size)};
    }
    /// The longest run of free bytes at the end that lie side by side; `commit` what was filled.
    [[nodiscard]] std::span<char> space() {
        return {bytes_.data() + tail_ % size, std::min(room(), size - tail_ % size)};
    }
    void commit(std::size_t count) { tail_ += count; }
    void drop(std::size_t count) { head_ += count; }

private:
    std::array<char, size> bytes_{};
    std::size_t head_ = 0, tail_ = 0; // ever growing; their difference is what counts
};

} // namespace serial_driver
