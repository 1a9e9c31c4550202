// Operations on paths: where they start, and how they go on in another server (proto/directory.hpp, Continuation).
#pragma once
#include "descriptors.hpp"

namespace vdso {

using Directory = proto::Directory;
inline constexpr Word at_current_directory = static_cast<Word>(-100);
namespace at_flag {
inline constexpr Word symlink_nofollow = 0x100, remove_directory = 0x200, effective_access = 0x200,
                      symlink_follow = 0x400, empty_path = 0x1000;
} // namespace at_flag

struct Place {
    ipc::Cap<Directory> directory;
    Directory::At at;
    Directory::Caller caller;
};

/// Where a walk of `path` relative to `descriptor` starts. BadDescriptor.
ipc::Result<Place> starting_place(ThreadArea& thread, Word descriptor, ipc::Path const& path);

/// Follows continuations. At first the thread's last reply is an Elsewhere whose Directory has been put into the slot of `first`.
class Continuing {
public:
    /// result: the reserved descriptor that takes the reply's capability, -1 if the operation has none.
    Continuing(ThreadArea& thread, Long result) : thread_{thread}, result_{result} {}
    /// Slots for the directories on the way. Errors: TooManyFiles.
    ipc::Result<void> begin();
    /// Reads the last reply; the next attempt's place and path, its receive window set. Loop, InputOutput.
    ipc::Result<Place> next(ipc::Path& path);
    /// After an attempt that was no Elsewhere: puts the result where it belongs and gives back the rest.
    void end(bool success);
    /// The descriptor whose slot takes the first attempt's capability.
    [[nodiscard]] Word first() const { return static_cast<Word>(directory_); }

private:
    ThreadArea& thread_;
    Long const result_;
    Long directory_ = -1; ///< descriptor number whose slot holds the directory to ask
    Long spare_ = -1;     ///< the one whose slot is empty
    Word hops_ = 0;
    bool holds_directory_ = false;
    ipc::Text<180> rest_;
};

/// operation(directory, at, caller, path) is one ipc::call; if its reply has a capability it arrives in the slot of the
/// reserved descriptor `result`. `foreign`, if given, says whether it was answered by another server than vfs.
template <class Operation>
auto walk(ThreadArea& thread, Word descriptor, ipc::Path path, Operation operation, Long result = -1,
          bool* foreign = nullptr)
    -> decltype(operation(ipc::Cap<Directory>{}, Directory::At{}, Directory::Caller{}, path)) {
    auto const place = starting_place(thread, descriptor, path);
    if (!place) { return ipc::fail(place.error()); }
    ipc::buffer().receive_slot = result < 0 ? 0 : slot_of(static_cast<Word>(result));
    auto answer = operation(place->directory, place->at, place->caller, path);
    if (!answer && answer.error() == Error::Elsewhere) [[unlikely]] {
        if (foreign != nullptr) { *foreign = true; }
        Continuing continuing{thread, result};
        if (auto const begun = continuing.begin(); !begun) {
            ipc::buffer().receive_slot = 0;
            return ipc::fail(begun.error());
        }
        if (result < 0) { // there was no window for the directory
            ipc::buffer().receive_slot = slot_of(continuing.first());
            answer = operation(place->directory, place->at, place->caller, path);
        }
        while (!answer && answer.error() == Error::Elsewhere) {
            auto const there = continuing.next(path);
            if (!there) {
                answer = ipc::fail(there.error());
                break;
            }
            answer = operation(there->directory, there->at, there->caller, path);
        }
        continuing.end(answer.has_value());
    }
    ipc::buffer().receive_slot = 0;
    return answer;
}

} // namespace vdso
