// Descriptors: the FileTable of layout.hpp and the capability slots that go with it.
#pragma once
#include "vdso.hpp"

namespace vdso {

using linux_process::Descriptor;
using linux_process::FileTable;

inline FileTable& files(ThreadArea const& thread) { return *pointer<FileTable>(thread.files); }
inline constexpr abi::CapabilityPointer slot_of(Word descriptor) {
    return linux_process::slot::descriptor_first + descriptor;
}

/// Descriptor::reserved
namespace descriptor_flag {
inline constexpr std::uint8_t foreign = 1; ///< opened behind a Continuation: relative paths go to the file itself
inline constexpr std::uint8_t taken = 2;   ///< not open, but its slot is in use for a moment
} // namespace descriptor_flag

/// nullptr: EBADF.
inline Descriptor* find(ThreadArea const& thread, Word number) {
    if (number >= linux_process::descriptor_maximum) { return nullptr; }
    Descriptor& descriptor = files(thread).descriptors[number];
    return descriptor.open != 0 ? &descriptor : nullptr;
}
inline ipc::Cap<proto::File> file(Word descriptor) { return {slot_of(descriptor)}; }
inline bool is_regular(Descriptor const& descriptor) {
    return descriptor.kind == static_cast<std::uint8_t>(proto::FileKind::Regular);
}

/// Holds the table's lock.
class TableLock {
public:
    explicit TableLock(FileTable& table);
    ~TableLock();
    TableLock(TableLock const&) = delete;
    TableLock& operator=(TableLock const&) = delete;

private:
    FileTable& table_;
};

/// The lowest free number at or above `first`, marked taken, its slot empty. Negative: EMFILE and the like.
Long reserve(ThreadArea& thread, Word first = 0);
/// A reserved number becomes an open descriptor: its capability is in its slot.
void install(ThreadArea& thread, Word number, proto::FileKind kind, bool close_on_exec, bool foreign = false);
/// A reserved number is given back; its slot must be empty.
void release(ThreadArea& thread, Word number);
/// Deletes the capability in the slot of `number`, if any.
void clear_slot(Word number);
Long close_descriptor(ThreadArea& thread, Word number);
/// dup2/dup3: `to` becomes a copy of `from`.
Long duplicate_to(ThreadArea& thread, Word from, Word to, bool close_on_exec);
Long duplicate(ThreadArea& thread, Word from, Word first, bool close_on_exec);

} // namespace vdso
