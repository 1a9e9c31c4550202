// A virtio network card at work: frames from the user's ring into the transmit queue, received frames into the user's other ring.
#pragma once
#include "../../../libipc/proto/network_card.hpp"
#include "pci.hpp"
#include "virtqueue.hpp"
#include <vector>

namespace virtio_net {

/// Memory that the card reads and writes. `physical(p)`: where the card sees the byte that the driver sees at p.
struct CardMemory {
    std::byte* first = nullptr;
    abi::Address physical_first = 0; ///< of `first`; contiguous from there on
    Word bytes = 0;
};

class Card {
public:
    static constexpr Word buffers = 64; ///< of each direction
    static constexpr Word buffer_bytes = 2048;
    /// What begin() needs, for queues of that many entries.
    static constexpr Word memory_bytes(Word receive_size, Word send_size) {
        return Virtqueue::bytes(receive_size) + Virtqueue::bytes(send_size) + 2 * buffers * buffer_bytes;
    }

    /// `first_port`: of the card's legacy registers.
    Card(Ports& ports, Word first_port) : ports_{ports}, base_{first_port} {}

    /// Number of entries of a queue, as the card says; 0: it has none. 0 receives, 1 sends. Resets the card.
    Word reset_and_size(Word queue);
    /// Sets the queues up (their sizes as reset_and_size said) and starts the card. False: memory too small, a queue missing or odd.
    bool begin(CardMemory memory);
    [[nodiscard]] std::array<std::uint8_t, 6> hardware_address();
    [[nodiscard]] bool link_up();

    /// The user's rings; default-made ones: there is no user.
    void set_rings(proto::PacketRing send, proto::PacketRing receive);
    /// Why the card interrupted; reading it ends the interrupt.
    [[nodiscard]] bool take_interrupt();
    /// Does whatever there is to do in both directions. True: the user's doorbell is due.
    bool work();

private:
    bool receive();
    bool send();
    void offer_receive_buffer(Word number) { receive_queue_.offer(number, buffer_bytes); }

    Ports& ports_;
    Word base_;
    Virtqueue receive_queue_, send_queue_;
    std::byte *receive_buffers_ = nullptr, *send_buffers_ = nullptr;
    std::vector<Word> free_; ///< send buffers that the card does not have
    proto::PacketRing from_user_, to_user_;
};

} // namespace virtio_net
