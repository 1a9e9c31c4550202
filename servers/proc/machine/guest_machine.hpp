// Machine in the guest: threads and CSpaces by invocations of the kernel's objects.
#pragma once
#include "../memory/account.hpp"
#include "guest_kernel.hpp"

namespace proc {

class GuestMachine final : public Machine {
public:
    GuestMachine(GuestKernel& kernel, ipc::object::SchedControl sched_control)
        : kernel_{kernel}, sched_control_{sched_control} {
        Account::on_thread_deleted = forget;
    }

    /// Badge of the Linux thread whose fault arrived with `fault_badge`; 0: no thread's (a forged message: no Process capability
    /// has such a badge).
    [[nodiscard]] Word owner_of(Word fault_badge) const;

    Result<KernelCSpace*> create_cspace(Account& account) override;
    void release_cspace(KernelCSpace& cspace) override;
    Status install(KernelCSpace& cspace, Word slot, CapabilityPointer source) override;
    Status install_process(KernelCSpace& cspace, Word slot, Word badge) override;
    void remove(KernelCSpace& cspace, Word first_slot, Word count) override;
    Status copy_descriptors(KernelCSpace& from, KernelCSpace& to, Word count) override;
    Result<CapabilityPointer> fetch(KernelCSpace& cspace, Word slot) override;
    Result<Word> grow(KernelCSpace& cspace, Word descriptor, std::span<KernelThread* const> threads) override;
    void drop(CapabilityPointer capability) override { kernel_.drop(capability); }
    Result<CapabilityPointer> duplicate(CapabilityPointer capability) override { return kernel_.duplicate(capability); }

    Result<KernelThread*> create_thread(Account& account, KernelCSpace& cspace, SpaceBinding const& binding, Word badge,
                                        Word wake_slot) override;
    void destroy_thread(KernelThread& thread) override;
    Status set_space(KernelThread& thread, SpaceBinding const& binding) override;
    Status set_cspace(KernelThread& thread, KernelCSpace& cspace) override;
    void suspend(KernelThread& thread) override;
    void resume(KernelThread& thread) override;
    bool interrupt(KernelThread& thread) override;
    Result<abi::Registers> read_registers(KernelThread& thread) override;
    Status copy_floating_point(KernelThread const& from, KernelThread& to) override;
    void reset_floating_point(KernelThread& thread) override;
    Status write_registers(KernelThread& thread, abi::Registers const& registers, bool resume) override;
    Status start(KernelThread& thread, Address eip, bool resume) override;
    Result<abi::ThreadState> state(KernelThread& thread) override;
    Status set_tls(KernelThread& thread, Word entry, TlsEntry value) override;
    std::uint64_t consumed(KernelThread& thread) override;
    void set_name(KernelThread& thread, std::string_view name) override;
    void wake(KernelThread& thread) override;

private:
    static constexpr Word program_priority = 100, time_slice_microseconds = 10000;
    // Badges of faults: the low 16 bits are below 16, the others not zero. No badge of process/badges.hpp is like that.
    static Word fault_badge(Word number) { return ((number >> 4) + 1) << 16 | (number & 15); }
    Status make_parts(KernelThread& thread);
    static Result<Word> take_number(KernelThread& thread);
    static void forget(KernelThread& thread);

    GuestKernel& kernel_;
    ipc::object::SchedControl sched_control_;
    static inline std::vector<KernelThread*> numbers_;
    static inline std::vector<Word> free_numbers_;
};

} // namespace proc
