// epoll(7). vfs has the instance and watches its own files; a set at each other server watches that one's. A wait asks the instance, and
// then those sets: as many calls as there are servers, however many files.
#include "calls.hpp"
#include "event_files.hpp"
#include "polling.hpp"

namespace vdso {

using proto::Collected;
using proto::EpollEvent;
using proto::EventSet;
using proto::File;
using proto::FileKind;
using proto::Process;

namespace {
/// Where a capability of a set is, and one that no set should give, while the descriptor table is locked.
inline constexpr abi::CapabilityPointer part_slot = linux_process::slot::scratch, stray_slot = part_slot + 1;
inline constexpr Word event_bytes = sizeof(EpollEvent);
inline constexpr ipc::Cap<EventSet> part{part_slot};

ipc::Cap<EventSet> set_of(Word instance) { return file(instance).as<EventSet>(); }
ipc::Cap<proto::Epoll> epoll_of(Word instance) { return file(instance).as<proto::Epoll>(); }
void drop(abi::CapabilityPointer slot) { static_cast<void>(own_slots().remove(slot)); }

/// use(part info), with the set's capability in its slot, for each that belongs to the instance, until it says false.
template <class Use>
void each_part(ThreadArea& thread, Word instance, Use use) {
    TableLock const lock{files(thread)};
    for (Word index = 0;; ++index) {
        auto const got = ipc::call_into<proto::Epoll::Part>(part_slot, epoll_of(instance), index);
        if (!got) { return; }
        bool const more = use(std::get<1>(*got));
        drop(part_slot);
        if (!more) { return; }
    }
}

/// One epoll_wait(2).
class EpollWait {
public:
    EpollWait(ThreadArea& thread, Word instance, Word address, Word most)
        : thread_{thread}, instance_{instance}, address_{address}, most_{most}, token_{
                                                                                    static_cast<Word>(time_stamp())} {}

    Long pass(bool arm) {
        TableLock const lock{files(thread_)};
        found_ = 0;
        Collected told;
        ipc::OptionalCap<EventSet> first;
        own_armed_ = arm;
        if (Long const error = collect(part_slot, set_of(instance_), 0, arm, told, first); error < 0) { return error; }
        if (told.signals != 0 && found_ < most_) {
            if (Long const error = collect_signals(told.signals, arm && found_ == 0); error < 0) {
                drop(part_slot);
                return error;
            }
        }
        bool const arming = arm && found_ == 0;
        bool const left = parts_armed_ && found_ >= most_;
        Long error = 0;
        for (Word index = 0; index < told.parts && found_ < most_ && error == 0; ++index) {
            proto::EpollPart nested{};
            if (index != 0 || first.slot == 0) {
                auto const got = ipc::call_into<proto::Epoll::Part>(part_slot, epoll_of(instance_), index);
                if (!got) { break; }
                nested = std::get<1>(*got);
            }
            error = ask_part(nested, arm && found_ == 0);
            drop(part_slot);
            first.slot = 0;
        }
        if (first.slot != 0) { drop(part_slot); }
        parts_armed_ = (arming && told.parts != 0) || left;
        return error < 0 ? error : static_cast<Long>(found_);
    }
    void disarm() {
        if (own_armed_) { static_cast<void>(ipc::call<File::PollDisarm>(file(instance_), token_)); }
        if (parts_armed_) { disarm_parts(thread_, instance_, token_); }
        own_armed_ = parts_armed_ = false;
    }

private:
    /// What the set has, behind what was found so far. A capability in the answer goes to `slot`.
    Long collect(abi::CapabilityPointer slot, ipc::Cap<EventSet> set, std::uint64_t pending, bool arm, Collected& told,
                 ipc::OptionalCap<EventSet>& first) {
        ipc::OptionalCap<ipc::Notification> notification;
        if (arm) { notification = ipc::Cap<ipc::Notification>{thread_.wake_slot}; }
        for (;;) {
            Word const at = address_ + found_ * event_bytes;
            auto const got =
                ipc::call_into<EventSet::Collect>(slot, set, token_, pending, notification,
                                                  ipc::WriteBuffer{pointer<void>(at), (most_ - found_) * event_bytes});
            if (!got) { return refuse(got.error()); }
            std::tie(told, first) = *got;
            found_ += told.count;
            if (told.fault == 0 || found_ != 0) { return 0; }
            if (first.slot != 0) { drop(slot); }
            if (!touch(thread_, told.fault, at + event_bytes, true)) { return fault; }
        }
    }
    Long collect_signals(std::uint64_t signals, bool arm) {
        auto const pending = arm ? ipc::call<Process::WakeForSignals>(process(thread_), signals)
                                 : ipc::call<Process::Pending>(process(thread_));
        if (!pending || (*pending & signals) == 0) { return 0; }
        Collected told;
        ipc::OptionalCap<EventSet> stray;
        Long const error = collect(stray_slot, set_of(instance_), *pending & signals, false, told, stray);
        if (error == 0 && stray.slot != 0) { drop(stray_slot); }
        return error;
    }
    Long ask_part(proto::EpollPart const& nested, bool arm) {
        if (nested.nested == 0) {
            Collected told;
            ipc::OptionalCap<EventSet> stray;
            // A server that has died has no events; its files say what became of them.
            Long const error = collect(stray_slot, part, 0, arm, told, stray);
            if (error == 0 && stray.slot != 0) { drop(stray_slot); }
            return error == fault ? error : 0;
        }
        Word const events = nested.event.events & (poll_in | poll_read_normal);
        auto const ready = arm ? ipc::call<File::PollArm>(part.as<File>(), events, token_,
                                                          ipc::Cap<ipc::Notification>{thread_.wake_slot})
                               : ipc::call<File::Poll>(part.as<File>(), events);
        if (!ready || (*ready & events) == 0) { return 0; }
        EpollEvent const event{*ready & events, nested.event.data_low, nested.event.data_high};
        return put(address_ + found_++ * event_bytes, event) ? 0 : fault;
    }

