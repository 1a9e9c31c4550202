#include "walk.hpp"

namespace vdso {

namespace {
inline constexpr Word path_maximum = 4096;
inline constexpr Word hop_maximum = 16;
inline constexpr Word caller_wanted = 1, ipc_session_wanted = 2; ///< Continuation::flags
} // namespace

ipc::Result<ipc::Path> fetch_path(Word address) {
    if (address >= abi::user_end) { return ipc::fail(Error::Fault); }
    Word const most = std::min(path_maximum, abi::user_end - address);
    Long const length = vdso_string_length(pointer<char const>(address), most);
    if (length < 0) { return ipc::fail(Error::Fault); }
    if (static_cast<Word>(length) == most) { return ipc::fail(Error::NameTooLong); }
    return ipc::Path{std::string_view{pointer<char const>(address), static_cast<std::size_t>(length)}};
}

ipc::Result<Place> starting_place(ThreadArea& thread, Word descriptor, ipc::Path const& path) {
    Place place{vfs.as<Directory>(), {}, {}};
    if (descriptor == at_current_directory || (path.length > 0 && path.data[0] == '/')) { return place; }
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) { return ipc::fail(Error::BadDescriptor); }
    if ((open->reserved & descriptor_flag::foreign) != 0) {
        place.directory = file(descriptor).as<Directory>();
        place.caller = process(thread);
    } else {
        place.at = file(descriptor);
    }
    return place;
}

ipc::Result<void> Continuing::begin() {
    if (result_ >= 0) {
        directory_ = result_;
        holds_directory_ = true;
    } else if ((directory_ = reserve(thread_)) < 0) {
        return ipc::fail(Error::TooManyFiles);
    }
    // Reserving may ask proc for room, and a call overwrites the reply: keep what it said.
    auto const words = ipc::buffer();
    Word const last = ipc::last_reply_word();
    spare_ = reserve(thread_);
    if (spare_ < 0) {
        if (result_ >= 0) {
            clear_slot(static_cast<Word>(result_));
        } else {
            release(thread_, static_cast<Word>(directory_));
        }
        return ipc::fail(Error::TooManyFiles);
    }
    ipc::buffer() = words;
    ipc::last_reply_word() = last;
    return {};
}

ipc::Result<Place> Continuing::next(ipc::Path& path) {
    auto reader = ipc::last_reply();
    auto const directory = reader.read<ipc::OptionalCap<Directory>>();
    auto const continuation = reader.read<proto::Continuation>();
    Long const arrived = hops_ == 0 ? directory_ : spare_;
    if (!directory || !continuation || directory->slot != slot_of(static_cast<Word>(arrived))) {
        return ipc::fail(Error::InputOutput);
    }
    rest_ = continuation->rest;
    bool const with_caller = (continuation->flags & caller_wanted) != 0,
               with_session = (continuation->flags & ipc_session_wanted) != 0;
    if (hops_ != 0) { // the one we just asked has done its part
        clear_slot(static_cast<Word>(directory_));
        std::swap(directory_, spare_);
    }
    holds_directory_ = true;
    if (++hops_ > hop_maximum) { return ipc::fail(Error::Loop); }
    if (with_session) {
        static_cast<void>(ipc::call<proto::Process::OpenSession>(process(thread_), proto::NamespaceKind::Ipc));
    }
    ipc::buffer().receive_slot = slot_of(static_cast<Word>(spare_));
    path = ipc::Path{rest_.view()};
    Place place{ipc::Cap<Directory>{slot_of(static_cast<Word>(directory_))}, {}, {}};
    if (with_caller) {
        place.caller = process(thread_);
    } else if (with_session) {
        place.caller = ipc::Cap<proto::Process>{linux_process::slot::ipc};
    }
    return place;
}

void Continuing::end(bool success) {
    if (holds_directory_) { clear_slot(static_cast<Word>(directory_)); }
    if (result_ >= 0 && success && spare_ != result_) {
        static_cast<void>(
            own_slots().move(slot_of(static_cast<Word>(result_)), own_slots(), slot_of(static_cast<Word>(spare_))));
    }
    if (directory_ != result_) { release(thread_, static_cast<Word>(directory_)); }
    if (spare_ != result_) { release(thread_, static_cast<Word>(spare_)); }
}

} // namespace vdso
