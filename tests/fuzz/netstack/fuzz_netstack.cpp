// libFuzzer target: bytes become frames, time and socket operations for one stack with addresses, listeners, connections and a
// bridge. Nothing may crash, and no sanitizer may complain.
//
// Steps of: a kind, a parameter, for frames a length and so many bytes. What a frame needs to get further in than a first check
// (own address, sums, a connection's numbers) is filled in where the parameter says so.
#include "stack_world.hpp"

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

constexpr std::size_t steps_at_most = 64, shortest = 14;

void frame_step(fuzz::StackWorld& world, Input& input) {
    auto const parameter = input.byte();
    std::size_t length = input.byte();
    bool const long_one = length == 255;
    auto frame = input.bytes(long_one ? 64 : length);
    if (frame.size() < shortest) { frame.resize(shortest); }
    if (long_one) { frame.resize(input.byte() * 80 + 64, 0x5a); }
    auto const device = parameter & 3;
    if ((parameter & 4) != 0) { world.address(frame, device); }
    if ((parameter & 8) != 0) { world.join_connection(frame); }
    if ((parameter & 16) != 0) { fuzz::repair_headers(frame); }
    world.inject(device, frame, (parameter & 32) != 0 ? 1 : 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    Input input{data, size};
    fuzz::StackWorld world;
    for (std::size_t step = 0; step < steps_at_most && !input.empty(); ++step) {
        switch (auto const kind = input.byte() & 7; kind) {
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
        default: frame_step(world, input); break;
        }
    }
    return 0;
}
