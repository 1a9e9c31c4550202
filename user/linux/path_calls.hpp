// What the system calls on paths share.
#pragma once
#include "transfer.hpp"
#include "walk.hpp"

namespace vdso {

namespace open_flag {
inline constexpr Word close_on_exec = 0x80000, path_only = 0x200000;
} // namespace open_flag
inline constexpr Long no_entry = -static_cast<Long>(Error::NoEntry);

/// open(2) of the path at `address` in the program, relative to `descriptor`: the new descriptor, or a negative errno.
Long open_at(ThreadArea& thread, Word descriptor, Word address, Word flags, Word mode);

/// Operation on a path of the program; the empty path is ENOENT.
template <class Operation>
auto at_path(ThreadArea& thread, Word descriptor, Word address, Operation operation)
    -> decltype(operation(ipc::Cap<Directory>{}, Directory::At{}, Directory::Caller{}, ipc::Path{})) {
    auto const path = fetch_path(address);
    if (!path) { return ipc::fail(path.error()); }
    if (path->length == 0) { return ipc::fail(Error::NoEntry); }
    return walk(thread, descriptor, *path, operation);
}

/// "first\0second\0" on the stack, for operations on two paths.
class TwoPaths {
public:
    Error add(Word address) {
        auto const path = fetch_path(address);
        if (!path) { return path.error(); }
        if (path->length == 0) { return Error::NoEntry; }
        return add(*path);
    }
    /// Where the last one added starts.
    [[nodiscard]] Word second() const { return start_; }
    Error add(ipc::Path const& path) {
        start_ = used_;
        if (path.length + 1 > sizeof bytes_ - used_) { return Error::NameTooLong; }
        std::memcpy(bytes_ + used_, path.data, path.length);
        used_ += path.length;
        bytes_[used_++] = '\0';
        return Error::None;
    }
    [[nodiscard]] ipc::ReadBuffer buffer() const { return {bytes_, used_}; }

private:
    char bytes_[4200];
    Word used_ = 0, start_ = 0;
};

} // namespace vdso
