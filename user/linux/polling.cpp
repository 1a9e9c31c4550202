// poll, select and their relatives: ask each file, arm those that are not ready, wait on the thread's own notification.
#include "polling.hpp"
#include "calls.hpp"
#include "descriptors.hpp"
#include "event_files.hpp"

namespace vdso {

using proto::File;
using proto::Process;

namespace {

/// What is waited for: `count` files, each with its events; found() takes what is ready.
/// Set has: Word count(); bool get(Word index, Word& descriptor, Word& events) (false: skip it, found says why);
/// bool fill(Word index, Word revents) (false: EFAULT).
template <class Set>
class Poller {
public:
    Poller(ThreadArea& thread, Set& set) : thread_{thread}, set_{set}, token_{static_cast<Word>(time_stamp())} {}

    Long run(std::uint64_t deadline) { return wait_until(thread_, *this, deadline); }
    /// Asks everybody; arms as it goes as long as nothing is ready.
    Long pass(bool arm) {
        Long ready = 0;
        disarm();
        for (Word index = 0; index < set_.count(); ++index) {
            Word descriptor, events, found = 0;
            if (!set_.get(index, descriptor, events)) { continue; }
            if (find(thread_, descriptor) == nullptr) {
                found = poll_invalid;
            } else {
                events |= poll_error | poll_hang_up;
                found = events_of(descriptor, events, arm && ready == 0);
                armed_ = arm && ready == 0 ? index + 1 : armed_;
            }
            if (!set_.fill(index, found)) { return fault; }
            ready += found != 0 ? 1 : 0;
        }
        return ready;
    }
    void disarm() {
        for (Word index = 0; index < armed_; ++index) {
            Word descriptor, events;
            if (set_.get(index, descriptor, events) && find(thread_, descriptor) != nullptr) {
                static_cast<void>(ipc::call<File::PollDisarm>(file(descriptor), token_));
                if (is_kind(*find(thread_, descriptor), proto::FileKind::Epoll)) {
                    disarm_parts(thread_, descriptor, token_);
                }
            }
        }
        armed_ = 0;
        signals_ = 0; // a notification for signals is spent, or comes to nothing
    }

private:
    Word events_of(Word descriptor, Word events, bool arming) {
        Descriptor const& open = *find(thread_, descriptor);
        if (is_kind(open, proto::FileKind::SignalQueue)) {
            auto const mask = ipc::call<proto::SignalFile::Mask>(file(descriptor).as<proto::SignalFile>());
            signals_ |= mask ? *mask : 0;
            auto const pending = arming ? ipc::call<Process::WakeForSignals>(process(thread_), signals_)
                                        : ipc::call<Process::Pending>(process(thread_));
            return mask && pending && (*mask & *pending) != 0 ? events & (poll_in | poll_read_normal) : 0;
        }
        ipc::Result<Word> answer;
        if (arming) {
            answer = ipc::call<File::PollArm>(file(descriptor), events, token_,
                                              ipc::Cap<ipc::Notification>{thread_.wake_slot});
        } else {
            answer = ipc::call<File::Poll>(file(descriptor), events);
        }
        if (!answer && answer.error() == Error::ServerDied) {
            answer = ipc::call<File::Poll>(file(descriptor), events); // its successor knows what became of the file
        }
        if (!answer) { return answer.error() == Error::NotImplemented ? (poll_in | poll_out) & events : poll_error; }
        if (*answer == 0 && is_kind(open, proto::FileKind::Epoll)) {
            return poll_parts(thread_, descriptor, token_, arming) & events;
        }
        return *answer & events;
    }

