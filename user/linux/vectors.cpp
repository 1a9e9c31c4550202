// System calls that read into and write from several places at once.
#include "calls.hpp"
#include "descriptors.hpp"
#include "transfer.hpp"

namespace vdso {

namespace {
struct IoVector {
    Word address, length;
};
inline constexpr Word vector_maximum = 1024;

Long read_vector(ThreadArea& thread, std::uint64_t const* offset) {
    Word const count = argument3(thread);
    if (count > vector_maximum) { return invalid; }
    Word done = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(argument2(thread) + i * sizeof part, part)) { return done != 0 ? static_cast<Long>(done) : fault; }
        if (part.length == 0) { continue; }
        std::uint64_t const at = offset != nullptr ? *offset + done : 0;
        // What comes after the first part must not wait: a terminal or pipe has given what it had.
        Long const got =
            read_bytes(thread, argument1(thread), part.address, part.length, offset != nullptr ? &at : nullptr);
        if (got < 0) { return done != 0 ? static_cast<Long>(done) : got; }
        done += static_cast<Word>(got);
        Descriptor const* const open = find(thread, argument1(thread));
        if (static_cast<Word>(got) < part.length || open == nullptr || !is_regular(*open)) { break; }
    }
    return find(thread, argument1(thread)) == nullptr && done == 0 ? bad_descriptor : static_cast<Long>(done);
}
/// Small vectors go out as one write, so that a line stays a line on a shared pipe.
inline constexpr Word gather_maximum = 2048;
[[gnu::noinline]] Long write_gathered(ThreadArea& thread, Word vectors, Word count, Word total) {
    alignas(4) std::uint8_t together[gather_maximum];
    Word done = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(vectors + i * sizeof part, part) || part.length > total - done ||
            !fetch_bytes(together + done, part.address, part.length)) {
            return fault;
        }
        done += part.length;
    }
    return write_bytes(thread, argument1(thread), reinterpret_cast<Word>(together), done);
}
Long write_vector(ThreadArea& thread, std::uint64_t const* offset) {
    Word const count = argument3(thread), vectors = argument2(thread);
    if (count > vector_maximum) { return invalid; }
    if (find(thread, argument1(thread)) == nullptr) { return bad_descriptor; }
    Word total = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(vectors + i * sizeof part, part)) { return fault; }
        if (part.length > 0x7fffffff - total) { return invalid; }
        total += part.length;
    }
    if (total <= gather_maximum && count > 1 && offset == nullptr) {
        return write_gathered(thread, vectors, count, total);
    }
    Word done = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(vectors + i * sizeof part, part)) { return done != 0 ? static_cast<Long>(done) : fault; }
        if (part.length == 0) { continue; }
        std::uint64_t const at = offset != nullptr ? *offset + done : 0;
        Long const put_out =
            write_bytes(thread, argument1(thread), part.address, part.length, offset != nullptr ? &at : nullptr);
        if (put_out < 0) { return done != 0 ? static_cast<Long>(done) : put_out; }
        done += static_cast<Word>(put_out);
        if (static_cast<Word>(put_out) < part.length) { break; }
    }
    return static_cast<Long>(done);
}
} // namespace

Long sys_readv(ThreadArea& thread) {
    return find(thread, argument1(thread)) == nullptr ? bad_descriptor : read_vector(thread, nullptr);
}
Long sys_writev(ThreadArea& thread) { return write_vector(thread, nullptr); }
Long sys_preadv(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return read_vector(thread, &offset);
}
Long sys_pwritev(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return write_vector(thread, &offset);
}

} // namespace vdso
