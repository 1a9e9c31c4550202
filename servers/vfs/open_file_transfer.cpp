// Open files: bytes in and out, and the entries of directories.
#include "open_file.hpp"
#include <algorithm>
#include <cstring>

namespace vfs {
namespace {

alignas(8) std::array<std::byte, 32768> scratch; // directory entries and random bytes on their way out
std::array<std::byte, 16384> const zeros{};

std::uint8_t entry_type(std::uint32_t mode) { return static_cast<std::uint8_t>(mode >> 12 & 15); }

} // namespace

void OpenFile::accessed() {
    if ((flags & open_flag::no_atime) != 0 ||
        (place.mount && (place.mount->flags & (mount_flag::no_atime | mount_flag::read_only)) != 0)) {
        return;
    }
    // relatime: only the first access after a change counts, and one a day.
    if (inode->access_time <= inode->modify_time || inode->access_time <= inode->change_time) {
        inode->access_time = environment_.port.now();
    }
}

Result<Transfer> OpenFile::read_device(Caller& caller) {
    std::uint32_t const length = caller.write_length;
    if (kind == Kind::Null) { return Transfer{}; }
    if (kind != Kind::Random && length <= zeros.size()) [[likely]] {
        return caller.copy_out(0, std::span{zeros}.first(length));
    }
    Transfer total{};
    while (total.count < length) {
        std::span<std::byte const> source = zeros;
        if (kind == Kind::Random) {
            std::uint32_t const wanted = std::min<std::uint32_t>(length - total.count, 4096);
            for (std::uint32_t i = 0; i < wanted; i += 8) {
                std::uint64_t const value = environment_.port.random();
                std::memcpy(scratch.data() + i, &value, sizeof value);
            }
            source = std::span{scratch}.first(4096);
        }
        std::uint32_t const wanted =
            std::min<std::uint32_t>(length - total.count, static_cast<std::uint32_t>(source.size()));
        Transfer const part = caller.copy_out(total.count, source.first(wanted));
        total.count += part.count;
        if (part.count < wanted) {
            total.fault = part.fault;
            break;
        }
    }
    return total;
}

Result<Transfer> OpenFile::read(Caller& caller) {
    if (!readable()) { return fail(Error::BadDescriptor); }
    switch (kind) {
    case Kind::Regular: {
        Transfer const done = inode->read(offset, caller.write_length, 0, caller);
        offset += done.count;
        accessed();
        return done;
    }
    case Kind::Pipe:
        if (!input) { return fail(Error::BadDescriptor); }
        return input->read(caller, caller.write_length, (flags & open_flag::nonblock) != 0);
    case Kind::Directory: return fail(Error::IsDirectory);
    case Kind::LocalSocket:
    case Kind::EventFile: return special->read(caller, (flags & open_flag::nonblock) != 0);
    default: return read_device(caller);
    }
}

Result<Transfer> OpenFile::write(Caller& caller) {
    environment_.acting = opener.process;
    if (!writable()) { return fail(Error::BadDescriptor); }
    switch (kind) {
    case Kind::Regular: {
        if ((flags & open_flag::append) != 0) { offset = inode->size; }
        auto const done = inode->write(offset, caller.read_length, 0, caller);
        if (done && done->count != 0) {
            offset += done->count;
            inode->modified(environment_.port.now());
            if ((inode->mode & (mode::set_user | mode::set_group)) != 0) { inode->mode &= ~mode::set_user; }
        }
        return done;
    }
    case Kind::Pipe:
        if (!output) { return fail(Error::BadDescriptor); }
        return output->write(caller, caller.read_length, (flags & open_flag::nonblock) != 0);
    case Kind::LocalSocket:
    case Kind::EventFile: return special->write(caller, (flags & open_flag::nonblock) != 0);
    case Kind::Full: return fail(Error::NoSpace);
    case Kind::Directory: return fail(Error::IsDirectory);
    default: return Transfer{caller.read_length, 0};
    }
}

Result<Transfer> OpenFile::read_at(Caller& caller, std::uint64_t at) {
    if (!readable()) { return fail(Error::BadDescriptor); }
    if (kind == Kind::Pipe || is_special()) { return fail(Error::IllegalSeek); }
    if (kind != Kind::Regular) { return read(caller); }
    if (at >= file_size_maximum) { return fail(Error::Invalid); }
    accessed();
    return inode->read(at, caller.write_length, 0, caller);
}

Result<Transfer> OpenFile::write_at(Caller& caller, std::uint64_t at) {
    environment_.acting = opener.process;
    if (!writable()) { return fail(Error::BadDescriptor); }
    if (kind == Kind::Pipe || is_special()) { return fail(Error::IllegalSeek); }
    if (kind != Kind::Regular) { return write(caller); }
    auto const done = inode->write((flags & open_flag::append) != 0 ? inode->size : at, caller.read_length, 0, caller);
    if (done && done->count != 0) { inode->modified(environment_.port.now()); }
    return done;
}

Result<Transfer> OpenFile::entries(Caller& caller) {
    if (kind != Kind::Directory) { return fail(Error::NotDirectory); }
    Dentry& directory = *place.dentry;
    if (!directory.linked && directory.parent) { return fail(Error::NoEntry); }
    std::uint32_t const limit =
        std::min<std::uint32_t>(caller.write_length, static_cast<std::uint32_t>(scratch.size()));
    std::uint32_t filled = 0;
    std::uint64_t position = offset;
    bool full = false;
    auto put = [&](std::uint64_t number, std::uint64_t next, std::uint32_t mode, std::string_view name) {
        std::uint32_t const length = static_cast<std::uint32_t>((19 + name.size() + 1 + 7) & ~std::size_t{7});
        if (filled + length > limit) {
            full = true;
            return;
        }
        std::byte* at = scratch.data() + filled;
        std::memset(at, 0, length);
        std::uint16_t const short_length = static_cast<std::uint16_t>(length);
        std::uint8_t const type = entry_type(mode);
        std::memcpy(at, &number, 8);
        std::memcpy(at + 8, &next, 8);
        std::memcpy(at + 16, &short_length, 2);
        std::memcpy(at + 18, &type, 1);
        std::memcpy(at + 19, name.data(), name.size());
        filled += length;
        position = next;
    };
    // Positions: 0 ".", 1 "..", 2 the newest entry, n >= 3 entries older than cookie n.
    if (position == 0) { put(inode->number, 1, inode->mode, "."); }
    if (position == 1 && !full) {
        Inode const& above = directory.parent ? *directory.parent->inode : *inode;
        put(above.number, 2, above.mode, "..");
    }
    if (position >= 2 && !full) {
        Dentry* entry = directory.newest_child;
        if (position > 2) {
            while (entry != nullptr && entry->cookie >= position) { entry = entry->older; }
        }
        for (; entry != nullptr && !full; entry = entry->older) {
            put(entry->inode->number, entry->cookie, entry->inode->mode, entry->name);
        }
    }
    if (filled == 0) {
        if (full) { return fail(Error::Invalid); }
        return Transfer{};
    }
    Transfer const done = caller.copy_out(0, std::span{scratch}.first(filled));
    if (done.count < filled) { return Transfer{0, done.fault}; }
    offset = position;
    accessed();
    return done;
}

} // namespace vfs
