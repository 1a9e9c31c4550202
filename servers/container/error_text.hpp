// Errors of servers in words, for the person at ctool.
#pragma once
#include "ipc/error.hpp"
#include <string_view>

namespace container {

inline std::string_view error_text(ipc::Error error) {
    using ipc::Error;
    switch (error) {
    case Error::NoEntry: return "no such file or directory";
    case Error::Access: return "permission denied";
    case Error::NotExecutable: return "not an executable program";
    case Error::NotDirectory: return "not a directory";
    case Error::NoMemory: return "not enough memory";
    case Error::Again: return "process limit reached";
    case Error::ArgumentsTooLong: return "argument list too long";
    case Error::Quota: return "disk limit reached";
    case Error::NoSpace: return "no space";
    case Error::IsDirectory: return "is a directory";
    case Error::Exists: return "exists";
    case Error::Loop: return "is a symbolic link";
    case Error::NoDevice: return "no such device";
    case Error::ServerDied: return "its server has died: the log says of what";
    default: return "refused";
    }
}

} // namespace container