    ThreadArea& thread_;
    Set& set_;
    Word const token_;
    Word armed_ = 0;            ///< the files before this index may be armed
    std::uint64_t signals_ = 0; ///< of the signal descriptors so far
};

struct PollRecord {
    std::int32_t descriptor;
    std::int16_t events, found;
};

/// The program's own array.
class PollSet {
public:
    PollSet(Word address, Word count) : address_{address}, count_{count} {}
    [[nodiscard]] Word count() const { return count_; }
    bool get(Word index, Word& descriptor, Word& events) {
        PollRecord record;
        if (!fetch(address_ + index * sizeof record, record)) { return false; }
        if (record.descriptor < 0) {
            static_cast<void>(fill(index, 0));
            return false;
        }
        descriptor = static_cast<Word>(record.descriptor);
        events = static_cast<Word>(record.events) & 0xffff;
        return true;
    }
    bool fill(Word index, Word found) {
        auto const value = static_cast<std::int16_t>(found);
        return put_bytes(address_ + index * static_cast<Word>(sizeof(PollRecord)) +
                             static_cast<Word>(offsetof(PollRecord, found)),
                         &value, sizeof value);
    }

private:
    Word const address_, count_;
};

inline constexpr Word set_words = linux_process::descriptor_maximum / 32;
struct BitSets {
    Word read[set_words], write[set_words], except[set_words];
};

/// select's bit sets.
class SelectSet {
public:
    SelectSet(ThreadArea& thread, BitSets const& wanted, Word count)
        : thread_{thread}, wanted_{wanted}, count_{count} {}
    [[nodiscard]] Word count() const { return count_; }
    bool get(Word index, Word& descriptor, Word& events) {
        Word const word = index / 32, bit = index % 32;
        events = ((wanted_.read[word] >> bit & 1) != 0 ? poll_in : 0) |
                 ((wanted_.write[word] >> bit & 1) != 0 ? poll_out : 0) |
                 ((wanted_.except[word] >> bit & 1) != 0 ? poll_priority : 0);
        descriptor = index;
        return events != 0;
    }
    bool fill(Word index, Word revents) {
        if ((revents & poll_invalid) != 0) {
            bad_ = true;
            return true;
        }
        Word const word = index / 32, bit = Word{1} << index % 32;
        auto const set = [&](Word const* wanted, Word* found, Word events) {
            if ((wanted[word] & bit) != 0 && (revents & events) != 0) {
                found[word] |= bit;
                ++bits_;
            }
        };
        set(wanted_.read, found.read, poll_in | poll_hang_up | poll_error);
        set(wanted_.write, found.write, poll_out | poll_error);
        set(wanted_.except, found.except, poll_priority);
        return true;
    }
    [[nodiscard]] Long bits() const { return bits_; }
    [[nodiscard]] bool bad() const { return bad_; }
    BitSets found{};

private:
    ThreadArea& thread_;
    BitSets const& wanted_;
    Word const count_;
    Long bits_ = 0;
    bool bad_ = false;
};

Long poll(ThreadArea& thread, Word address, Word count, std::uint64_t deadline) {
    if (count > linux_process::descriptor_maximum) { return invalid; }
    if (count != 0) {
        PollRecord probe;
        if (!fetch(address, probe) || !fetch(address + (count - 1) * static_cast<Word>(sizeof probe), probe)) {
            return fault;
        }
    }
    PollSet set{address, count};
    return Poller<PollSet>{thread, set}.run(deadline);
}

Long fetch_set(Word address, Word count, Word (&bits)[set_words]) {
    Word const words = (count + 31) / 32;
    if (address != 0 && !fetch_bytes(bits, address, words * 4)) { return fault; }
    if (words != 0 && count % 32 != 0) { bits[words - 1] &= (Word{1} << count % 32) - 1; }
    return 0;
}

[[gnu::noinline]] Long select(ThreadArea& thread, Word count, Word read, Word write, Word except,
                              std::uint64_t deadline) {
    if (static_cast<Long>(count) < 0) { return invalid; }
    count = std::min(count, linux_process::descriptor_maximum);
    BitSets wanted{};
    if (fetch_set(read, count, wanted.read) != 0 || fetch_set(write, count, wanted.write) != 0 ||
        fetch_set(except, count, wanted.except) != 0) {
        return fault;
    }
    for (Word number = 0; number < count; ++number) {
        Word const word = number / 32;
        if (((wanted.read[word] | wanted.write[word] | wanted.except[word]) >> number % 32 & 1) != 0 &&
            find(thread, number) == nullptr) {
            return bad_descriptor;
        }
    }
    SelectSet set{thread, wanted, count};
    Long const ready = Poller<SelectSet>{thread, set}.run(deadline);
    if (ready < 0) { return ready; }
    if (set.bad()) { return bad_descriptor; }
    Word const bytes = (count + 31) / 32 * 4;
    if ((read != 0 && !put_bytes(read, set.found.read, bytes)) ||
        (write != 0 && !put_bytes(write, set.found.write, bytes)) ||
        (except != 0 && !put_bytes(except, set.found.except, bytes))) {
        return fault;
    }
    return set.bits();
}

/// Linux writes back what is left of the time-out.
std::uint64_t left_until(ThreadArea& thread, std::uint64_t deadline) {
    std::uint64_t const now = boot_nanoseconds(thread);
    return deadline == 0 || deadline == for_ever || now >= deadline ? 0 : deadline - now;
}
TimeSpec32 make_time(std::uint64_t nanoseconds, TimeSpec32*) {
    SplitTime const time = split(nanoseconds);
    return {static_cast<std::int32_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds)};
}
TimeSpec64 make_time(std::uint64_t nanoseconds, TimeSpec64*) {
    SplitTime const time = split(nanoseconds);
    return {static_cast<std::int64_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds), 0};
}

