#include "ring_frames.hpp"
#include "lwip/hooks.h"
#include "lwip/prot/ethernet.h"
#include <array>
#include <new>
#include <vector>

namespace netstack {

namespace {
constexpr std::uint32_t long_frame = 2048; ///< below, a copy is cheaper than a buffer more
constexpr std::uint32_t ethernet_bytes = SIZEOF_ETH_HDR - ETH_PAD_SIZE;
constexpr std::uint32_t headers_maximum = ethernet_bytes + 60 + 60;
constexpr std::uint8_t tcp = 6, udp = 17;

/// Data in a ring's memory, or in `own` since it was settled.
struct Part {
    pbuf_custom lwip;
    Part *previous, *next;
    void* own;
};
/// Of what lies in a ring.
Part* in_rings = nullptr;
#ifdef CELLA_HOST_TEST
constexpr std::size_t spare_maximum = 0; // the address sanitizer is to see them go
#else
constexpr std::size_t spare_maximum = 16;
#endif
std::vector<Part*>& spare() {
    static std::vector<Part*> parts;
    return parts;
}

void unlink(Part& part) {
    (part.previous != nullptr ? part.previous->next : in_rings) = part.next;
    if (part.next != nullptr) { part.next->previous = part.previous; }
}

void free_part(pbuf* p) {
    auto* const part = reinterpret_cast<Part*>(p);
    if (part->own != nullptr) {
        cella_lwip_free(part->own);
    } else {
        unlink(*part);
    }
    if (spare().size() < spare_maximum) {
        spare().push_back(part);
    } else {
        delete part;
    }
}

pbuf* refer(std::byte* bytes, std::uint16_t count) {
    Part* part = nullptr;
    if (!spare().empty()) {
        part = spare().back();
        spare().pop_back();
    } else {
        part = new (std::nothrow) Part{};
    }
    if (part == nullptr) { return nullptr; }
    part->lwip.custom_free_function = &free_part;
    part->own = nullptr;
    part->previous = nullptr;
    part->next = in_rings;
    if (in_rings != nullptr) { in_rings->previous = part; }
    in_rings = part;
    return pbuf_alloced_custom(PBUF_RAW, count, PBUF_REF, &part->lwip, bytes, count);
}

/// How long the headers of a frame are whose payload nobody looks into; 0: the frame is another.
std::uint32_t headers_of(std::array<std::uint8_t, headers_maximum> const& frame) {
    std::uint32_t at = ethernet_bytes;
    std::uint8_t protocol = 0;
    if (frame[12] == 0x08 && frame[13] == 0x00) {
        bool const piece = (frame[at + 6] & 0x3f) != 0 || frame[at + 7] != 0;
        if (piece) { return 0; }
        protocol = frame[at + 9];
        at += (frame[at] & 15U) * 4;
    } else if (frame[12] == 0x86 && frame[13] == 0xdd) {
        protocol = frame[at + 6];
        at += 40;
    }
    if (protocol == udp) { return at + 8; }
    std::uint32_t const length = protocol == tcp ? (frame[at + 12] >> 4) * 4U : 0;
    return length >= 20 ? at + length : 0;
}
} // namespace

pbuf* frame_from_ring(proto::PacketRing const& ring, std::uint32_t length) {
    std::array<std::uint8_t, headers_maximum> start;
    std::uint32_t headers = 0;
    if (length >= long_frame) {
        ring.read(0, start.data(), start.size());
        headers = headers_of(start);
    }
    auto const copied = headers != 0 ? headers : length;
    pbuf* const frame = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(copied + ETH_PAD_SIZE), PBUF_RAM);
    if (frame == nullptr) { return nullptr; }
    auto* const target = static_cast<std::byte*>(frame->payload) + ETH_PAD_SIZE;
    if (headers == 0) {
        ring.read(0, target, length);
        return frame;
    }
    std::memcpy(target, start.data(), headers);
    bool whole = true;
    ring.each_part(headers, length - headers, [&](std::byte* bytes, std::uint32_t count) {
        pbuf* const part = whole ? refer(bytes, static_cast<std::uint16_t>(count)) : nullptr;
        whole = part != nullptr;
        if (whole) { pbuf_cat(frame, part); }
    });
    if (whole) { return frame; }
    pbuf_free(frame);
    return nullptr;
}

bool settle_ring_frames() {
    while (in_rings != nullptr) {
        auto& part = *in_rings;
        auto& data = part.lwip.pbuf;
        void* const own = cella_lwip_malloc(data.len);
        if (own == nullptr) { return false; }
        std::memcpy(own, data.payload, data.len); // lwIP may have cut something off at either end
        data.payload = own;
        part.own = own;
        unlink(part);
    }
    return true;
}

} // namespace netstack
