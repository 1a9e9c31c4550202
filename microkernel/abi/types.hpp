// The kernel's binary interface, part 1: words, errors, message information, the IPC buffer.
// Shared by the kernel, libipc and the vDSO: plain data only, no dependence on anything else.
#pragma once
#include <cstddef>
#include <cstdint>

namespace abi {

using Word = std::uint32_t;
/// Address of a capability in the invoking thread's CSpace, all 32 bits resolved. 0 is the null capability.
using CapabilityPointer = Word;
using Address = Word;

inline constexpr Word page_bits = 12;
inline constexpr Word page_size = Word{1} << page_bits;
inline constexpr Word large_page_bits = 22;
/// First address that user mode cannot reach.
inline constexpr Address user_end = 0xC0000000;

inline constexpr Word badge_bits = 28;
inline constexpr Word message_words = 64;
/// Words 0 and 1 of a message travel in registers, the others through the IPC buffers.
inline constexpr Word register_words = 2;
inline constexpr Word message_capabilities = 3;

/// What a system call returns in MessageInfo::status. seL4's codes, then Cella's own.
enum class Error : Word {
    None = 0,
    InvalidArgument = 1,
    InvalidCapability = 2,
    IllegalOperation = 3,
    RangeError = 4,
    AlignmentError = 5,
    FailedLookup = 6,
    TruncatedMessage = 7,
    DeleteFirst = 8,
    RevokeFirst = 9,
    NotEnoughMemory = 10,
    /// The Reply object or endpoint this thread waited on was destroyed.
    ServerDied = 11,
    /// Thread.Interrupt ended the wait.
    Interrupted = 12,
    /// A non-blocking operation found no partner, or NextDead found nothing.
    WouldBlock = 13,
};

/// Rights of a capability, as in seL4.
namespace right {
inline constexpr Word write = 1;       ///< send, signal, write through a mapping
inline constexpr Word read = 2;        ///< receive, wait, read through a mapping
inline constexpr Word grant = 4;       ///< attach capabilities to a message
inline constexpr Word grant_reply = 8; ///< Call may give the receiver the right to attach capabilities to the reply
inline constexpr Word all = 15;
} // namespace right

/// The system call, in MessageInfo::operation on entry.
///
/// Registers on entry (sysenter): eax = MessageInfo, ebx = capability pointer, esi/edi = message words 0 and 1,
/// ebp = capability pointer of the Reply object to use (Receive, NonBlockingReceive, ReplyReceive; 0: none),
/// ecx = user stack pointer, edx = user return address.
/// On return: eax = MessageInfo, ebx = badge of the sender (Receive kinds; for a signal its word),
/// esi/edi = message words, ebp preserved, ecx = stack pointer, edx = undefined.
enum class Syscall : Word {
    Call = 1,               ///< send to an endpoint and wait for the reply; or invoke a kernel object
    ReplyReceive = 2,       ///< reply through the Reply object in ebp, then receive on ebx with that same Reply object
    Send = 3,               ///< blocking send without reply; Signal on a notification; reply on a Reply object
    NonBlockingSend = 4,    ///< as Send, dropped silently if nobody waits
    Receive = 5,            ///< receive on an endpoint, or wait on a notification
    NonBlockingReceive = 6, ///< as Receive; Error::WouldBlock if nothing is there
    Yield = 7,              ///< to the end of the queue of this priority
};

/// eax of a message, both ways.
/// bits 0-6 length in words, 7-8 number of extra capabilities, 9 caller's readable buffer present, 10 caller's
/// writable buffer present, 11-13 mask of received capabilities that were unwrapped to badges, 14-17 Syscall on
/// entry and Error on return, 18-31 label.
struct MessageInfo {
    Word raw = 0;

    static constexpr Word label_bits = 14;
    static constexpr Word read_buffer = Word{1} << 9;
    static constexpr Word write_buffer = Word{1} << 10;

    constexpr MessageInfo() = default;
    constexpr explicit MessageInfo(Word word) : raw{word} {}
    constexpr MessageInfo(Word label, Word length, Word capabilities = 0, Word buffers = 0)
        : raw{label << 18 | capabilities << 7 | length | buffers} {}

    [[nodiscard]] constexpr Word length() const { return raw & 0x7f; }
    [[nodiscard]] constexpr Word capabilities() const { return raw >> 7 & 3; }
    [[nodiscard]] constexpr bool has_read_buffer() const { return (raw & read_buffer) != 0; }
    [[nodiscard]] constexpr bool has_write_buffer() const { return (raw & write_buffer) != 0; }
    [[nodiscard]] constexpr Word unwrapped() const { return raw >> 11 & 7; }
    [[nodiscard]] constexpr Error status() const { return static_cast<Error>(raw >> 14 & 15); }
    [[nodiscard]] constexpr Syscall operation() const { return static_cast<Syscall>(raw >> 14 & 15); }
    [[nodiscard]] constexpr Word label() const { return raw >> 18; }
    [[nodiscard]] constexpr MessageInfo with(Syscall call) const {
        return MessageInfo{(raw & ~(Word{15} << 14)) | static_cast<Word>(call) << 14};
    }
    [[nodiscard]] constexpr MessageInfo with(Error error) const {
        return MessageInfo{(raw & ~(Word{15} << 14)) | static_cast<Word>(error) << 14};
    }
    [[nodiscard]] constexpr MessageInfo with_unwrapped(Word mask) const {
        return MessageInfo{(raw & ~(Word{7} << 11)) | mask << 11};
    }
};
static_assert(sizeof(MessageInfo) == 4);

/// The first part of the page that a thread shares with the kernel. %fs:0 is its start in every user thread: the
/// kernel gives the FS descriptor the buffer's user address as base. The rest of the page (from `end`) is the user's.
struct IpcBuffer {
    Address self;                ///< user address of this buffer, written by Thread.Configure
    Word message[message_words]; ///< words 2.. of a message; 0 and 1 are unused
    /// Sending: capability pointers of the extra capabilities.
    /// Receiving: per capability the badge if unwrapped (MessageInfo::unwrapped), else the slot it was put in, 0 if lost.
    Word capabilities[message_capabilities];
    /// First of up to three consecutive empty slots for received capabilities, in the thread's own CSpace. 0: none wanted.
    CapabilityPointer receive_slot;
    Address read_address;     ///< Call: the buffer that the holder of the Reply may read
    Word read_length;         ///< bytes
    Address write_address;    ///< Call: the buffer that the holder of the Reply may write
    Word write_length;        ///< bytes
    Word caller_read_length;  ///< Receive: length the caller declared, valid with MessageInfo::read_buffer
    Word caller_write_length; ///< Receive: likewise, MessageInfo::write_buffer
    Address redirect_ip;      ///< `int 0x80`: address after the instruction
    Word redirect_flags;      ///< `int 0x80`: EFLAGS at the instruction
    Word reserved[4];
};
inline constexpr std::size_t ipc_buffer_end = 512;
static_assert(sizeof(IpcBuffer) <= ipc_buffer_end);
static_assert(offsetof(IpcBuffer, message) == 4);
static_assert(offsetof(IpcBuffer, receive_slot) == 272);
static_assert(offsetof(IpcBuffer, redirect_ip) == 300);

/// Registers of a thread as Thread.ReadRegisters and WriteRegisters move them, in this order.
struct Registers {
    Word eip, esp, eflags, eax, ebx, ecx, edx, esi, edi, ebp, fs, gs;
};
inline constexpr Word register_count = 12;
static_assert(sizeof(Registers) == register_count * sizeof(Word));

} // namespace abi
