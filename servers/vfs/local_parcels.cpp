// Descriptors on their way through sockets, and the end of sockets that only descriptors on their way still name.
#include "vfs.hpp"

namespace vfs {

Slot Vfs::hand_out(Ref<Parcel> const& parcel) {
    auto* const handle = new ParcelHandle{parcel};
    Badge badge = 0;
    if (auto const slot = enter_object(Kind::Parcel, handle, badge)) {
        // The minted capability stays the table's: what goes out is a copy.
        if (auto const copy = environment_.port.hold(badge)) { return *copy; }
        environment_.port.forget(badge);
        remove_object(badge);
    }
    delete handle;
    return 0;
}

Result<Slot> Vfs::new_parcel(Session& view) {
    auto* const handle = new ParcelHandle{Ref<Parcel>{new Parcel{environment_.port, *this, view.domain}}};
    Badge badge = 0;
    auto const slot = enter_object(Kind::Parcel, handle, badge);
    if (!slot) { delete handle; }
    return slot;
}

Result<std::pair<Slot, proto::FileKind>> Vfs::take_from(Parcel const& parcel, std::uint32_t index) {
    if (index >= parcel.size()) { return fail(Error::NoData); }
    OpenFile* const file = parcel.own(index);
    if (file == nullptr) { return std::pair{Slot{0}, proto::FileKind::Other}; }
    auto const slot = environment_.port.hold(file->badge);
    if (!slot) { return fail(Error::TooManyFilesSystem); }
    file->unheld = false;
    return std::pair{*slot, file->protocol_kind()};
}

void Vfs::let_go(OpenFile& file) {
    if (file.in_flight == 0) {
        end_file(file);
    } else {
        collection_due_ = true;
    }
}

void Vfs::end_file(OpenFile& file) {
    remove_object(file.badge);
    --open_files_;
    delete &file;
}

void Vfs::socket_made(LocalSocket& socket) {
    socket.previous = last_socket_;
    (last_socket_ != nullptr ? last_socket_->next : sockets_) = &socket;
    last_socket_ = &socket;
}

void Vfs::socket_ended(LocalSocket& socket) {
    (socket.previous != nullptr ? socket.previous->next : sockets_) = socket.next;
    (socket.next != nullptr ? socket.next->previous : last_socket_) = socket.previous;
}

// A socket that nobody holds lives as long as a message names it that somebody can still receive. As Linux does it: what is named
// more often than messages in sockets account for is reachable from outside, and whatever can be received from there.
void Vfs::collect_sockets() {
    collection_due_ = false;
    auto const own_files = [](Parcel& parcel, auto visit) {
        for (std::uint32_t i = 0; i < parcel.size(); ++i) {
            if (OpenFile* const file = parcel.own(i)) { visit(*file); }
        }
    };
    for (LocalSocket* socket = sockets_; socket != nullptr; socket = socket->next) {
        socket->marked = false;
        if (socket->file != nullptr) { socket->file->queued = 0; }
    }
    for (LocalSocket* socket = sockets_; socket != nullptr; socket = socket->next) {
        socket->each_parcel([&](Parcel& parcel) {
            if (parcel.references == 1) {
                own_files(parcel, [](OpenFile& file) { ++file.queued; });
            }
        });
    }
    std::vector<LocalSocket*> reached;
    auto const reach = [&](LocalSocket& socket) {
        if (!std::exchange(socket.marked, true)) { reached.push_back(&socket); }
    };
    for (LocalSocket* socket = sockets_; socket != nullptr; socket = socket->next) {
        if (socket->file != nullptr && (!socket->file->unheld || socket->file->in_flight != socket->file->queued)) {
            reach(*socket);
        }
    }
    while (!reached.empty()) {
        LocalSocket& socket = *reached.back();
        reached.pop_back();
        for (std::size_t i = 0; i < socket.backlog.size(); ++i) { reach(*socket.backlog[i]); }
        socket.each_parcel([&](Parcel& parcel) {
            own_files(parcel, [&](OpenFile& file) {
                if (file.kind == OpenFile::Kind::LocalSocket) { reach(static_cast<LocalSocket&>(*file.special)); }
            });
        });
    }
    std::vector<Ref<LocalSocket>> unreachable;
    for (LocalSocket* socket = sockets_; socket != nullptr; socket = socket->next) {
        if (!socket->marked && socket->file != nullptr && socket->file->unheld) { unreachable.emplace_back(socket); }
    }
    for (Ref<LocalSocket> const& socket : unreachable) { socket->drop_messages(); }
}

} // namespace vfs
