#include "space.hpp"
#include <charconv>
#include <string>

namespace sysv {

namespace {

class Row {
public:
    /// The number right-aligned in `width` columns; a space comes before it unless it is the first.
    template <class T>
    Row& operator()(T number, std::size_t width, int base = 10) {
        char digits[24];
        auto const end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
        auto const count = static_cast<std::size_t>(end - digits);
        if (!text_.empty()) { text_ += ' '; }
        text_.append(count < width ? width - count : 0, ' ');
        text_.append(digits, count);
        return *this;
    }
    Row& owners(Permissions const& permissions, ShowId const& ids) {
        return (*this)(ids(permissions.user, false), 5)(ids(permissions.group, true), 5)(
            ids(permissions.creator, false), 5)(ids(permissions.creator_group, true), 5);
    }
    std::string take() { return std::move(text_) + "\n"; }

private:
    std::string text_;
};

} // namespace

std::string segment_table(Space& space, ShowId const& ids) {
    std::string text = "       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime   "
                       "   dtime      ctime        rss       swap\n";
    space.segments.segments().each([&](std::int32_t id, Segment const& one) {
        std::uint32_t const mode = one.permissions.mode | (one.removed ? SharedMemory::destroyed_mode : 0) |
                                   (one.locked ? SharedMemory::locked_mode : 0);
        text += Row{}(one.permissions.key, 10)(id, 10)(mode, 5, 8)(one.bytes, 10)(one.creator_process, 5)(
                    one.last_process, 5)(one.attachments, 6)
                    .owners(one.permissions, ids)(one.attach_time, 10)(one.detach_time, 10)(one.change_time,
                                                                                            10)(0, 10)(0, 10)
                    .take();
    });
    return text;
}

std::string semaphore_table(Space& space, ShowId const& ids) {
    std::string text = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";
    space.semaphores.sets().each([&](std::int32_t id, SemaphoreSet const& one) {
        text += Row{}(one.permissions.key, 10)(id, 10)(one.permissions.mode, 5, 8)(one.semaphores.size(), 10)
                    .owners(one.permissions, ids)(one.operation_time, 10)(one.change_time, 10)
                    .take();
    });
    return text;
}

std::string queue_table(Space& space, ShowId const& ids) {
    std::string text = "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      "
                       "stime      rtime      ctime\n";
    space.messages.queues().each([&](std::int32_t id, MessageQueue const& one) {
        text += Row{}(one.permissions.key, 10)(id, 10)(one.permissions.mode, 5, 8)(one.bytes, 11)(
                    one.messages.size(), 10)(one.last_sender, 5)(one.last_receiver, 5)
                    .owners(one.permissions, ids)(one.send_time, 10)(one.receive_time, 10)(one.change_time, 10)
                    .take();
    });
    return text;
}

} // namespace sysv
