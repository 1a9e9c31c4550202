#include "world.hpp"
#include "../../../microkernel/kernel/interrupt.hpp"
#include "../../../microkernel/kernel/memory.hpp"
#include <cstdlib>
#include <cstring>

namespace fuzz {

using namespace abi;
using arch::host::machine;
using enum Invocation;

namespace {

constexpr Address module_bytes = 0x4000;
constexpr Word chunk_bits = 18, world_node = 1000; // slots of root's CNode from here on are the world's

[[noreturn]] void broken(char const* what) {
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

void write_program(unsigned char* at) {
    std::memset(at, 0, module_bytes);
    auto put = [at](Word offset, Word value, Word bytes) { std::memcpy(at + offset, &value, bytes); };
    std::memcpy(at, "\177ELF\1\1\1", 7);
    put(16, 2, 2), put(18, 3, 2), put(20, 1, 4), put(24, 0x00400000, 4), put(28, 52, 4), put(40, 52, 2), put(42, 32, 2),
        put(44, 1, 2);
    Word const segment[8] = {1, 0x1000, 0x00400000, 0, 0x800, 0x800, 5, 0x1000};
    std::memcpy(at + 52, segment, sizeof segment);
}

} // namespace

World::World() {
    arch::host::reset();
    kernel::boot_cpu = {};
    static kernel::BootMemory memory;
    Address const start = arch::host::memory_start;
    memory.free[0] = {start + 0x80000, start + 0x180000};
    memory.free_count = 1;
    memory.devices[0] = {start, start + module_bytes};
    memory.device_count = 1;
    memory.modules[0] = {start, module_bytes, "root"};
    memory.module_count = 1;
    write_program(static_cast<unsigned char*>(arch::to_virtual(start)));
    kernel::boot(memory);
    root_ = kernel::cpu().current;
    make_objects();
    kernel::suspend(*root_);
    kernel::leave_kernel();
    if (Word const fault = kernel::check_invariants(); fault != 0) broken("the world does not hold");
    auto* const chunk =
        static_cast<unsigned char*>(arch::to_virtual(kernel::lookup(*root_, chunk_)->capability.pointer()));
    Word const used = kernel::lookup(*root_, chunk_)->capability.watermark();
    ranges_.push_back({chunk, used, {}, {}});
    ranges_.push_back({reinterpret_cast<unsigned char*>(root_), sizeof(Thread), {}, {}});
    ranges_.push_back(
        {reinterpret_cast<unsigned char*>(root_->cspace_root.capability.slots()), 1100 * sizeof(kernel::Slot), {}, {}});
    for (Range& range : ranges_) range.first.assign(range.start, range.start + range.bytes);
    first_cpu_ = kernel::cpu();
}

void World::restore() {
    for (Range& range : ranges_) kernel::copy_bytes(range.start, range.first.data(), range.bytes);
    kernel::cpu() = first_cpu_;
    kernel::initialize_interrupts();
    machine = {};
}

Error World::invoke_as_root(Word capability, Invocation label, std::initializer_list<Word> words,
                            std::initializer_list<Word> capabilities) {
    Word registers[2] = {0, 0}, index = 0, count = 0;
    for (Word word : words) {
        (index < 2 ? registers[index] : root_->ipc_buffer->message[index]) = word;
        ++index;
    }
    for (Word pointer : capabilities) root_->ipc_buffer->capabilities[count++] = pointer;
    make_current(*root_);
    root_->context.set_message(MessageInfo{static_cast<Word>(label), index, count}.with(Syscall::Call).raw, capability,
                               registers[0], registers[1]);
    kernel::handle_syscall(*root_);
    while (root_->restart) {
        make_current(*root_);
        kernel::leave_kernel();
    }
    return MessageInfo{root_->context.info()}.status();
}

void World::must(Word capability, Invocation label, std::initializer_list<Word> words,
                 std::initializer_list<Word> capabilities) {
    if (invoke_as_root(capability, label, words, capabilities) != Error::None) broken("the world cannot be made");
}

void World::make_objects() {
    constexpr Word cnode = boot_slot::cnode;
    untyped_ = boot_slot::first_untyped;
    while (kernel::lookup(*root_, untyped_)->capability.untyped_size_bits() < chunk_bits + 1 ||
           kernel::lookup(*root_, untyped_)->capability.untyped_is_device())
        ++untyped_;
    Word next = world_node;
    auto make_from = [&](Word memory, ObjectType type, Word bits) {
        must(memory, UntypedRetype, {static_cast<Word>(type), bits, next, 1}, {cnode});
        return next++;
    };
    chunk_ = make_from(untyped_, ObjectType::Untyped, chunk_bits);
    auto make = [&](ObjectType type, Word bits = 0) { return make_from(chunk_, type, bits); };
    Word const node = make(ObjectType::CNode, radix);
    Word place = 1;
    auto copy = [&](Word slot) { must(node, CNodeCopy, {place++, 0, slot, 0, 15}, {cnode}); };
    auto give = [&](Word slot) { must(node, CNodeMove, {place++, 0, slot, 0}, {cnode}); };
    auto mint = [&](Word slot, Word badge) { must(node, CNodeMint, {place++, 0, slot, 0, 15, badge}, {cnode}); };
    copy(node);                          // 1
    give(make(ObjectType::Untyped, 15)); // 2
    give(make(ObjectType::Untyped, 13)); // 3
    Word const endpoints[] = {make(ObjectType::Endpoint), make(ObjectType::Endpoint)};
    for (Word endpoint : endpoints) copy(endpoint), mint(endpoint, 5 + place), mint(endpoint, 7); // 4..9
    Word const notification = make(ObjectType::Notification);
    copy(notification), mint(notification, 1);                    // 10, 11
    give(make(ObjectType::Reply)), give(make(ObjectType::Reply)); // 12, 13
    Word spaces[2] = {make(ObjectType::AddressSpace), make(ObjectType::AddressSpace)};
    copy(spaces[0]), copy(spaces[1]);                                                // 14, 15
    give(make(ObjectType::PageTable)), give(make(ObjectType::PageTable));            // 16, 17
    for (int i = 0; i < 3; ++i) give(make(ObjectType::Frame));                       // 18..20
    give(make(ObjectType::SchedContext)), give(make(ObjectType::SchedContext));      // 21, 22
    give(make(ObjectType::CNode, 3));                                                // 23
    must(node, CNodeCopy, {place++, 0, boot_slot::sched_control, 0, 15}, {cnode});   // 24
    must(node, CNodeCopy, {place++, 0, boot_slot::irq_control, 0, 15}, {cnode});     // 25
    must(node, CNodeCopy, {place++, 0, boot_slot::io_port_control, 0, 15}, {cnode}); // 26
    for (Word i = 0; i < thread_count; ++i) {                                        // 27..32: thread, context
        Word const thread = make(ObjectType::Thread), context = make(ObjectType::SchedContext),
                   buffer = make(ObjectType::Frame);
        must(thread, ThreadConfigure, {0x10000000, 32 - radix}, {node, spaces[i % 2], buffer});
        must(thread, ThreadSetPriority, {50 + i}, {});
        must(boot_slot::sched_control, SchedControlConfigure, {i == 2 ? 2000u : 5000u, 5000}, {context});
        must(context, SchedContextBind, {}, {thread});
        must(thread, ThreadSetFaultHandler, {}, {endpoints[0]});
        threads_[i] = kernel::lookup(*root_, thread)->capability.object_pointer<Thread>();
        copy(thread), copy(context);
        must(thread, ThreadResume, {}, {});
    }
}

void World::make_current(Thread& thread) {
    if (kernel::cpu().current == &thread) return;
    if (thread.state == kernel::ThreadState::Inactive) kernel::resume(thread);
    kernel::make_unready(thread);
    Thread* const before = kernel::cpu().current;
    kernel::cpu().current = &thread;
    if (before != nullptr) kernel::make_ready(*before);
    kernel::load(thread);
}

bool World::can_run(Word index) const {
    // Deleted threads are in no list: their memory must not be looked at.
    for (Thread const* thread = kernel::cpu().all_threads; thread != nullptr; thread = thread->all_next)
        if (thread == threads_[index]) return kernel::is_runnable(*thread);
    return false;
}

void World::perform(Word index, Request const& request) {
    Thread& thread = *threads_[index];
    make_current(thread);
    if (IpcBuffer* const buffer = thread.ipc_buffer; buffer != nullptr) {
        for (Word i = 2; i < 8; ++i) buffer->message[i] = request.words[i];
        for (Word i = 0; i < 3; ++i) buffer->capabilities[i] = request.capabilities[i];
        buffer->receive_slot = request.receive_slot;
        buffer->read_address = buffer->write_address = request.words[7];
        buffer->read_length = buffer->write_length = request.words[6];
    }
    MessageInfo const info{request.label, request.length, request.capability_count,
                           request.buffers * MessageInfo::read_buffer};
    thread.context.set_message(info.with(request.call).raw, request.capability, request.words[0], request.words[1]);
    thread.context.values.ebp = request.reply;
    kernel::handle_syscall(thread);
}

bool World::go_on(Word index) {
    if (!can_run(index) || !threads_[index]->restart) return false;
    make_current(*threads_[index]);
    kernel::leave_kernel();
    return true;
}

void World::tick() { kernel::handle_tick(); }

void World::remember() {
    for (Range& range : ranges_)
        range.before.resize(range.bytes), kernel::copy_bytes(range.before.data(), range.start, range.bytes);
    before_cpu_ = kernel::cpu();
}

bool World::is_unchanged(Word caller) {
    // The answer is a word of the caller's registers; what its Call declared is read from its buffer at each Call.
    Thread& thread = *threads_[caller];
    auto* const here = reinterpret_cast<unsigned char*>(&thread);
    for (Range& range : ranges_) {
        if (here >= range.start && here < range.start + range.bytes) {
            auto forgive = [&](auto& field) {
                std::memcpy(range.before.data() + (reinterpret_cast<unsigned char*>(&field) - range.start), &field,
                            sizeof field);
            };
            forgive(thread.context.values.eax), forgive(thread.context.hazards);
            forgive(thread.read_buffer), forgive(thread.write_buffer);
        }
        for (Word at = 0; at < range.bytes; at += sizeof(Word))
            if (std::memcmp(range.start + at, range.before.data() + at, sizeof(Word)) != 0) {
                std::fprintf(stderr, "fuzz: changed: byte %x of the range of %x bytes; byte %d of the caller\n", at,
                             range.bytes, static_cast<int>(range.start + at - here));
                return false;
            }
    }
    return std::memcmp(&kernel::cpu(), &before_cpu_, sizeof before_cpu_) == 0;
}

bool World::give_back() {
    machine.preempt_every = 0;
    if (invoke_as_root(boot_slot::cnode, CNodeRevoke, {untyped_, 0}, {boot_slot::cnode}) != Error::None) return false;
    if (invoke_as_root(untyped_, UntypedInspect, {}, {}) != Error::None) return false;
    return root_->context.word0() == kernel::lookup(*root_, untyped_)->capability.untyped_bytes() &&
           kernel::cpu().thread_count == 1 && kernel::cpu().zombie_first == nullptr && kernel::check_invariants() == 0;
}

} // namespace fuzz