    ThreadArea& thread_;
    Word const instance_, address_, most_, token_;
    Word found_ = 0;
    bool own_armed_ = false, parts_armed_ = false;
};

Long make_epoll(ThreadArea& thread, Word flags) {
    constexpr Word close_on_exec = 0x80000;
    if ((flags & ~close_on_exec) != 0) { return invalid; }
    return open_event_file(thread, FileKind::Epoll, flags, [](abi::CapabilityPointer slot) {
        return ipc::call_into<proto::EventFiles::NewEpoll>(slot, event_files);
    });
}

Long epoll_wait(ThreadArea& thread, std::uint64_t deadline) {
    Word const instance = argument1(thread), address = argument2(thread);
    auto const most = static_cast<Long>(argument3(thread));
    if (most <= 0 || static_cast<Word>(most) > 0x7fffffff / event_bytes) { return invalid; }
    if (!user_range(address, static_cast<Word>(most) * event_bytes)) { return fault; }
    Descriptor const* const open = find(thread, instance);
    if (open == nullptr) { return bad_descriptor; }
    if (!is_kind(*open, FileKind::Epoll)) { return invalid; }
    EpollWait wait{thread, instance, address, static_cast<Word>(most)};
    return wait_until(thread, wait, deadline);
}

Long masked_epoll_wait(ThreadArea& thread, std::uint64_t deadline, Word mask_address, Word mask_bytes) {
    if (mask_address != 0 && mask_bytes != 8) { return invalid; }
    TemporaryMask mask{thread};
    if (!mask.set(mask_address)) { return fault; }
    Long const result = epoll_wait(thread, deadline);
    if (result != restart_never) { mask.restore(); }
    return result;
}

std::uint64_t deadline_of_milliseconds(ThreadArea& thread, Word milliseconds) {
    auto const value = static_cast<Long>(milliseconds);
    return value < 0 ? for_ever : deadline_of(thread, static_cast<std::uint64_t>(value) * 1000000);
}

/// epoll_ctl(2) for another server's file: there is a set for it at that server.
Long control_elsewhere(ThreadArea& thread, Word instance, Word operation, Word descriptor, EpollEvent const& event) {
    ipc::OptionalCap<File> const target{file(descriptor)};
    Error error = Error::CrossDevice;
    each_part(thread, instance, [&](proto::EpollPart const& info) {
        if (info.nested != 0) {
            return false; // its own come first
        }
        auto const done = ipc::call<EventSet::Control>(part, operation, descriptor, target, event);
        error = done ? Error::None : done.error();
        return error == Error::CrossDevice || error == Error::ServerDied;
    });
    if (error != Error::CrossDevice && error != Error::ServerDied) { return error == Error::None ? 0 : refuse(error); }
    if (operation != EventSet::add) {
        return operation == EventSet::remove || operation == EventSet::modify ? refuse(Error::NoEntry) : invalid;
    }
    TableLock const lock{files(thread)};
    if (auto const made = ipc::call_into<File::NewEventSet>(part_slot, file(descriptor)); !made) {
        return refuse(made.error() == Error::NotImplemented ? Error::NotPermitted : made.error());
    }
    auto done = ipc::call<EventSet::Control>(part, operation, descriptor, target, event);
    if (done) { done = ipc::call<proto::Epoll::AddPart>(epoll_of(instance), ipc::OptionalCap<EventSet>{part}); }
    drop(part_slot);
    return finish(done);
}
} // namespace

Word poll_parts(ThreadArea& thread, Word instance, Word token, bool arm) {
    Word found = 0;
    each_part(thread, instance, [&](proto::EpollPart const&) {
        auto const ready = arm ? ipc::call<File::PollArm>(part.as<File>(), Word{poll_in}, token,
                                                          ipc::Cap<ipc::Notification>{thread.wake_slot})
                               : ipc::call<File::Poll>(part.as<File>(), Word{poll_in});
        found = ready && (*ready & poll_in) != 0 ? poll_in | poll_read_normal : 0;
        return found == 0;
    });
    return found;
}

void disarm_parts(ThreadArea& thread, Word instance, Word token) {
    each_part(thread, instance, [&](proto::EpollPart const&) {
        static_cast<void>(ipc::call<File::PollDisarm>(part.as<File>(), token));
        return true;
    });
}

Long sys_epoll_create(ThreadArea& thread) {
    return static_cast<Long>(argument1(thread)) <= 0 ? invalid : make_epoll(thread, 0);
}
Long sys_epoll_create1(ThreadArea& thread) { return make_epoll(thread, argument1(thread)); }

Long sys_epoll_ctl(ThreadArea& thread) {
    Word const instance = argument1(thread), operation = argument2(thread), descriptor = argument3(thread);
    EpollEvent event{};
    if (operation != EventSet::remove && !fetch(argument4(thread), event)) { return fault; }
    Descriptor const* const open = find(thread, instance);
    Descriptor const* const target = find(thread, descriptor);
    if (open == nullptr || target == nullptr) { return bad_descriptor; }
    if (is_regular(*target) || is_kind(*target, FileKind::Directory)) { return refuse(Error::NotPermitted); }
    if (instance == descriptor || !is_kind(*open, FileKind::Epoll)) { return invalid; }
    auto const done = ipc::call<EventSet::Control>(set_of(instance), operation, descriptor,
                                                   ipc::OptionalCap<File>{file(descriptor)}, event);
    return done || done.error() != Error::CrossDevice
               ? finish(done)
               : control_elsewhere(thread, instance, operation, descriptor, event);
}

Long sys_epoll_wait(ThreadArea& thread) {
    return epoll_wait(thread, deadline_of_milliseconds(thread, argument4(thread)));
}
Long sys_epoll_pwait(ThreadArea& thread) {
    return masked_epoll_wait(thread, deadline_of_milliseconds(thread, argument4(thread)), argument5(thread),
                             argument6(thread));
}
Long sys_epoll_pwait2(ThreadArea& thread) {
    std::uint64_t deadline = for_ever;
    if (argument4(thread) != 0) {
        TimeSpec64 time;
        if (!fetch(argument4(thread), time)) { return fault; }
        if (!valid_time(time)) { return invalid; }
        deadline = deadline_of(thread, nanoseconds_of(time));
    }
    return masked_epoll_wait(thread, deadline, argument5(thread), argument6(thread));
}

} // namespace vdso
