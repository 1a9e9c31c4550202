#include "descriptors.hpp"

namespace vdso {

TableLock::TableLock(FileTable& table) : table_{table} {
    while (__atomic_exchange_n(&table_.lock, 1, __ATOMIC_ACQUIRE) != 0) {
        ipc::SystemCall call;
        call.info = abi::MessageInfo{}.with(abi::Syscall::Yield);
        ipc::sys_call(call);
    }
}
TableLock::~TableLock() { __atomic_store_n(&table_.lock, 0, __ATOMIC_RELEASE); }

Long reserve(ThreadArea& thread, Word first) {
    FileTable& table = files(thread);
    TableLock const lock{table};
    Word number = first;
    while (
        number < linux_process::descriptor_maximum &&
        (table.descriptors[number].open != 0 || (table.descriptors[number].reserved & descriptor_flag::taken) != 0)) {
        ++number;
    }
    if (number >= linux_process::descriptor_maximum) { return refuse(Error::TooManyFiles); }
    if (number >= table.limit) {
        auto const limit = ipc::call<proto::Process::GrowDescriptors>(process(thread), number);
        if (!limit) { return refuse(limit.error()); }
        table.limit = *limit;
        if (number >= table.limit) { return refuse(Error::TooManyFiles); }
    }
    table.descriptors[number].reserved = descriptor_flag::taken;
    return static_cast<Long>(number);
}

void install(ThreadArea& thread, Word number, proto::FileKind kind, bool close_on_exec, bool foreign) {
    FileTable& table = files(thread);
    Descriptor& descriptor = table.descriptors[number];
    descriptor.kind = static_cast<std::uint8_t>(kind);
    descriptor.close_on_exec = close_on_exec ? 1 : 0;
    descriptor.path_flags = 0;
    descriptor.reserved = foreign ? descriptor_flag::foreign : 0;
    descriptor.open = 1;
    if (number >= table.highest) { table.highest = number + 1; }
}

void release(ThreadArea& thread, Word number) { files(thread).descriptors[number].reserved = 0; }

/// fcntl(2): a process that closes any descriptor of a file loses its record locks there.
[[gnu::noinline, gnu::cold]] static void give_up_locks(Word number) {
    static_cast<void>(ipc::call<proto::VfsSession::ReleaseLocks>(vfs, ipc::OptionalCap<proto::File>{file(number)}));
}

void clear_slot(Word number) { static_cast<void>(own_slots().remove(slot_of(number))); }

Long close_descriptor(ThreadArea& thread, Word number) {
    if (number >= linux_process::descriptor_maximum) { return bad_descriptor; }
    FileTable& table = files(thread);
    Descriptor& descriptor = table.descriptors[number];
    {
        TableLock const lock{table};
        if (descriptor.open == 0) { return bad_descriptor; }
        descriptor.open = 0;
        descriptor.close_on_exec = 0;
        descriptor.reserved = descriptor_flag::taken; // until its slot is empty
    }
    if (table.record_locks != 0) [[unlikely]] { give_up_locks(number); }
    clear_slot(number);
    descriptor.reserved = 0;
    return 0;
}

namespace {
/// The copy goes into the empty slot of the reserved number `to`.
Long copy_descriptor(ThreadArea& thread, Word from, Word to, bool close_on_exec) {
    auto const copied = own_slots().copy(slot_of(to), own_slots(), slot_of(from));
    if (!copied) {
        release(thread, to);
        return find(thread, from) == nullptr ? bad_descriptor : refuse(copied.error());
    }
    Descriptor const& source = files(thread).descriptors[from];
    install(thread, to, static_cast<proto::FileKind>(source.kind), close_on_exec,
            (source.reserved & descriptor_flag::foreign) != 0);
    return static_cast<Long>(to);
}
} // namespace

Long duplicate(ThreadArea& thread, Word from, Word first, bool close_on_exec) {
    if (find(thread, from) == nullptr) { return bad_descriptor; }
    Long const to = reserve(thread, first);
    return to < 0 ? to : copy_descriptor(thread, from, static_cast<Word>(to), close_on_exec);
}

Long duplicate_to(ThreadArea& thread, Word from, Word to, bool close_on_exec) {
    if (find(thread, from) == nullptr || to >= linux_process::descriptor_maximum) { return bad_descriptor; }
    FileTable& table = files(thread);
    {
        TableLock const lock{table};
        if ((table.descriptors[to].reserved & descriptor_flag::taken) != 0) {
            return refuse(Error::Busy); // another thread opens or closes it, dup2(2)
        }
        if (to < table.limit) { table.descriptors[to].reserved |= descriptor_flag::taken; }
    }
    if (to >= table.limit) {
        Long const reserved = reserve(thread, to);
        if (reserved < 0) { return reserved; }
    } else if (table.descriptors[to].open != 0) {
        table.descriptors[to].open = 0;
        if (table.record_locks != 0) [[unlikely]] { give_up_locks(to); }
        clear_slot(to);
    }
    return copy_descriptor(thread, from, to, close_on_exec);
}

} // namespace vdso
