#include "fixture.hpp"
#include "../../../microkernel/kernel/syscall.hpp"
#include <cstring>

namespace test {

namespace {

constexpr Address module_bytes = 0x4000;

/// A program of one page of text and three of data, as the linker would write it.
void write_program(unsigned char* at) {
    std::memset(at, 0, module_bytes);
    auto put = [at](Word offset, Word value, Word bytes) { std::memcpy(at + offset, &value, bytes); };
    std::memcpy(at, "\177ELF\1\1\1", 7);
    put(16, 2, 2), put(18, 3, 2), put(20, 1, 4), put(24, 0x00400000, 4), put(28, 52, 4), put(40, 52, 2), put(42, 32, 2),
        put(44, 2, 2);
    Word const segments[2][8] = {{1, 0x1000, 0x00400000, 0, 0x800, 0x800, 5, 0x1000},
                                 {1, 0x2000, 0x00401000, 0, 0x1000, 0x2800, 6, 0x1000}};
    std::memcpy(at + 52, segments, sizeof segments);
    std::memset(at + 0x2000, 0x77, 0x1000);
}

} // namespace

Kernel::Kernel() {
    arch::host::reset();
    kernel::boot_cpu = {};
    static kernel::BootMemory memory;
    memory = {};
    Address const start = arch::host::memory_start, end = start + arch::host::memory_bytes;
    memory.free[0] = {start + module_bytes, end};
    memory.free_count = 1;
    memory.devices[0] = {start, start + module_bytes};
    memory.devices[1] = {0xfee00000, 0xfee01000};
    memory.device_count = 2;
    memory.modules[0] = {start, module_bytes, "root"};
    memory.modules[1] = {start, module_bytes, "image"};
    memory.module_count = 2;
    memory.command_line = "mode=test";
    write_program(static_cast<unsigned char*>(arch::to_virtual(start)));
    kernel::boot(memory);
    root_ = cpu().current;
    REQUIRE(root_ != nullptr);
    auto const& info = *static_cast<BootInfo const*>(arch::user_to_kernel(
        root_->address_space.capability.object<kernel::AddressSpace>().hardware, boot_info_address, right::read));
    next_slot_ = info.first_free_slot;
    Word largest = 0;
    for (Word i = 0; i < info.untyped_count; ++i)
        if (!info.untypeds[i].is_device && info.untypeds[i].size_bits > largest) {
            largest = info.untypeds[i].size_bits;
            untyped_ = boot_slot::first_untyped + i;
        }
    check();
}

void Kernel::check() { REQUIRE(kernel::check_invariants() == 0); }

void Kernel::run(Thread& thread) {
    if (cpu().current == &thread) return;
    REQUIRE(kernel::is_runnable(thread));
    kernel::make_unready(thread);
    Thread* const before = cpu().current;
    cpu().current = &thread;
    if (before != nullptr) kernel::make_ready(*before);
    kernel::load(thread);
}

Answer Kernel::answer(Thread const& thread) {
    auto const& registers = thread.context.values;
    return {registers.eax, registers.ebx, registers.esi, registers.edi};
}

Answer Kernel::system_call(Thread& thread, Syscall call, Word capability, MessageInfo info, Word first, Word second,
                           Word reply) {
    run(thread);
    thread.context.set_message(info.with(call).raw, capability, first, second);
    thread.context.values.ebp = reply;
    kernel::handle_syscall(thread);
    // Preempted system calls are finished when the thread runs again.
    for (Word i = 0; thread.restart && i < 100000; ++i) {
        run(thread);
        kernel::restart_syscall(thread);
        kernel::leave_kernel();
    }
    if (checks) check();
    return answer(thread);
}

Answer Kernel::invoke(Thread& thread, Word capability, Invocation label, std::initializer_list<Word> words,
                      std::initializer_list<Word> capabilities) {
    Word registers[2] = {0, 0};
    Word index = 0;
    for (Word word : words) {
        if (index < 2) registers[index] = word;
        else thread.ipc_buffer->message[index] = word;
        ++index;
    }
    Word count = 0;
    for (Word pointer : capabilities) thread.ipc_buffer->capabilities[count++] = pointer;
    return system_call(thread, Syscall::Call, capability, MessageInfo{static_cast<Word>(label), index, count},
                       registers[0], registers[1]);
}

Word Kernel::slots(Word count) {
    Word const first = next_slot_;
    next_slot_ += count;
    return first;
}

Word Kernel::make(ObjectType type, Word size_bits) {
    Word const slot = slots();
    REQUIRE(
        invoke(untyped_, Invocation::UntypedRetype, {static_cast<Word>(type), size_bits, slot, 1}, {cnode}).error() ==
        Error::None);
    return slot;
}

Word Kernel::mint(Word source, Word badge, Word rights, Word flags) {
    Word const slot = slots();
    REQUIRE(invoke(cnode, Invocation::CNodeMint, {slot, 0, source, 0, rights, badge, flags}, {cnode}).error() ==
            Error::None);
    return slot;
}

Error Kernel::remove(Word slot) { return invoke(cnode, Invocation::CNodeDelete, {slot, 0}).error(); }
Error Kernel::revoke(Word slot) { return invoke(cnode, Invocation::CNodeRevoke, {slot, 0}).error(); }
kernel::Slot& Kernel::slot(Word pointer) { return *kernel::lookup(*root_, pointer); }
Word Kernel::free_bytes() { return invoke(untyped_, Invocation::UntypedInspect).first; }

Client Kernel::make_client(Word priority, bool active) {
    Client client;
    client.capability = make(ObjectType::Thread);
    client.thread = &object<Thread>(client.capability);
    client.space = make(ObjectType::AddressSpace);
    client.buffer_frame = make(ObjectType::Frame);
    REQUIRE(invoke(client.capability, Invocation::ThreadConfigure, {0x10000000, 20},
                   {cnode, client.space, client.buffer_frame})
                .error() == Error::None);
    REQUIRE(invoke(client.capability, Invocation::ThreadSetPriority, {priority}).error() == Error::None);
    if (active) {
        client.sched_context = make(ObjectType::SchedContext);
        REQUIRE(
            invoke(boot_slot::sched_control, Invocation::SchedControlConfigure, {10000, 10000}, {client.sched_context})
                .error() == Error::None);
        REQUIRE(invoke(client.sched_context, Invocation::SchedContextBind, {}, {client.capability}).error() ==
                Error::None);
    }
    REQUIRE(invoke(client.capability, Invocation::ThreadResume).error() == Error::None);
    return client;
}

} // namespace test
