// Builds the processes that run the stacks, and is their pager: netns never calls a stack, so it is always free to answer a
// stack's fault. Program text comes out of the boot image, shared by all; what a stack writes is made from its own blocks.
#pragma once
#include "memory_blocks.hpp"
#include "network_card.hpp"
#include "program_image.hpp"
#include "stacks.hpp"

namespace netns {

inline constexpr abi::Word doorbell_bit = 1, clock_bit = 2;
/// Badge of a stack's faults (plus its number): beyond every session's and every stack's own.
inline constexpr abi::Word fault_badge_base = 0xC000000;

class GuestStacks final : public Stacks {
public:
    static constexpr std::uint32_t stacks_maximum = 300, rings_maximum = 512;

    GuestStacks(ipc::ServerInfo const& info, ProgramImage const& program);

    ipc::Result<std::uint32_t> start(abi::Word network_badge, bool large) override;
    ipc::Result<void> restart(std::uint32_t number) override;
    void stop(std::uint32_t number) override;
    ipc::Cap<proto::NetworkStack> control(std::uint32_t number) override { return {stacks_[number].control}; }
    std::span<std::byte> configuration(std::uint32_t number) override;
    proto::stack::StatusPage const& status(std::uint32_t number) override;
    void signal(std::uint32_t number, abi::Word bit) override;
    ipc::Result<HardwareAddress> find_card() override { return card_.identify(); }
    ipc::Result<std::uint32_t> make_ring() override;
    void remove_ring(std::uint32_t ring) override;
    ipc::Result<std::uint32_t> attach(std::uint32_t ring, std::uint32_t number, std::uint32_t peer) override;
    void set_peer(std::uint32_t number, std::uint32_t local_ring, std::uint32_t peer) override;
    void detach(std::uint32_t number, std::uint32_t local_ring) override;

    /// A stack's page fault: true if there is a page now. False: it is broken; the caller restarts it.
    bool resolve_fault(std::uint32_t number, abi::Address address, abi::Word code);
    [[nodiscard]] bool running(std::uint32_t number) const {
        return number < stacks_.size() && stacks_[number].running;
    }
    [[nodiscard]] std::size_t limit() const { return stacks_.size(); }

private:
    enum ObjectSlot : abi::Word {
        cnode_slot,
        space_slot,
        thread_slot,
        notification_slot,
        sched_slot,
        ipc_slot,
        configuration_bell,
        timer_bell,
        temporary_slot,
        object_slots
    };
    struct Attachment {
        std::uint32_t ring = 0, peer = 0; ///< ring 0: free
    };
    struct Stack {
        bool used = false, running = false, large = false;
        abi::CapabilityPointer endpoint = 0, control = 0;
        abi::CapabilityPointer objects[object_slots] = {};
        std::vector<abi::CapabilityPointer> blocks;
        std::vector<Attachment> rings;
        std::vector<abi::Address> tables; ///< start of each 4 MiB that has a page table
        abi::Word network_badge = 0;
        std::uint32_t generation = 0;
    };
    static constexpr abi::Word small_radix = 10, large_radix = 12; ///< of a stack's CSpace
    static constexpr abi::Word page = abi::page_size, blocks_maximum = 40, fault_batch = 4;

    /// What a stack's successor begins with.
    struct Legacy {
        std::array<std::byte, proto::stack::configuration_bytes> configuration;
        proto::stack::SavedSockets sockets;
        /// Its endpoint and the watched capabilities of `sockets`, in slots of ours: who holds copies of them stays counted.
        abi::CapabilityPointer endpoint;
        std::array<abi::CapabilityPointer, proto::stack::SavedSockets::maximum> sessions;
    };
    ipc::Result<void> build(std::uint32_t number, Legacy const* legacy = nullptr);
    ipc::Result<void> fill(std::uint32_t number);
    ipc::Result<void> run(std::uint32_t number);
    ipc::Result<void> give_capabilities(std::uint32_t number, Legacy const* legacy);
    static ipc::Result<void> hand_over(ipc::object::CNode to, Legacy const& legacy);
    void take_legacy(Stack& dead, proto::stack::StatusPage const& left, Legacy& legacy);
    void tear_down(Stack& stack);
    /// Ends the waits of everybody who waits for this stack.
    void wake_clients(Stack& stack);
    ipc::Result<void> make(Stack& stack, abi::ObjectType type, abi::Word size_bits, abi::CapabilityPointer slot);
    ipc::Result<void> table(Stack& stack, abi::Address address);
    /// Fresh zeroed pages; with `content` at the start. window: also mapped there in netns itself.
    ipc::Result<void> pages(Stack& stack, abi::Address address, abi::Word count, abi::Word rights,
                            std::span<std::byte const> content = {}, abi::Address window = 0);
    ipc::Result<void> map_ring(std::uint32_t number, std::uint32_t local);
    /// Where the frames of a ring pair are mapped in netns.
    static abi::Address ring_place(std::uint32_t ring);
    /// Takes the card for a stack. Where the driver does not give it, a ring pair that nobody reads is in its place.
    ipc::Result<abi::Address> attach_card(Stack& stack);
    ipc::Result<void> own_table(abi::Address address);
    abi::Address window(std::uint32_t number) const;
    ipc::object::AddressSpace space(Stack const& stack) const {
        return ipc::object::AddressSpace{stack.objects[space_slot]};
    }
    ipc::object::CNode cnode(Stack const& stack) const { return ipc::object::CNode{stack.objects[cnode_slot]}; }

    ipc::ServerInfo const& info_;
    ProgramImage program_;
    MemoryBlocks blocks_;
    ipc::object::SchedControl sched_control_;
    abi::CapabilityPointer doorbell_ = 0;
    std::vector<Stack> stacks_{1};
    struct Ring {
        abi::CapabilityPointer untyped = 0; ///< 0: free
    };
    std::vector<Ring> rings_{1};
    NetworkCard card_;
    std::uint32_t dead_end_ = 0; ///< ring pair in the place of a card whose driver is gone; 0: none needed so far
    std::vector<abi::Address> own_tables_;
};

} // namespace netns
