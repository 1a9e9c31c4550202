// ioctl(2): what memory a request reads and writes, and what is proc's to decide (job control).
#include "calls.hpp"
#include "descriptors.hpp"
#include "ioctl.hpp"
#include "path_calls.hpp"
#include "signal_numbers.hpp"
#include "sockets.hpp"
#include "transfer.hpp"

namespace vdso {

using proto::File;
using proto::Process;

namespace {
Long forward(ThreadArea& thread, Word descriptor, Word request, Word argument) {
    IoctlMemory const memory = ioctl_memory(request);
    ipc::ReadBuffer const in{pointer<void>(memory.reads != 0 ? argument : 0), memory.reads};
    ipc::WriteBuffer const out{pointer<void>(memory.writes != 0 ? argument : 0), memory.writes};
    // The server cannot wait for pages of so small an argument: bring them in first.
    if (memory.reads != 0 || memory.writes != 0) {
        Word const bytes = std::max(memory.reads, memory.writes);
        std::uint8_t probe;
        if (!user_range(argument, bytes) || !fetch_bytes(&probe, argument, 1) ||
            !fetch_bytes(&probe, argument + bytes - 1, 1)) {
            return fault;
        }
        if (memory.writes != 0 && (!put_bytes(argument, pointer<void>(argument), 1) ||
                                   !put_bytes(argument + bytes - 1, pointer<void>(argument + bytes - 1), 1))) {
            return fault;
        }
    }
    ipc::Result<Word> result;
    {
        Interruptible const waiting{thread, ioctl_may_wait(request)};
        result = is_device_request(request) ? device_request(thread, descriptor, request, argument, in, out)
                                            : ipc::call<File::Ioctl>(file(descriptor), request, argument, in, out);
    }
    if (!result && result.error() == Error::Background) { return background(thread, signal_number::ttou); }
    if (!result && result.error() == Error::NotImplemented) { return refuse(Error::NotTerminal); }
    return finish(result);
}

Long attach(ThreadArea& thread, Word descriptor, Word argument) {
    std::int32_t numbers[3];
    if (!fetch_bytes(numbers, argument, sizeof numbers)) { return fault; }
    ipc::OptionalCap<File> files_given[3];
    for (int i = 0; i < 3; ++i) {
        if (numbers[i] >= 0) {
            if (find(thread, static_cast<Word>(numbers[i])) == nullptr) { return bad_descriptor; }
            files_given[i] = file(static_cast<Word>(numbers[i]));
        }
    }
    return finish(ipc::call<File::Attach>(file(descriptor), files_given[0], files_given[1], files_given[2]));
}

/// NS_GET_USERNS, NS_GET_PARENT: a descriptor.
Long related_namespace(ThreadArea& thread, Word descriptor, Word request) {
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    auto const made = ipc::call_into<Process::RelatedNamespace>(slot_of(static_cast<Word>(number)), process(thread),
                                                                file(descriptor), request);
    if (!made) {
        release(thread, static_cast<Word>(number));
        return refuse(made.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Namespace, true);
    return number;
}
/// TIOCGPTPEER: a descriptor of the terminal whose master this is. flags: open(2).
Long open_peer(ThreadArea& thread, Word descriptor, Word flags) {
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    auto const opened = ipc::call_into<proto::Directory::Open>(
        slot_of(static_cast<Word>(number)), file(descriptor).as<proto::Directory>(), proto::Directory::At{},
        proto::Directory::Caller{}, flags, 0U, ipc::Path{std::string_view{""}});
    if (!opened) {
        release(thread, static_cast<Word>(number));
        bool const no_master = opened.error() == Error::BadDescriptor || opened.error() == Error::NotDirectory;
        return refuse(no_master ? Error::NotTerminal : opened.error());
    }
    install(thread, static_cast<Word>(number), std::get<1>(*opened).kind, (flags & open_flag::close_on_exec) != 0,
            true);
    return number;
}
} // namespace

Long sys_ioctl(ThreadArea& thread) {
    Word const descriptor = argument1(thread), argument = argument3(thread);
    Descriptor* const open = find(thread, descriptor);
    if (open == nullptr) { return bad_descriptor; }
    bool const socket = open->kind == static_cast<std::uint8_t>(proto::FileKind::Socket) ||
                        open->kind == static_cast<std::uint8_t>(proto::FileKind::LocalSocket);
    if (Long result; socket && pointed_request(thread, descriptor, argument2(thread), argument, result)) {
        return result;
    }
    bool const terminal = open->kind == static_cast<std::uint8_t>(proto::FileKind::Terminal);
    switch (Word const request = argument2(thread)) {
    case ioctl_number::namespace_user:
    case ioctl_number::namespace_parent: return related_namespace(thread, descriptor, request);
    case ioctl_number::namespace_type:
        return finish(ipc::call<Process::NamespaceAttribute>(process(thread), file(descriptor), request));
    case ioctl_number::namespace_owner: {
        auto const owner = ipc::call<Process::NamespaceAttribute>(process(thread), file(descriptor), request);
        return !owner ? refuse(owner.error()) : put(argument, *owner) ? 0 : fault;
    }
    case ioctl_number::close_on_exec: open->close_on_exec = 1; return 0;
    case ioctl_number::no_close_on_exec: open->close_on_exec = 0; return 0;
    case ioctl_number::non_blocking: {
        Word on;
        if (!fetch(argument, on)) { return fault; }
        auto const flags = ipc::call<File::GetFlags>(file(descriptor));
        constexpr Word nonblock = 0x800;
        return !flags ? refuse(flags.error())
                      : finish(ipc::call<File::SetFlags>(file(descriptor),
                                                         on != 0 ? *flags | nonblock : *flags & ~nonblock));
    }
    case ioctl_number::set_foreground: {
        Long group;
        if (!terminal) { return refuse(Error::NotTerminal); }
        if (!fetch(argument, group)) { return fault; }
        auto const done = ipc::call<Process::SetForeground>(process(thread), file(descriptor), group);
        return !done && done.error() == Error::Background ? background(thread, signal_number::ttou) : finish(done);
    }
    case ioctl_number::foreground: {
        if (!terminal) { return refuse(Error::NotTerminal); }
        auto const group = ipc::call<Process::Foreground>(process(thread), file(descriptor));
        return !group ? refuse(group.error()) : put(argument, *group) ? 0 : fault;
    }
    case ioctl_number::session: {
        if (!terminal) { return refuse(Error::NotTerminal); }
        auto const session = ipc::call<Process::GetSession>(process(thread), 0);
        return !session ? refuse(session.error()) : put(argument, *session) ? 0 : fault;
    }
    case ioctl_number::set_controlling:
        return terminal ? finish(ipc::call<Process::SetTerminal>(process(thread), file(descriptor), argument))
                        : refuse(Error::NotTerminal);
    case ioctl_number::open_peer:
        return open->kind == static_cast<std::uint8_t>(proto::FileKind::CharacterDevice)
                   ? open_peer(thread, descriptor, argument)
                   : refuse(Error::NotTerminal);
    case ioctl_number::attach_files: return attach(thread, descriptor, argument);
    default: return forward(thread, descriptor, request, argument);
    }
}

} // namespace vdso
