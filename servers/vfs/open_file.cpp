// Open files: their making and end, position, state, waiting and locks.
#include "open_file.hpp"
#include <algorithm>
#include <cstring>

namespace vfs {
namespace {

constexpr std::uint32_t fionread = 0x541B, fionbio = 0x5421;

} // namespace

OpenFile::OpenFile(Environment& environment, Kind kind_, std::uint32_t flags_, Ref<Inode> inode_, Place place_)
    : kind{kind_}, flags{flags_ & ~(open_flag::create | open_flag::exclusive | open_flag::no_terminal |
                                    open_flag::truncate | open_flag::close_on_exec)},
      place{place_}, inode{std::move(inode_)}, environment_{environment} {
    if (writable() && inode) { ++inode->writers; }
}

Error OpenFile::deny_write(bool deny) {
    if (kind != Kind::Regular || deny == denies_write_) { return Error::None; }
    if (deny && inode->writers != 0) { return Error::TextBusy; }
    denies_write_ = deny;
    inode->running += deny ? 1u : ~0u;
    return Error::None;
}

OpenFile::~OpenFile() {
    if (denies_write_) { --inode->running; }
    if (writable() && inode) { --inode->writers; }
    if (inode && inode->locks) {
        inode->locks->release(environment_.port, this);
        if (inode->locks->empty()) { inode->locks.reset(); }
    }
    for (Arm const& arm : arms_) { environment_.port.drop(arm.notification); }
    arms_.clear();
    if (special) {
        special->file = nullptr;
        special->closed();
    }
    if (input == output.get() && input) {
        input->detach(this, true, true);
    } else {
        if (input) { input->detach(this, true, false); }
        if (output) { output->detach(this, false, true); }
    }
    // The last one to leave a FIFO takes the buffer along.
    if (inode && inode->pipe && inode->pipe->readers() == 0 && inode->pipe->writers() == 0) { inode->pipe.reset(); }
    if (domain) { --domain->objects; }
}

void OpenFile::set_pipes(Ref<Pipe> input_, Ref<Pipe> output_) {
    input = std::move(input_);
    output = std::move(output_);
    if (input == output.get() && input) {
        input->attach(this, true, true);
    } else {
        if (input) { input->attach(this, true, false); }
        if (output) { output->attach(this, false, true); }
    }
}

void OpenFile::set_special(Ref<SpecialFile> made) {
    special = std::move(made);
    special->file = this;
}

void SpecialFile::tell(Port& port, std::uint32_t events) {
    if (file != nullptr) { file->tell(port, events); }
}

proto::FileKind OpenFile::protocol_kind() const {
    if (special) { return special->protocol_kind(); }
    switch (inode->type()) {
    case mode::directory: return proto::FileKind::Directory;
    case mode::character: return proto::FileKind::CharacterDevice;
    case mode::block: return proto::FileKind::BlockDevice;
    case mode::fifo: return proto::FileKind::Fifo;
    case mode::socket: return proto::FileKind::Socket;
    default: return proto::FileKind::Regular;
    }
}

Result<std::uint64_t> OpenFile::seek(std::int64_t distance, std::uint32_t whence) {
    if (kind == Kind::Path) { return fail(Error::BadDescriptor); }
    if (kind == Kind::Pipe || kind == Kind::LocalSocket) { return fail(Error::IllegalSeek); }
    if (kind != Kind::Regular && kind != Kind::Directory) { return 0; }
    std::int64_t base = 0;
    std::int64_t const size = static_cast<std::int64_t>(inode->size);
    switch (whence) {
    case 0: break;
    case 1: base = static_cast<std::int64_t>(offset); break;
    case 2: base = kind == Kind::Directory ? 0x7fffffff : size; break;
    case 3: // SEEK_DATA: holes count as data
        if (distance < 0 || distance >= size) { return fail(Error::NoDevice); }
        break;
    case 4: // SEEK_HOLE: the end
        if (distance < 0 || distance >= size) { return fail(Error::NoDevice); }
        base = size;
        distance = 0;
        break;
    default: return fail(Error::Invalid);
    }
    std::int64_t to = 0;
    if (__builtin_add_overflow(base, distance, &to)) { return fail(Error::Overflow); }
    if (to < 0 || to > static_cast<std::int64_t>(file_size_maximum)) { return fail(Error::Invalid); }
    offset = static_cast<std::uint64_t>(to);
    return offset;
}

proto::FileStatus OpenFile::status(Credentials const& viewer) const {
    proto::FileStatus status{};
    status.inode = inode->number;
    status.mode = inode->mode;
    status.links = inode->links;
    status.user = viewer.shown_user(inode->user);
    status.group = viewer.shown_group(inode->group);
    status.size = inode->size;
    status.blocks512 = std::uint64_t{inode->page_count()} * 8;
    status.block_size = page_size;
    status.access_time = inode->access_time;
    status.modify_time = inode->modify_time;
    status.change_time = inode->change_time;
    status.device_minor = inode->file_system().device;
    status.special_major = device_major(inode->device);
    status.special_minor = device_minor(inode->device);
    status.mount_id = place.mount ? place.mount->id : 0;
    return status;
}

std::uint32_t OpenFile::poll(std::uint32_t events) const {
    constexpr std::uint32_t always = poll_event::error | poll_event::hang_up;
    if (special) { return special->poll() & (events | always); }
    if (kind != Kind::Pipe) {
        return events & (poll_event::in | poll_event::out | poll_event::read_normal | poll_event::write_normal);
    }
    std::uint32_t ready = 0;
    if (input) { ready |= input->poll_reader(); }
    if (output) { ready |= output->poll_writer(); }
    return ready & (events | always);
}

Result<std::uint32_t> OpenFile::arm(std::uint32_t events, std::uint32_t token, Slot notification) {
    constexpr std::size_t maximum = 128; // every one takes a capability slot
    std::uint32_t const ready = poll(events);
    if (ready == 0) {
        disarm(token);
        if (arms_.size() >= maximum) { return fail(Error::NoMemory); }
        arms_.push_back({events, token, notification});
    }
    return ready;
}

void OpenFile::disarm(std::uint32_t token) {
    std::erase_if(arms_, [&](Arm const& arm) {
        bool const its = arm.token == token;
        if (its) { environment_.port.drop(arm.notification); }
        return its;
    });
}

void OpenFile::tell(Port& port, std::uint32_t events) {
    happened(events);
    if (arms_.empty()) { return; }
    std::erase_if(arms_, [&](Arm const& arm) {
        bool const ready = poll(arm.events) != 0;
        if (ready) {
            port.signal(arm.notification);
            port.drop(arm.notification);
        }
        return ready;
    });
}

Result<std::uint32_t> OpenFile::control(std::uint32_t request, Caller& caller) {
    if (kind == Kind::Path) { return fail(Error::BadDescriptor); }
    if (request == fionread && (kind == Kind::Regular || input)) {
        std::uint32_t const there =
            input ? input->available() : static_cast<std::uint32_t>(inode->size > offset ? inode->size - offset : 0);
        if (caller.copy_out(0, std::as_bytes(std::span{&there, 1})).count < sizeof there) { return fail(Error::Fault); }
        return 0;
    }
    if (request == fionbio) {
        std::uint32_t on = 0;
        if (caller.copy_in(0, std::as_writable_bytes(std::span{&on, 1})).count < sizeof on) {
            return fail(Error::Fault);
        }
        flags = on != 0 ? flags | open_flag::nonblock : flags & ~open_flag::nonblock;
        return 0;
    }
    if (special) { return special->control(request, caller); }
    return fail(Error::NotTerminal);
}

Error OpenFile::truncate(std::uint64_t size) {
    environment_.acting = opener.process;
    if (kind != Kind::Regular || !writable()) { return Error::Invalid; }
    Error const error = inode->truncate(size);
    if (error == Error::None) { inode->modified(environment_.port.now()); }
    return error;
}

Result<std::uint32_t> OpenFile::copy_from(OpenFile& source, std::uint64_t source_offset, std::uint64_t at,
                                          std::uint32_t length) {
    environment_.acting = opener.process;
    if (!writable() || !source.readable() || (flags & open_flag::append) != 0) { return fail(Error::BadDescriptor); }
    if (kind != Kind::Regular || source.kind != Kind::Regular || inode.get() == source.inode.get()) {
        return fail(Error::Invalid);
    }
    bool const source_moves = source_offset == proto::File::current, moves = at == proto::File::current;
    auto const done =
        inode->copy_from(*source.inode, source_moves ? source.offset : source_offset, moves ? offset : at, length);
    if (done && *done != 0) {
        if (source_moves) { source.offset += *done; }
        if (moves) { offset += *done; }
        source.accessed();
        inode->modified(environment_.port.now());
        if ((inode->mode & (mode::set_user | mode::set_group)) != 0) { inode->mode &= ~mode::set_user; }
    }
    return done;
}

Error OpenFile::set_flags(std::uint32_t wanted) {
    if (kind == Kind::Path) { return Error::BadDescriptor; }
    flags = (flags & ~open_flag::changeable) | (wanted & open_flag::changeable);
    return Error::None;
}

Result<Slot> OpenFile::page(std::uint32_t index, bool shared_write, std::uint32_t& valid_bytes) {
    environment_.acting = opener.process;
    if (kind != Kind::Regular) { return fail(Error::NoSuchDevice); }
    if (!readable() || (shared_write && !writable())) { return fail(Error::Access); }
    if (shared_write) { inode->modified(environment_.port.now()); }
    accessed();
    return inode->lend(index, shared_write, valid_bytes);
}

Result<Lock> OpenFile::wanted_lock(proto::LockRequest const& request, LockOwner* owner) {
    if (kind == Kind::Path) { return fail(Error::BadDescriptor); }
    if (request.type != LockList::read && request.type != LockList::write && request.type != LockList::unlock) {
        return fail(Error::Invalid);
    }
    std::int64_t start = request.start;
    if (request.whence == 1) { start += static_cast<std::int64_t>(offset); }
    if (request.whence == 2) { start += static_cast<std::int64_t>(inode->size); }
    if (request.whence < 0 || request.whence > 2) { return fail(Error::Invalid); }
    std::int64_t end = request.length == 0 ? INT64_MAX : 0;
    if (request.length != 0 && __builtin_add_overflow(start, request.length, &end)) { return fail(Error::Overflow); }
    if (end < start) { std::swap(start, end); }
    if (start < 0) { return fail(Error::Invalid); }
    return Lock{static_cast<Lock::Kind>(request.owner), request.type, this, owner, static_cast<std::uint64_t>(start),
                static_cast<std::uint64_t>(end)};
}

Error OpenFile::lock(proto::LockRequest const& request, Caller& caller, LockOwner* owner) {
    // Whose lock it is the caller does not say by a number: a process's come through its session.
    if (request.owner > proto::LockRequest::process ||
        (request.owner == proto::LockRequest::process) != (owner != nullptr)) {
        return Error::Invalid;
    }
    auto const wanted = wanted_lock(request, owner);
    if (!wanted) { return wanted.error(); }
    if (request.owner != proto::LockRequest::open_file) {
        if (request.type == LockList::read && !readable()) { return Error::BadDescriptor; }
        if (request.type == LockList::write && !writable()) { return Error::BadDescriptor; }
    }
    if (!inode->locks) { inode->locks = std::make_unique<LockList>(); }
    Error const error = inode->locks->set(environment_.port, *wanted, request.wait != 0 ? &caller : nullptr);
    if (inode->locks->empty()) { inode->locks.reset(); }
    return error;
}

} // namespace vfs
