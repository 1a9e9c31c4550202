// System calls that copy from one open file to another.
#include "calls.hpp"
#include "descriptors.hpp"
#include "transfer.hpp"

namespace vdso {

using proto::File;

namespace {
inline constexpr Word seek_current = 1;
inline constexpr Word copy_chunk = 4096;
inline constexpr Long copy_elsewhere = -1 - static_cast<Long>(Error::Elsewhere);

/// Between regular files of one server: it copies by itself and shares what it can. copy_elsewhere: it does not.
Long copy_inside(Word from, std::uint64_t* from_offset, Word to, std::uint64_t* to_offset, Word length) {
    auto const copied = ipc::call<File::CopyFrom>(file(to), ipc::OptionalCap<File>{file(from)},
                                                  from_offset != nullptr ? *from_offset : File::current,
                                                  to_offset != nullptr ? *to_offset : File::current, length);
    if (!copied) {
        return copied.error() == Error::NoSpace || copied.error() == Error::Quota || copied.error() == Error::FileTooBig
                   ? refuse(copied.error())
                   : copy_elsewhere;
    }
    if (from_offset != nullptr) { *from_offset += *copied; }
    if (to_offset != nullptr) { *to_offset += *copied; }
    return static_cast<Long>(*copied);
}

/// Copies through the vDSO's stack. Offsets: null for the files' own.
[[gnu::noinline]] Long copy_between(ThreadArea& thread, Word from, std::uint64_t* from_offset, Word to,
                                    std::uint64_t* to_offset, Word length) {
    if (is_regular(*find(thread, from)) && is_regular(*find(thread, to))) {
        if (Long const copied = copy_inside(from, from_offset, to, to_offset, length); copied != copy_elsewhere) {
            return copied;
        }
    }
    alignas(16) std::uint8_t chunk[copy_chunk];
    Word done = 0;
    while (done < length) {
        Word const want = std::min(length - done, copy_chunk);
        Long const got = read_bytes(thread, from, reinterpret_cast<Word>(chunk), want, from_offset);
        if (got <= 0) { return done != 0 ? static_cast<Long>(done) : got; }
        Long written = 0;
        while (written < got) {
            Long const part = write_bytes(thread, to, reinterpret_cast<Word>(chunk) + static_cast<Word>(written),
                                          static_cast<Word>(got - written), to_offset);
            if (part <= 0) {
                if (from_offset == nullptr) { // what was not written is not read
                    static_cast<void>(ipc::call<File::Seek>(file(from), std::int64_t{written - got}, seek_current));
                }
                done += static_cast<Word>(written);
                if (from_offset != nullptr) { *from_offset += static_cast<Word>(written); }
                return done != 0 ? static_cast<Long>(done) : part;
            }
            written += part;
            if (to_offset != nullptr) { *to_offset += static_cast<Word>(part); }
        }
        if (from_offset != nullptr) { *from_offset += static_cast<Word>(got); }
        done += static_cast<Word>(got);
    }
    return static_cast<Long>(done);
}

Long send_file(ThreadArea& thread, bool wide) {
    Descriptor const* const from = find(thread, argument2(thread));
    if (from == nullptr || find(thread, argument1(thread)) == nullptr) { return bad_descriptor; }
    if (!is_regular(*from)) {
        return invalid; // as Linux: only what could be mapped
    }
    Word const offset_address = argument3(thread);
    Word const length = std::min(argument4(thread), Word{0x7ffff000});
    if (offset_address == 0) {
        return copy_between(thread, argument2(thread), nullptr, argument1(thread), nullptr, length);
    }
    std::uint64_t offset = 0;
    if (wide ? !fetch(offset_address, offset) : !fetch(offset_address, reinterpret_cast<Word&>(offset))) {
        return fault;
    }
    Long const done = copy_between(thread, argument2(thread), &offset, argument1(thread), nullptr, length);
    if (done >= 0 && (wide ? !put(offset_address, offset) : !put(offset_address, static_cast<Word>(offset)))) {
        return fault;
    }
    return done;
}
} // namespace

Long sys_sendfile(ThreadArea& thread) { return send_file(thread, false); }
Long sys_sendfile64(ThreadArea& thread) { return send_file(thread, true); }

Long sys_copy_file_range(ThreadArea& thread) {
    Descriptor const* const from = find(thread, argument1(thread));
    Descriptor const* const to = find(thread, argument3(thread));
    if (from == nullptr || to == nullptr) { return bad_descriptor; }
    if (!is_regular(*from) || !is_regular(*to) || argument6(thread) != 0) { return invalid; }
    std::uint64_t from_offset = 0, to_offset = 0;
    bool const has_from = argument2(thread) != 0, has_to = argument4(thread) != 0;
    if ((has_from && !fetch(argument2(thread), from_offset)) || (has_to && !fetch(argument4(thread), to_offset))) {
        return fault;
    }
    Long const done = copy_between(thread, argument1(thread), has_from ? &from_offset : nullptr, argument3(thread),
                                   has_to ? &to_offset : nullptr, std::min(argument5(thread), Word{0x7ffff000}));
    if (done >= 0 &&
        ((has_from && !put(argument2(thread), from_offset)) || (has_to && !put(argument4(thread), to_offset)))) {
        return fault;
    }
    return done;
}

} // namespace vdso