/// A wait with a time-out at `time_address` and a mask at `mask_address`. wait(deadline).
template <class Time, class Wait>
Long masked_wait(ThreadArea& thread, Word time_address, Word mask_address, Wait wait) {
    std::uint64_t deadline = for_ever;
    if (time_address != 0) {
        Time time;
        if (!fetch(time_address, time)) { return fault; }
        if (!valid_time(time)) { return invalid; }
        deadline = deadline_of(thread, nanoseconds_of(time));
    }
    TemporaryMask mask{thread};
    if (!mask.set(mask_address)) { return fault; }
    Long result = wait(deadline);
    if (time_address != 0 && result != restart_never) {
        static_cast<void>(put(time_address, make_time(left_until(thread, deadline), static_cast<Time*>(nullptr))));
    }
    if (result == restart_never) { return result; }
    mask.restore();
    return result;
}
} // namespace

Long sys_poll(ThreadArea& thread) {
    auto const milliseconds = static_cast<Long>(argument3(thread));
    std::uint64_t const deadline =
        milliseconds < 0 ? for_ever : deadline_of(thread, static_cast<std::uint64_t>(milliseconds) * 1000000);
    return poll(thread, argument1(thread), argument2(thread), deadline);
}
Long sys_ppoll(ThreadArea& thread) {
    return masked_wait<TimeSpec32>(thread, argument3(thread), argument4(thread), [&](std::uint64_t deadline) {
        return poll(thread, argument1(thread), argument2(thread), deadline);
    });
}
Long sys_ppoll64(ThreadArea& thread) {
    return masked_wait<TimeSpec64>(thread, argument3(thread), argument4(thread), [&](std::uint64_t deadline) {
        return poll(thread, argument1(thread), argument2(thread), deadline);
    });
}

namespace {
Long select_old_time(ThreadArea& thread, Word count, Word read, Word write, Word except, Word time_address) {
    std::uint64_t deadline = for_ever;
    if (time_address != 0) {
        TimeVal time;
        if (!fetch(time_address, time)) { return fault; }
        if (time.seconds < 0 || time.microseconds < 0) { return invalid; }
        deadline = deadline_of(thread, join(static_cast<Word>(time.seconds), 0) +
                                           static_cast<std::uint64_t>(time.microseconds) * 1000);
    }
    Long const result = select(thread, count, read, write, except, deadline);
    if (time_address != 0 && result != restart_never) {
        static_cast<void>(put(time_address, time_val(left_until(thread, deadline))));
    }
    return result;
}
template <class Time>
Long select_masked(ThreadArea& thread) {
    struct {
        Word mask, bytes;
    } signals{};
    if (argument6(thread) != 0 && !fetch(argument6(thread), signals)) { return fault; }
    if (signals.mask != 0 && signals.bytes != 8) { return invalid; }
    return masked_wait<Time>(thread, argument5(thread), signals.mask, [&](std::uint64_t deadline) {
        return select(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread), deadline);
    });
}
} // namespace
Long sys_select(ThreadArea& thread) {
    return select_old_time(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread),
                           argument5(thread));
}
Long sys_old_select(ThreadArea& thread) {
    struct {
        Word count, read, write, except, time;
    } a;
    return fetch(argument1(thread), a) ? select_old_time(thread, a.count, a.read, a.write, a.except, a.time) : fault;
}
Long sys_pselect6(ThreadArea& thread) { return select_masked<TimeSpec32>(thread); }
Long sys_pselect6_64(ThreadArea& thread) { return select_masked<TimeSpec64>(thread); }

} // namespace vdso
