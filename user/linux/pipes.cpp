// System calls that make files without a name: pipes, pairs of sockets, memory.
#include "calls.hpp"
#include "descriptors.hpp"
#include "local_sockets.hpp"
#include "transfer.hpp"
#include "walk.hpp"

namespace vdso {

namespace {
inline constexpr Word open_close_on_exec = 0x80000, open_nonblock = 0x800;

/// Two reserved descriptors with consecutive-slot arrivals are rare: the pair arrives in a window and is moved if need be.
struct Pair {
    Long first, second;
};
Long reserve_pair(ThreadArea& thread, Pair& numbers) {
    numbers.first = reserve(thread);
    if (numbers.first < 0) { return numbers.first; }
    numbers.second = reserve(thread);
    if (numbers.second < 0) {
        release(thread, static_cast<Word>(numbers.first));
        return numbers.second;
    }
    return 0;
}

/// make(window) is a call whose reply has two Files.
template <class Make>
Long make_pair(ThreadArea& thread, Word address, bool close_on_exec, proto::FileKind kind, Make make) {
    Pair numbers;
    if (Long const error = reserve_pair(thread, numbers); error < 0) { return error; }
    Long window = numbers.first;
    Long borrowed[2] = {-1, -1};
    if (numbers.second != numbers.first + 1) { // find two neighbours above everything that is open
        Word const above = std::max(files(thread).highest, static_cast<Word>(numbers.second) + 1);
        borrowed[0] = window = reserve(thread, above);
        borrowed[1] = window < 0 ? window : reserve(thread, above + 1);
        if (window < 0 || borrowed[1] != window + 1) {
            for (Long const number : {numbers.first, numbers.second, borrowed[0], borrowed[1]}) {
                if (number >= 0) { release(thread, static_cast<Word>(number)); }
            }
            return refuse(Error::TooManyFiles);
        }
    }
    auto const made = make(slot_of(static_cast<Word>(window)));
    if (made && borrowed[0] >= 0) {
        static_cast<void>(own_slots().move(slot_of(static_cast<Word>(numbers.first)), own_slots(),
                                           slot_of(static_cast<Word>(window))));
        static_cast<void>(own_slots().move(slot_of(static_cast<Word>(numbers.second)), own_slots(),
                                           slot_of(static_cast<Word>(window) + 1)));
    }
    for (Long const number : borrowed) {
        if (number >= 0) { release(thread, static_cast<Word>(number)); }
    }
    std::int32_t const result[2] = {numbers.first, numbers.second};
    if (!made || !put_bytes(address, result, sizeof result)) {
        for (Long const number : result) {
            if (made) { clear_slot(static_cast<Word>(number)); }
            release(thread, static_cast<Word>(number));
        }
        return made ? fault : refuse(made.error());
    }
    install(thread, static_cast<Word>(numbers.first), kind, close_on_exec);
    install(thread, static_cast<Word>(numbers.second), kind, close_on_exec);
    return 0;
}
Long make_pipe(ThreadArea& thread, Word flags) {
    constexpr Word direct = 0x4000;
    if ((flags & ~(open_close_on_exec | open_nonblock | direct)) != 0) { return invalid; }
    return make_pair(
        thread, argument1(thread), (flags & open_close_on_exec) != 0, proto::FileKind::Fifo,
        [&](Word window) { return ipc::call_into<proto::VfsSession::Pipe>(window, vfs, flags & open_nonblock); });
}
} // namespace

Long sys_pipe(ThreadArea& thread) { return make_pipe(thread, 0); }
Long sys_pipe2(ThreadArea& thread) { return make_pipe(thread, argument2(thread)); }

Long socket_pair(ThreadArea& thread, Word domain, Word type, Word protocol, Word address) {
    constexpr Word unix_domain = 1;
    if (domain != unix_domain) {
        return refuse(domain == 2 || domain == 10 ? Error::NotSupported : Error::AddressFamilyNotSupported);
    }
    if (protocol != 0 && protocol != unix_domain) { return refuse(Error::ProtocolNotSupported); }
    return make_pair(thread, address, (type & open_close_on_exec) != 0, proto::FileKind::LocalSocket, [&](Word window) {
        return knowing_network(thread, [&] {
            return ipc::call_into<LocalSockets::Pair>(window, local_sockets, type & ~open_close_on_exec);
        });
    });
}

Long sys_memfd_create(ThreadArea& thread) {
    constexpr Word close_on_exec = 1, allow_sealing = 2;
    if (auto const name = fetch_path(argument1(thread)); !name || name->length > 249) {
        return name ? invalid : refuse(name.error());
    }
    if ((argument2(thread) & ~(close_on_exec | allow_sealing | 8U | 16U)) != 0) { return invalid; }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    auto const made = ipc::call_into<proto::VfsSession::AnonymousFile>(slot_of(static_cast<Word>(number)), vfs,
                                                                       argument2(thread), std::uint64_t{0});
    if (!made) {
        release(thread, static_cast<Word>(number));
        return refuse(made.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Regular, (argument2(thread) & close_on_exec) != 0);
    return number;
}

} // namespace vdso
