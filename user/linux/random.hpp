// ChaCha20's block function (RFC 8439), for getrandom where there is no /dev/urandom. Pure.
#pragma once
#include <bit>
#include <cstdint>

namespace vdso {

/// 64 bytes from a state of 16 words (constants, key, counter, nonce).
inline void chacha20_block(std::uint32_t const (&state)[16], std::uint32_t (&output)[16]) {
    for (int i = 0; i < 16; ++i) { output[i] = state[i]; }
    auto const quarter = [&](int a, int b, int c, int d) {
        output[a] += output[b];
        output[d] = std::rotl(output[d] ^ output[a], 16);
        output[c] += output[d];
        output[b] = std::rotl(output[b] ^ output[c], 12);
        output[a] += output[b];
        output[d] = std::rotl(output[d] ^ output[a], 8);
        output[c] += output[d];
        output[b] = std::rotl(output[b] ^ output[c], 7);
    };
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 4; ++i) { quarter(i, 4 + i, 8 + i, 12 + i); }
        for (int i = 0; i < 4; ++i) { quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4); }
    }
    for (int i = 0; i < 16; ++i) { output[i] += state[i]; }
}

} // namespace vdso
