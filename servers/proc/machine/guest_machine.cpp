#include "guest_machine.hpp"
#include <utility>

namespace proc {

using namespace ipc::object;
using ipc::own_cnode;
namespace slot = linux_process::slot;

namespace {
Status status_of(Result<void> const& result) {
    if (result) return done();
    return fail(result.error() == ipc::from_kernel(abi::Error::NotEnoughMemory) ? Error::NoMemory : result.error());
}
Word guard_of(KernelCSpace const& cspace) { return ipc::guard_word(0, 32 - cspace.radix); }
constexpr Word whole_thread_bytes = abi::object_size(abi::ObjectType::Thread, 0).bytes +
                                    abi::object_size(abi::ObjectType::SchedContext, 0).bytes +
                                    abi::object_size(abi::ObjectType::Notification, 0).bytes;
Word cspace_bytes(KernelCSpace const& cspace) { return abi::object_size(abi::ObjectType::CNode, cspace.radix).bytes; }
} // namespace

Word GuestMachine::owner_of(Word fault_badge) const {
    Word const high = fault_badge >> 16, low = fault_badge & 0xffff;
    if (high == 0 || low >= 16) return 0;
    Word const number = (high - 1) << 4 | low;
    return number < numbers_.size() && numbers_[number] != nullptr ? numbers_[number]->badge : 0;
}

// --- CSpaces ---

Result<KernelCSpace*> GuestMachine::create_cspace(Account& account) {
    if (KernelCSpace* cspace = account.cspaces; cspace != nullptr) {
        if (!account.charge(cspace_bytes(*cspace))) return fail(Error::NoMemory);
        if (auto own = CNode{cspace->cnode}.copy(slot::cnode, 0, kernel_.root(), cspace->cnode, 32, abi::right::all);
            !own) {
            account.uncharge(cspace_bytes(*cspace));
            return fail(own.error());
        }
        account.cspaces = std::exchange(cspace->next, nullptr);
        cspace->references = 1;
        cspace->thread_slots = 0;
        return cspace;
    }
    auto object = account.take_object(abi::ObjectType::CNode, slot::initial_radix);
    if (!object) return fail(object.error());
    if (auto own = CNode{*object}.copy(slot::cnode, 0, kernel_.root(), *object, 32, abi::right::all); !own) {
        account.give_object(abi::ObjectType::CNode, slot::initial_radix, *object);
        return fail(own.error());
    }
    auto* cspace = new KernelCSpace;
    cspace->cnode = *object;
    cspace->references = 1;
    cspace->account = &account;
    return cspace;
}

void GuestMachine::release_cspace(KernelCSpace& cspace) {
    if (--cspace.references != 0) return;
    CNode const node{cspace.cnode};
    Account& account = *cspace.account;
    // The process could do with its CSpace as it liked: copies of the CNode kept elsewhere must not reach the next one's.
    static_cast<void>(kernel_.root().revoke(cspace.cnode, 32));
    if (cspace.radix == slot::initial_radix) {
        static_cast<void>(node.delete_range(0, Word{1} << cspace.radix));
        account.uncharge(cspace_bytes(cspace));
        cspace.next = account.cspaces;
        account.cspaces = &cspace;
    } else {
        static_cast<void>(node.delete_range(0, Word{1} << cspace.radix));
        account.give_object(abi::ObjectType::CNode, cspace.radix, cspace.cnode);
        delete &cspace;
    }
}

Status GuestMachine::install(KernelCSpace& cspace, Word to, CapabilityPointer source) {
    CNode const node{cspace.cnode};
    auto copied = node.copy(to, 0, kernel_.root(), source, 32, abi::right::all);
    if (!copied && copied.error() == ipc::from_kernel(abi::Error::DeleteFirst)) {
        static_cast<void>(node.remove(to));
        copied = node.copy(to, 0, kernel_.root(), source, 32, abi::right::all);
    }
    return status_of(copied);
}

Status GuestMachine::install_process(KernelCSpace& cspace, Word to, Word badge) {
    constexpr Word rights = abi::right::write | abi::right::grant | abi::right::grant_reply;
    CNode const node{cspace.cnode};
    auto minted = node.mint(to, own_cnode(), ipc::server_slot::endpoint, rights, badge);
    if (!minted && minted.error() == ipc::from_kernel(abi::Error::DeleteFirst)) {
        static_cast<void>(node.remove(to));
        minted = node.mint(to, own_cnode(), ipc::server_slot::endpoint, rights, badge);
    }
    return status_of(minted);
}

void GuestMachine::remove(KernelCSpace& cspace, Word first_slot, Word count) {
    CNode const node{cspace.cnode};
    static_cast<void>(count == 1 ? node.remove(first_slot) : node.delete_range(first_slot, count));
}

Status GuestMachine::copy_descriptors(KernelCSpace& from, KernelCSpace& to, Word count) {
    if (count == 0) return done();
    if (slot::descriptor_first + count > Word{1} << to.radix) {
        if (auto grown = grow(to, count - 1, {}); !grown) return fail(grown.error());
    }
    auto const copied =
        CNode{to.cnode}.copy_range(slot::descriptor_first, CNode{from.cnode}, slot::descriptor_first, count);
    return copied ? done() : Status{fail(copied.error())};
}

Result<CapabilityPointer> GuestMachine::fetch(KernelCSpace& cspace, Word from) {
    if (from >= Word{1} << cspace.radix) return fail(Error::BadDescriptor);
    CapabilityPointer const to = ipc::slots().take();
    if (to == 0) return fail(Error::NoMemory);
    if (!own_cnode().copy(to, CNode{cspace.cnode}, from)) {
        ipc::slots().give(to);
        return fail(Error::BadDescriptor);
    }
    return to;
}

Result<Word> GuestMachine::grow(KernelCSpace& cspace, Word descriptor, std::span<KernelThread* const> threads) {
    Word radix = cspace.radix;
    if (descriptor >= linux_process::descriptor_maximum) return fail(Error::TooManyFiles);
    while (slot::descriptor_first + descriptor >= Word{1} << radix) ++radix;
    Word const room = (Word{1} << radix) - slot::descriptor_first;
    if (radix == cspace.radix) return std::min(room, linux_process::descriptor_maximum);
    if (radix > slot::maximum_radix) return fail(Error::TooManyFiles);
    Account& account = *cspace.account;
    auto object = account.take_object(abi::ObjectType::CNode, radix);
    if (!object) return fail(Error::NoMemory);
    CNode const old_node{cspace.cnode}, node{*object};
    Word const old_slots = Word{1} << cspace.radix;
    auto copied = node.copy(slot::cnode, 0, kernel_.root(), *object, 32, abi::right::all);
    Result<Word> moved = copied
                             ? node.copy_range(slot::cnode + 1, old_node, slot::cnode + 1, old_slots - slot::cnode - 1)
                             : fail(copied.error());
    if (!moved) {
        static_cast<void>(node.delete_range(0, Word{1} << radix));
        account.give_object(abi::ObjectType::CNode, radix, *object);
        return fail(Error::NoMemory);
    }
    CapabilityPointer const old_object = std::exchange(cspace.cnode, *object);
    Word const old_radix = std::exchange(cspace.radix, radix);
    for (KernelThread* thread : threads) static_cast<void>(set_cspace(*thread, cspace));
    static_cast<void>(old_node.delete_range(0, old_slots));
    account.give_object(abi::ObjectType::CNode, old_radix, old_object);
    return std::min(room, linux_process::descriptor_maximum);
}

// --- threads ---

Result<Word> GuestMachine::take_number(KernelThread& thread) {
    if (!free_numbers_.empty()) {
        Word const number = free_numbers_.back();
        free_numbers_.pop_back();
        numbers_[number] = &thread;
        return number;
    }
    if (numbers_.size() >= 0xfff0) return fail(Error::Again);
    numbers_.push_back(&thread);
    return static_cast<Word>(numbers_.size() - 1);
}

void GuestMachine::forget(KernelThread& thread) {
    numbers_[thread.number] = nullptr;
    free_numbers_.push_back(thread.number);
}

/// The objects of a new thread, and what stays the same in all its lives. On failure what there is goes back.
Status GuestMachine::make_parts(KernelThread& thread) {
    Account& account = *thread.account;
    struct Part {
        abi::ObjectType type;
        CapabilityPointer* place;
    };
    Part const parts[] = {{abi::ObjectType::Thread, &thread.thread},
                          {abi::ObjectType::SchedContext, &thread.sched_context},
                          {abi::ObjectType::Notification, &thread.wake}};
    Status status = done();
    for (Part const& part : parts) {
        auto object = account.take_object(part.type, 0);
        if (!object) {
            status = fail(object.error());
            break;
        }
        *part.place = *object;
    }
    CapabilityPointer scratch = 0;
    if (status) {
        if (auto number = take_number(thread)) {
            thread.number = *number;
        } else {
            status = fail(number.error());
        }
    }
    if (!status) {
        for (Part const& part : parts) {
            if (*part.place != 0) account.give_object(part.type, 0, *part.place);
        }
        return status;
    }
    scratch = ipc::slots().take();
    Result<void> step = scratch != 0 ? Result<void>{} : fail(Error::NoMemory);
    constexpr Word rights = abi::right::write | abi::right::grant | abi::right::grant_reply;
    if (step)
        step = own_cnode().mint(scratch, own_cnode(), ipc::server_slot::endpoint, rights, fault_badge(thread.number));
    if (step) step = Thread{thread.thread}.set_fault_handler(scratch);
    if (scratch != 0) ipc::release_slot(scratch);
    if (step) step = Thread{thread.thread}.set_priority(program_priority);
    if (step) step = Thread{thread.thread}.set_redirect(vdso_header().redirect_entry);
    if (step)
        step = sched_control_.configure(SchedContext{thread.sched_context}, time_slice_microseconds,
                                        time_slice_microseconds);
    if (step) step = SchedContext{thread.sched_context}.bind(Thread{thread.thread});
    // A part set up only half cannot be used again: it stays with the account until its chunk goes.
    if (!step) forget(thread);
    return status_of(step);
}

Result<KernelThread*> GuestMachine::create_thread(Account& account, KernelCSpace& cspace, SpaceBinding const& binding,
                                                  Word badge, Word wake_slot) {
    KernelThread* thread = account.threads;
    if (thread != nullptr) {
        if (!account.charge(whole_thread_bytes)) return fail(Error::NoMemory);
        account.threads = std::exchange(thread->next, nullptr);
        --account.idle_threads;
    } else {
        thread = new KernelThread;
        thread->account = &account;
        if (Status status = make_parts(*thread); !status) {
            delete thread;
            return fail(status.error());
        }
        ++account.all_threads;
    }
    thread->badge = badge;
    thread->buffer = binding.buffer;
    thread->cspace = &cspace;
    thread->suspended = true;
    thread->consumed_ticks = 0;
    ++cspace.references;
    Status status = status_of(Thread{thread->thread}.configure(CNode{cspace.cnode}, guard_of(cspace),
                                                               AddressSpace{binding.address_space}, binding.buffer,
                                                               Frame{binding.buffer_frame}));
    if (status) status = install(cspace, wake_slot, thread->wake);
    if (!status) {
        destroy_thread(*thread);
        return fail(status.error());
    }
    return thread;
}

void GuestMachine::destroy_thread(KernelThread& thread) {
    static_cast<void>(Thread{thread.thread}.suspend());
    static_cast<void>(consumed(thread));
    static_cast<void>(ipc::poll(thread.wake));
    for (Word entry = 0; entry < 3; ++entry) {
        if (thread.tls[entry].flags != 0) static_cast<void>(set_tls(thread, entry, {}));
    }
    thread.badge = 0;
    release_cspace(*std::exchange(thread.cspace, nullptr));
    Account& account = *thread.account;
    account.uncharge(whole_thread_bytes);
    thread.next = account.threads;
    account.threads = &thread;
    ++account.idle_threads;
    if (account.overfull()) account.trim(Account::idle_kept);
}

Status GuestMachine::set_space(KernelThread& thread, SpaceBinding const& binding) {
    thread.buffer = binding.buffer;
    return status_of(Thread{thread.thread}.set_space(AddressSpace{binding.address_space}, Frame{binding.buffer_frame},
                                                     binding.buffer));
}

Status GuestMachine::set_cspace(KernelThread& thread, KernelCSpace& cspace) {
    if (Status status = status_of(Thread{thread.thread}.set_cspace(CNode{cspace.cnode}, guard_of(cspace))); !status)
        return status;
    if (thread.cspace != &cspace) {
        ++cspace.references;
        release_cspace(*std::exchange(thread.cspace, &cspace));
    }
    return done();
}

void GuestMachine::suspend(KernelThread& thread) {
    thread.suspended = true;
    static_cast<void>(Thread{thread.thread}.suspend());
}
void GuestMachine::resume(KernelThread& thread) {
    thread.suspended = false;
    static_cast<void>(Thread{thread.thread}.resume());
}
bool GuestMachine::interrupt(KernelThread& thread) { return Thread{thread.thread}.interrupt().value_or(0) == 1; }
Result<abi::Registers> GuestMachine::read_registers(KernelThread& thread) {
    return Thread{thread.thread}.read_registers();
}

Status GuestMachine::write_registers(KernelThread& thread, abi::Registers const& registers, bool resume) {
    if (resume) thread.suspended = false;
    return status_of(Thread{thread.thread}.write_registers(registers, resume));
}

Status GuestMachine::copy_floating_point(KernelThread const& from, KernelThread& to) {
    return status_of(Thread{to.thread}.copy_floating_point(Thread{from.thread}));
}

void GuestMachine::reset_floating_point(KernelThread& thread) {
    static_cast<void>(Thread{thread.thread}.reset_floating_point());
}

Status GuestMachine::start(KernelThread& thread, Address eip, bool resume) {
    abi::Registers registers{};
    registers.eip = eip;
    registers.esp = thread.buffer + (1 + linux_process::area_stack_pages) * abi::page_size;
    registers.eflags = 0x202;
    registers.fs = abi::selector::ipc_buffer;
    return write_registers(thread, registers, resume);
}

Result<abi::ThreadState> GuestMachine::state(KernelThread& thread) { return Thread{thread.thread}.state(); }

Status GuestMachine::set_tls(KernelThread& thread, Word entry, TlsEntry value) {
    Status status = status_of(Thread{thread.thread}.set_tls(entry, value.base, value.limit, value.flags));
    if (status) thread.tls[entry] = value;
    return status;
}

std::uint64_t GuestMachine::consumed(KernelThread& thread) {
    if (auto ticks = SchedContext{thread.sched_context}.consumed()) thread.consumed_ticks += *ticks;
    return thread.consumed_ticks;
}

void GuestMachine::set_name(KernelThread& thread, std::string_view name) {
    static_cast<void>(Thread{thread.thread}.set_name(name));
}
void GuestMachine::wake(KernelThread& thread) { ipc::signal(thread.wake); }

} // namespace proc
