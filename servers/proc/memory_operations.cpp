#include "memory_operations.hpp"
#include "../../libipc/proto/message_queue.hpp"

namespace proc {

namespace {
constexpr Word at_empty_path = 0x1000, path_maximum = 4095;
constexpr Word mode_type = 0170000, mode_regular = 0100000, mode_character = 0020000;
constexpr Word access_mode = 3, read_write = 2, write_only = 1, open_path = 010000000;

/// Whether the file may be called: one of vfs's, tty's or the ipc server's. Its server may else be waiting for proc (the container manager).
bool may_call(Core& core, Process& process, CapabilityPointer file) {
    if (core.owners.file_status(process.vfs_session, file)) return true;
    int const kind = core.kinds.find(proto::NamespaceKind::Ipc);
    if (kind < 0) return false;
    ipc::Cap<proto::MessageQueue> const segments{core.kinds[static_cast<unsigned>(kind)].first};
    return ipc::call<proto::MessageQueue::MayMap>(segments, ipc::OptionalCap<proto::File>{ipc::Cap<proto::File>{file}})
        .has_value();
}
} // namespace

ipc::Result<Word> MemoryOperations::on(P::Break, Sender& sender, Word address) {
    return run<P::Break>(sender,
                         [&](Thread& thread) -> Result<Word> { return thread.process->memory->set_break(address); });
}

ipc::Result<Address> MemoryOperations::map(Thread& thread, proto::MapArguments const& arguments,
                                           ipc::OptionalCap<proto::File>& file) {
    Process& process = *thread.process;
    MemorySpace& memory = *process.memory;
    Word const type = arguments.flags & map_flag::type_mask;
    bool const shared = type == map_flag::shared || type == map_flag::shared_validate;
    FileObject* object = nullptr;
    Attachment* attachment = nullptr;
    bool may_write = true;
    if ((arguments.flags & map_flag::anonymous) == 0) {
        if (file.unwrapped) return fail(Error::NoSuchDevice);
        if (file.slot == 0) return fail(Error::BadDescriptor);
        if (!may_call(core, process, file.slot)) return fail(Error::NoSuchDevice);
        ipc::Cap<proto::File> const source{file.slot};
        auto const flags = ipc::call<proto::File::GetFlags>(source);
        if (flags &&
            ((*flags & access_mode) == write_only ||
             (shared && (arguments.protection & protection::write) != 0 && (*flags & access_mode) != read_write))) {
            return fail(Error::Access);
        }
        bool const for_write = flags && shared && (*flags & access_mode) == read_write;
        may_write = !flags || for_write;
        auto opened = [&]() -> Result<FileObject*> {
            if (!flags || (*flags & proto::File::attachment_flag) == 0)
                return cache_.open(std::exchange(file.slot, 0), for_write);
            // The mapping keeps the attachment; pages come through a capability that does not count as one.
            auto const pages = ipc::call<proto::File::Reopen>(source, open_path | (*flags & access_mode));
            if (!pages) return fail(pages.error());
            auto result = cache_.open(std::get<0>(*pages).slot, for_write);
            if (result) attachment = new Attachment{core.kernel, std::exchange(file.slot, 0)};
            return result;
        }();
        if (!opened) return fail(opened.error());
        object = *opened;
        proto::FileStatus const& status = object->status();
        if ((status.mode & mode_type) == mode_character && status.special_major == 1 && status.special_minor == 5) {
            object->release(); // /dev/zero
            object = nullptr;
        } else if ((status.mode & mode_type) != mode_regular) {
            object->release();
            return fail(Error::NoSuchDevice);
        }
    }
    if (object == nullptr && shared) object = &cache_.create_anonymous(process.domain->account);
    auto const result = memory.map(arguments.address, arguments.length, arguments.protection, arguments.flags,
                                   arguments.page_offset, object, may_write, attachment);
    if (attachment != nullptr) attachment->release();
    if (object != nullptr) object->release();
    return result;
}

ipc::Result<Word> MemoryOperations::on(P::Map, Sender& sender, proto::MapArguments const& arguments,
                                       ipc::OptionalCap<proto::File> file) {
    auto result = run<P::Map>(sender, [&](Thread& thread) { return map(thread, arguments, file); });
    if (file.slot != 0) machine_.drop(file.slot);
    return result;
}
ipc::Result<ipc::Unit> MemoryOperations::on(P::Unmap, Sender& sender, Word address, Word length) {
    return run<P::Unmap>(sender, [&](Thread& thread) { return thread.process->memory->unmap(address, length); });
}
ipc::Result<ipc::Unit> MemoryOperations::on(P::Detach, Sender& sender, Word address) {
    return run<P::Detach>(sender, [&](Thread& thread) { return thread.process->memory->detach(address); });
}
ipc::Result<ipc::Unit> MemoryOperations::on(P::Protect, Sender& sender, Word address, Word length, Word protection) {
    return run<P::Protect>(
        sender, [&](Thread& thread) { return thread.process->memory->protect(address, length, protection); });
}
ipc::Result<Word> MemoryOperations::on(P::Remap, Sender& sender, Word address, Word old_length, Word new_length,
                                       Word flags, Word new_address) {
    return run<P::Remap>(sender, [&](Thread& thread) {
        return thread.process->memory->remap(address, old_length, new_length, flags, new_address);
    });
}
ipc::Result<ipc::Unit> MemoryOperations::on(P::Advise, Sender& sender, Word address, Word length, Word advice) {
    return run<P::Advise>(sender,
                          [&](Thread& thread) { return thread.process->memory->advise(address, length, advice); });
}

ipc::Result<ipc::Unit> MemoryOperations::on(P::Touch, Sender& sender, Word address, Word length, Word write) {
    return run<P::Touch>(sender, [&](Thread& thread) -> Result<Unit> {
        Status status = thread.process->memory->touch(address, length, write != 0);
        if (!status && status.error() == Error::NoMemory) {
            if (!core.out_of_memory(thread)) return fail(Error::NoMemory);
            status = thread.process->memory->touch(address, length, write != 0);
        }
        return status;
    });
}

ipc::Result<Word> MemoryOperations::on(P::GrowDescriptors, Sender& sender, Word descriptor) {
    return run<P::GrowDescriptors>(sender, [&](Thread& thread) -> Result<Word> {
        Process& process = *thread.process;
        std::uint64_t const limit = process.limits[limit::files].soft;
        if (descriptor >= limit) return fail(Error::TooManyFiles);
        std::vector<KernelThread*> threads;
        process.domain->processes.each([&](Process& other) {
            if (other.cspace != process.cspace) return;
            other.threads.each([&](Thread& each) {
                if (each.kernel != nullptr) threads.push_back(each.kernel);
            });
        });
        return machine_.grow(*process.cspace, descriptor, threads);
    });
}

// --- exec ---

Status MemoryOperations::execute(Thread& thread, Word path, Word argv, Word envp, Word flags,
                                 CapabilityPointer directory) {
    MemorySpace& memory = *thread.process->memory;
    auto name = memory.read_string(path, path_maximum);
    if (!name) return fail(name.error());
    if (name->empty() && (flags & at_empty_path) == 0) return fail(Error::NoEntry);
    std::size_t left = Loader::argument_bytes;
    auto arguments = Loader::read_vector(memory, argv, left);
    if (!arguments) return fail(arguments.error());
    auto environment = Loader::read_vector(memory, envp, left);
    if (!environment) return fail(environment.error());
    return loader_.execute(thread, directory, std::move(*name), std::move(*arguments), std::move(*environment));
}

ipc::Result<ipc::Unit> MemoryOperations::on(P::Execute, Sender& sender, Word path, Word argv, Word envp, Word flags,
                                            ipc::OptionalCap<proto::File> directory) {
    Thread* const thread = core.table.thread_of(sender.badge);
    Result<Unit> result = fail(Error::NoProcess);
    bool started = false;
    if (thread != nullptr && thread->kernel != nullptr && !directory.unwrapped) {
        result = run<P::Execute>(sender, [&](Thread& each) -> Result<Unit> {
            Status status = execute(each, path, argv, envp, flags, directory.slot);
            started = status.has_value();
            // The thread is on its way in the new program: nobody waits for an answer, and `run` must not make it stand twice.
            if (started) core.current = nullptr;
            return status;
        });
    } else if (directory.unwrapped) {
        result = fail(Error::Access);
    }
    if (directory.slot != 0) machine_.drop(directory.slot);
    if (!started) return result;
    ipc::discard(sender.defer());
    return fail(Error::Deferred);
}

// --- faults ---

void MemoryOperations::page_fault(Thread& thread, ipc::FaultWords const& words) {
    auto const [address, code, eip, unused, unused2] = words;
    static_cast<void>(unused);
    static_cast<void>(unused2);
    bool const write = (code & 2) != 0;
    ++thread.faults;
    FaultOutcome outcome = thread.process->memory->fault(address, write);
    if (outcome == FaultOutcome::OutOfMemory) {
        if (!core.out_of_memory(thread)) return;
        outcome = thread.process->memory->fault(address, write);
        if (outcome == FaultOutcome::OutOfMemory) {
            core.exit_process(*thread.process, 9);
            return;
        }
    }
    if (outcome != FaultOutcome::Resolved) {
        core.memory_fault(thread, address, eip, outcome == FaultOutcome::BeyondFile,
                          outcome == FaultOutcome::NotAllowed);
    }
}

ipc::Result<ipc::FaultAnswer> MemoryOperations::on_fault(abi::Fault kind, Sender& sender,
                                                         ipc::FaultWords const& words) {
    // A Process capability can send such a message, too: only the kernel's own badges count.
    Word const badge = machine_.owner_of(sender.badge);
    Thread* const thread = badge != 0 ? core.table.thread_of(badge) : nullptr;
    if (thread == nullptr || thread->kernel == nullptr) return fail(Error::NoProcess);
    switch (kind) {
    case abi::Fault::Page: page_fault(*thread, words); break;
    case abi::Fault::Exception: core.exception(*thread, words[0], words[1], words[2]); break;
    default: core.exit_process(*thread->process, 9); break;
    }
    settle();
    return ipc::FaultAnswer{};
}

} // namespace proc
