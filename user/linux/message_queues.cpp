// mq_open(2) and its relatives: POSIX message queues, owned by the ipc server; an open queue is a descriptor.
#include "calls.hpp"
#include "descriptors.hpp"
#include "proto/message_queue.hpp"
#include "proto/vfs.hpp"
#include "sessions.hpp"
#include "times.hpp"

namespace vdso {

namespace {
using Q = proto::MessageQueue;
inline constexpr ipc::Cap<Q> owner{linux_process::slot::ipc};
inline constexpr Word create = 0100;
inline constexpr std::uint64_t for_ever = ~std::uint64_t{0};

/// struct mq_attr
struct Attributes {
    Word flags, maximum, bytes, current, reserved[4];
};

template <class Operation>
auto ask(ThreadArea& thread, Operation operation) {
    auto result = operation();
    if (!result && open_session(thread, proto::NamespaceKind::Ipc, result.error())) [[unlikely]] {
        result = operation();
    }
    return result;
}

/// The deadline of the timed calls: absolute CLOCK_REALTIME.
template <class Time>
Long fetch_deadline(ThreadArea& thread, Word address, std::uint64_t& deadline) {
    deadline = for_ever;
    if (address == 0) { return 0; }
    Time at;
    if (!fetch(address, at)) { return fault; }
    if (!valid_time(at)) { return invalid; }
    deadline = wall_to_boot(thread, nanoseconds_of(at));
    return 0;
}

template <class Time>
Long timed_send(ThreadArea& thread) {
    std::uint64_t deadline;
    if (Long const error = fetch_deadline<Time>(thread, argument5(thread), deadline); error != 0) { return error; }
    Word const number = argument1(thread), text = argument2(thread), bytes = argument3(thread);
    if (find(thread, number) == nullptr) { return bad_descriptor; }
    if (!user_range(text, bytes)) { return fault; }
    for (;;) { // once for each page that is missing
        auto const sent = [&] {
            Interruptible const waiting{thread};
            return ipc::call<Q::Send>(ipc::Cap<Q>{slot_of(number)}, argument4(thread), deadline,
                                      ipc::ReadBuffer{pointer<void>(text), bytes});
        }();
        if (!sent) { return sent.error() == Error::NotImplemented ? bad_descriptor : refuse(sent.error()); }
        if (*sent == 0) { return 0; }
        if (!touch(thread, *sent, text + bytes, false)) { return fault; }
    }
}

template <class Time>
Long timed_receive(ThreadArea& thread) {
    std::uint64_t deadline;
    if (Long const error = fetch_deadline<Time>(thread, argument5(thread), deadline); error != 0) { return error; }
    Word const number = argument1(thread), text = argument2(thread), bytes = argument3(thread);
    if (find(thread, number) == nullptr) { return bad_descriptor; }
    if (!user_range(text, 1)) { return fault; }
    Word const room = std::min(bytes, abi::user_end - text);
    for (;;) {
        auto const got = [&] {
            Interruptible const waiting{thread};
            return ipc::call<Q::Receive>(ipc::Cap<Q>{slot_of(number)}, deadline,
                                         ipc::WriteBuffer{pointer<void>(text), room});
        }();
        if (!got) { return got.error() == Error::NotImplemented ? bad_descriptor : refuse(got.error()); }
        if (got->fault == 0) {
            return argument4(thread) == 0 || put(argument4(thread), got->priority) ? static_cast<Long>(got->length)
                                                                                   : fault;
        }
        if (!touch(thread, got->fault, got->fault + 1, true)) { return fault; }
    }
}
} // namespace

Long sys_mq_open(ThreadArea& thread) {
    auto const path = fetch_path(argument1(thread));
    if (!path) { return refuse(path.error()); }
    Word const flags = argument2(thread);
    bool const given = (flags & create) != 0 && argument4(thread) != 0;
    Word mode = argument3(thread);
    if ((flags & create) != 0) { // the owner of the queue does not know it
        auto const masked = ipc::call<proto::VfsSession::SetUmask>(vfs, ~Word{0});
        mode &= ~masked.value_or(0);
    }
    Attributes attributes{};
    if (given && !fetch(argument4(thread), attributes)) { return fault; }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    auto const opened = ask(thread, [&] {
        return ipc::call_into<Q::Open>(slot_of(static_cast<Word>(number)), owner, flags, mode, given ? 1U : 0U,
                                       proto::MessageQueueAttributes{0, attributes.maximum, attributes.bytes, 0},
                                       *path);
    });
    if (!opened) {
        release(thread, static_cast<Word>(number));
        return refuse(opened.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Other, true); // mq_open(3): always close-on-exec
    return number;
}
Long sys_mq_unlink(ThreadArea& thread) {
    auto const path = fetch_path(argument1(thread));
    if (!path) { return refuse(path.error()); }
    return finish(ask(thread, [&] { return ipc::call<Q::Unlink>(owner, *path); }));
}
Long sys_mq_timedsend(ThreadArea& thread) { return timed_send<TimeSpec32>(thread); }
Long sys_mq_timedreceive(ThreadArea& thread) { return timed_receive<TimeSpec32>(thread); }
Long sys_mq_timedsend64(ThreadArea& thread) { return timed_send<TimeSpec64>(thread); }
Long sys_mq_timedreceive64(ThreadArea& thread) { return timed_receive<TimeSpec64>(thread); }
Long sys_mq_notify(ThreadArea& thread) {
    /// struct sigevent
    struct Event {
        Word value, signal, notify;
    };
    constexpr Word by_signal = 0, none = 1;
    Word const number = argument1(thread), address = argument2(thread);
    Event event{};
    if (address != 0 && !fetch(address, event)) { return fault; }
    // SIGEV_THREAD is a netlink socket's affair, which no netlink socket here takes part in: refused as any other descriptor is.
    if (address != 0 && (event.notify > none || (event.notify == by_signal && event.signal > 64))) { return invalid; }
    if (find(thread, number) == nullptr) { return bad_descriptor; }
    // The session says which process is to be told.
    static_cast<void>(ipc::call<proto::Process::OpenSession>(process(thread), proto::NamespaceKind::Ipc));
    auto const done =
        ipc::call<Q::Notify>(ipc::Cap<Q>{slot_of(number)}, ipc::OptionalCap<proto::Session>{owner.as<proto::Session>()},
                             address != 0 ? 1U : 0U, event.notify == none ? 0U : event.signal, event.value);
    return !done && done.error() == Error::NotImplemented ? bad_descriptor : finish(done);
}
Long sys_mq_getsetattr(ThreadArea& thread) {
    if (find(thread, argument1(thread)) == nullptr) { return bad_descriptor; }
    Attributes wanted{};
    if (argument2(thread) != 0 && !fetch(argument2(thread), wanted)) { return fault; }
    auto const before = ipc::call<Q::Attributes>(ipc::Cap<Q>{slot_of(argument1(thread))},
                                                 argument2(thread) != 0 ? 1U : 0U, wanted.flags);
    if (!before) { return before.error() == Error::NotImplemented ? bad_descriptor : refuse(before.error()); }
    Attributes const out{before->flags, before->maximum_messages, before->message_bytes, before->messages, {}};
    return argument3(thread) == 0 || put(argument3(thread), out) ? 0 : fault;
}

} // namespace vdso
