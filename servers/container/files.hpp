// Small files of a session's file system, read and written whole.
#pragma once
#include "ipc/call.hpp"
#include "ipc/slots.hpp"
#include "proto/vfs.hpp"
#include <string>

namespace container {

/// Empty if it is not there.
inline std::string read_file(ipc::Cap<proto::VfsSession> session, std::string_view path) {
    std::string text;
    auto const opened = ipc::call<proto::Directory::Open>(session.as<proto::Directory>(), proto::Directory::At{},
                                                          proto::Directory::Caller{}, 0U, 0U, ipc::Path{path});
    if (!opened) { return text; }
    ipc::Owned<proto::File> const file{std::get<0>(*opened)};
    char buffer[1024];
    for (;;) {
        auto const transfer = ipc::call<proto::File::Read>(file.get(), 0U, ipc::WriteBuffer{buffer, sizeof buffer});
        if (!transfer || transfer->count == 0) { return text; }
        text.append(buffer, transfer->count);
    }
}

/// Only as a regular file: never through a symbolic link at its end, and never waiting for a reader of a FIFO. False: it could not be.
inline bool write_file(ipc::Cap<proto::VfsSession> session, std::string_view path, std::string_view text) {
    constexpr std::uint32_t write_only = 1, create = 0100, truncate = 01000, nonblock = 04000, no_follow = 0400000,
                            mode = 0644;
    auto const opened = ipc::call<proto::Directory::Open>(
        session.as<proto::Directory>(), proto::Directory::At{}, proto::Directory::Caller{},
        write_only | create | truncate | nonblock | no_follow, mode, ipc::Path{path});
    if (!opened) { return false; }
    ipc::Owned<proto::File> const file{std::get<0>(*opened)};
    if (std::get<1>(*opened).kind != proto::FileKind::Regular) { return false; }
    auto const written = ipc::call<proto::File::Write>(file.get(), 0U, ipc::ReadBuffer{text.data(), text.size()});
    return written && written->count == text.size();
}

} // namespace container
