// libFuzzer target: bytes become frames, time and socket operations for one stack with addresses, listeners, connections and a
// bridge. Nothing may crash, and no sanitizer may complain.
//
// Steps of: a kind, a parameter, for frames a length and so many bytes. What a frame needs to get further in than a first check
// (own address, sums, a connection's numbers) is filled in where the parameter says so. A burst is a seed for FrameMaker, and
// how many frames.
#include "frame_maker.hpp"

namespace {

/// Bytes from the input; zeros behind its end.
class Input {
public:
    Input(std::uint8_t const* data, std::size_t size) : rest_{data, size} {}
    [[nodiscard]] bool empty() const { return rest_.empty(); }
    std::uint8_t byte() {
        if (rest_.empty()) { return 0; }
        auto const value = rest_.front();
        rest_ = rest_.subspan(1);
        return value;
    }
    std::vector<std::uint8_t> bytes(std::size_t count) {
        auto const part = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(part.size());
        return {part.begin(), part.end()};
    }

private:
    std::span<std::uint8_t const> rest_;
};

constexpr std::size_t steps_at_most = 64, shortest = 14, burst_at_most = 32;

void frame_step(fuzz::StackWorld& world, Input& input) {
    auto const parameter = input.byte();
    std::size_t length = input.byte();
    bool const long_one = length == 255;
    auto frame = input.bytes(long_one ? 64 : length);
    if (frame.size() < shortest) { frame.resize(shortest); }
    if (long_one) { frame.resize(input.byte() * 80 + 64, 0x5a); }
    auto const device = parameter & 3;
    if ((parameter & 4) != 0) { world.address(frame, device); }
    if ((parameter & 8) != 0) { fuzz::join_connection(frame, parameter >> 6); }
    if ((parameter & 16) != 0) { fuzz::repair_headers(frame); }
    world.inject(device, frame, (parameter & 32) != 0 ? 1 : 0);
}

void burst_step(fuzz::StackWorld& world, Input& input) {
    auto const parameter = input.byte(), high = input.byte();
    fuzz::FrameMaker maker{static_cast<std::uint32_t>(high << 8 | input.byte())};
    for (auto left = parameter % burst_at_most + 1; left > 0; --left) {
        std::size_t const device = maker.below(3);
        auto const frame = maker.make(device);
        world.inject(device, frame, maker.one_in(4) ? 1 : 0);
        if (maker.one_in(64)) { world.reconfigure(static_cast<std::uint8_t>(maker.below(256) & maker.below(256))); }
        if (maker.one_in(16)) { world.pass(maker.below(300)); }
        if (maker.one_in(16)) { world.use_socket(maker.below(16), maker.below(16), maker.below(256)); }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    Input input{data, size};
    fuzz::StackWorld world;
    for (std::size_t step = 0; step < steps_at_most && !input.empty(); ++step) {
        switch (auto const kind = input.byte() & 15; kind) {
        case 5: world.pass(input.byte() * 20U); break;
        case 6: {
            auto const parameter = input.byte();
            world.use_socket(parameter >> 4, parameter & 15, input.byte());
            break;
        }
        case 7: {
            auto const where = input.byte();
            world.spoil_ring(where & 3, where >> 2, input.byte() * 0x01010101U);
            break;
        }
        case 8: world.reconfigure(input.byte()); break;
        case 9:
        case 10:
        case 11:
        case 12:
        case 13:
        case 14:
        case 15: burst_step(world, input); break;
        default: frame_step(world, input); break;
        }
    }
    return 0;
}
