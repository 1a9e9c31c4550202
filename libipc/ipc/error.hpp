// Errors of protocols: Linux's errno values (what programs see in the end), the kernel's own errors above them.
#pragma once
#include "../../microkernel/abi/types.hpp"
#include <expected>

namespace ipc {

/// Label of a reply: None, an errno of Linux i386 (errno(3)), or kernel_base + abi::Error.
enum class Error : std::uint16_t {
    None = 0,
    NotPermitted = 1,
    NoEntry = 2,
    NoProcess = 3,
    Interrupted = 4,
    InputOutput = 5,
    NoDevice = 6,
    ArgumentsTooLong = 7,
    NotExecutable = 8,
    BadDescriptor = 9,
    NoChild = 10,
    Again = 11,
    NoMemory = 12,
    Access = 13,
    Fault = 14,
    NotBlockDevice = 15,
    Busy = 16,
    Exists = 17,
    CrossDevice = 18,
    NoSuchDevice = 19,
    NotDirectory = 20,
    IsDirectory = 21,
    Invalid = 22,
    TooManyFilesSystem = 23,
    TooManyFiles = 24,
    NotTerminal = 25,
    TextBusy = 26,
    FileTooBig = 27,
    NoSpace = 28,
    IllegalSeek = 29,
    ReadOnly = 30,
    TooManyLinks = 31,
    BrokenPipe = 32,
    Domain = 33,
    Range = 34,
    Deadlock = 35,
    NameTooLong = 36,
    NotImplemented = 38,
    NotEmpty = 39,
    Loop = 40,
    NoMessage = 42,
    IdentifierRemoved = 43,
    NoData = 61,
    TimedOutStream = 62,
    Overflow = 75,
    TooManyUsers = 87,
    NotSocket = 88,
    DestinationRequired = 89,
    MessageTooLong = 90,
    MessageSize = MessageTooLong,
    WrongProtocolType = 91,
    NoProtocolOption = 92,
    ProtocolNotSupported = 93,
    SocketTypeNotSupported = 94,
    NotSupported = 95,
    AddressFamilyNotSupported = 97,
    AddressInUse = 98,
    AddressNotAvailable = 99,
    NetworkDown = 100,
    NetworkUnreachable = 101,
    ConnectionAborted = 103,
    ConnectionReset = 104,
    NoBufferSpace = 105,
    IsConnected = 106,
    NotConnected = 107,
    TooManyReferences = 109,
    TimedOut = 110,
    ConnectionRefused = 111,
    HostUnreachable = 113,
    AlreadyInProgress = 114,
    InProgress = 115,
    Quota = 122,
    Cancelled = 125,
    DeadOwner = 130,
    // Linux-internal: never reach a program; the vDSO turns them into restart or EINTR (signal(7)).
    RestartSystemCall = 512,
    /// The object is behind another server: the reply holds a Continuation (proto/directory.hpp).
    Elsewhere = 600,
    /// The caller is in the background of its terminal (SIGTTIN / SIGTTOU due).
    Background = 601,
    /// EPIPE without SIGPIPE: on a socket that is no stream.
    QuietBrokenPipe = 603,
    /// Only inside a server: no reply now, ipc::reply comes later.
    Deferred = 602,
    /// A message that does not decode: short, unknown operation, wrong capabilities.
    BadMessage = 74,
    ServerDied = 2048 + 11,
    CallInterrupted = 2048 + 12,
    WouldBlock = 2048 + 13,
};
inline constexpr std::uint16_t kernel_base = 2048;
constexpr Error from_kernel(abi::Error error) {
    return error == abi::Error::None ? Error::None : static_cast<Error>(kernel_base + static_cast<abi::Word>(error));
}

template <class T>
using Result = std::expected<T, Error>;
using Failure = std::unexpected<Error>;
/// `return fail(Error::NoEntry);`
constexpr Failure fail(Error error) { return Failure{error}; }

} // namespace ipc
