// AF_UNIX: names, and messages with descriptors and credentials.
#include "local_sockets.hpp"
#include "calls.hpp"

namespace vdso {

namespace message_flag = proto::message_flag;
using proto::File;
using proto::Parcel;

namespace {
inline constexpr Word close_on_exec = 0x80000, control_truncated = 8, control_close_on_exec = 0x40000000;
inline constexpr Word socket_level = 1, control_rights = 1, control_credentials = 2;
/// struct cmsghdr; the next one begins at a multiple of 4.
struct ControlHeader {
    Word length, level, type;
};
constexpr Word aligned(Word bytes) { return (bytes + 3) & ~Word{3}; }

/// One piece of memory for the parts of a message, so that it travels whole: on the stack, or mapped for the moment.
class Bounce {
public:
    explicit Bounce(ThreadArea& thread) : thread_{thread} {}
    Bounce(Bounce const&) = delete;
    Bounce& operator=(Bounce const&) = delete;
    ~Bounce() {
        if (mapped_ != 0) { static_cast<void>(ipc::call<proto::Process::Unmap>(process(thread_), mapped_, length_)); }
    }
    /// NoMemory.
    Long take(Word length) {
        length_ = length;
        if (length <= sizeof small_) { return 0; }
        constexpr Word read_and_write = 3, private_anonymous = 0x22;
        auto const mapped = ipc::call<proto::Process::Map>(
            process(thread_), proto::MapArguments{0, length, read_and_write, private_anonymous, 0},
            ipc::OptionalCap<File>{});
        if (!mapped) { return refuse(mapped.error()); }
        mapped_ = *mapped;
        return 0;
    }
    [[nodiscard]] Word address() const { return mapped_ != 0 ? mapped_ : reinterpret_cast<Word>(small_); }

private:
    ThreadArea& thread_;
    Word mapped_ = 0, length_ = 0;
    char small_[512];
};

/// Sum of the vectors' lengths; negative: an errno.
Long total_length(MessageHeader const& header) {
    Word total = 0;
    for (Word i = 0; i < header.vector_count; ++i) {
        Vector vector;
        if (!fetch(header.vectors + i * static_cast<Word>(sizeof vector), vector)) { return fault; }
        if (vector.length > 0x7ffff000 - total) { return invalid; }
        total += vector.length;
    }
    return static_cast<Long>(total);
}

/// Between the vectors and `whole`, `length` bytes in all.
bool spread(MessageHeader const& header, Word whole, Word length, bool gather) {
    for (Word i = 0; i < header.vector_count && length != 0; ++i) {
        Vector vector;
        if (!fetch(header.vectors + i * static_cast<Word>(sizeof vector), vector)) { return false; }
        Word const part = std::min(vector.length, length);
        if (!user_range(vector.address, part) || vdso_copy(pointer<void>(gather ? whole : vector.address),
                                                           pointer<void>(gather ? vector.address : whole), part) != 0) {
            return false;
        }
        whole += part;
        length -= part;
    }
    return true;
}

/// A descriptor number whose slot holds a parcel for a while.
class ParcelSlot {
public:
    explicit ParcelSlot(ThreadArea& thread) : thread_{thread} {}
    ParcelSlot(ParcelSlot const&) = delete;
    ParcelSlot& operator=(ParcelSlot const&) = delete;
    ~ParcelSlot() {
        if (number_ >= 0) {
            clear_slot(static_cast<Word>(number_));
            release(thread_, static_cast<Word>(number_));
        }
    }
    Long take() { return number_ >= 0 ? number_ : number_ = reserve(thread_); }
    [[nodiscard]] bool taken() const { return number_ >= 0; }
    [[nodiscard]] ipc::Cap<Parcel> parcel() const { return {number_ < 0 ? 0 : slot_of(static_cast<Word>(number_))}; }

private:
    ThreadArea& thread_;
    Long number_ = -1;
};

/// SCM_RIGHTS: the descriptors at `address` into the parcel, which is made with the first.
Long pack(ThreadArea& thread, ParcelSlot& slot, Word address, Word count) {
    if (count == 0) { return 0; }
    if (!slot.taken()) {
        if (Long const number = slot.take(); number < 0) { return number; }
        if (auto const made = ipc::call_into<LocalSockets::NewParcel>(slot.parcel().slot, local_sockets); !made) {
            return refuse(made.error());
        }
    }
    for (Word i = 0; i < count; i += 3) {
        ipc::OptionalCap<File> files[3];
        for (Word j = 0; j < 3 && i + j < count; ++j) {
            Word descriptor;
            if (!fetch(address + (i + j) * 4, descriptor)) { return fault; }
            if (find(thread, descriptor) == nullptr) { return bad_descriptor; }
            files[j] = file(descriptor);
        }
        if (auto const added = ipc::call<Parcel::Add>(slot.parcel(), files[0], files[1], files[2]); !added) {
            return refuse(added.error());
        }
    }
    return 0;
}

Long read_control(ThreadArea& thread, MessageHeader const& header, ParcelSlot& slot, Along& along) {
    Word const end = header.control_bytes;
    for (Word at = 0; at + sizeof(ControlHeader) <= end;) {
        ControlHeader control;
        if (!fetch(header.control + at, control)) { return fault; }
        if (control.length < sizeof control || control.length > end - at) { return invalid; }
        Word const data = header.control + at + static_cast<Word>(sizeof control),
                   bytes = control.length - static_cast<Word>(sizeof control);
        if (control.level == socket_level) {
            if (control.type == control_rights) {
                if (Long const error = pack(thread, slot, data, bytes / 4); error < 0) { return error; }
            } else if (control.type == control_credentials && bytes == sizeof along.credentials) {
                if (!fetch(data, along.credentials)) { return fault; }
                along.has_credentials = true;
            } else {
                return invalid;
            }
        }
        at += aligned(control.length);
    }
    if (slot.taken()) { along.parcel = slot.parcel(); }
    return 0;
}

/// Writes control messages into what room the program gave.
class ControlWriter {
public:
    ControlWriter(Word address, Word room) : address_{address}, room_{address == 0 ? 0 : room} {}
    [[nodiscard]] Word used() const { return used_; }
    [[nodiscard]] bool truncated() const { return truncated_; }
    void truncate() { truncated_ = true; }
    /// How many descriptors fit.
    [[nodiscard]] Word descriptor_room() const {
        Word const left = room_ - used_;
        return left <= sizeof(ControlHeader) ? 0 : (left - static_cast<Word>(sizeof(ControlHeader))) / 4;
    }
    [[nodiscard]] Word data() const { return address_ + used_ + static_cast<Word>(sizeof(ControlHeader)); }
    /// One whose `bytes` of data are at data() already, or follow from `source`. False: EFAULT.
    bool add(Word type, void const* source, Word bytes) {
        Word const left = room_ - used_, whole = bytes + static_cast<Word>(sizeof(ControlHeader));
        if (left < sizeof(ControlHeader)) {
            truncated_ = true;
            return true;
        }
        Word const length = std::min(left, whole);
        truncated_ = truncated_ || length < whole;
        if (!put(address_ + used_, ControlHeader{length, socket_level, type}) ||
            (source != nullptr && !put_bytes(data(), source, length - static_cast<Word>(sizeof(ControlHeader))))) {
            return false;
        }
        used_ += std::min(left, aligned(whole));
        return true;
    }

private:
    Word const address_, room_;
    Word used_ = 0;
    bool truncated_ = false;
};

/// Another server's file: what it is, as its status says.
proto::FileKind kind_of(Word descriptor) {
    constexpr Word type_mask = 0170000;
    auto const status = ipc::call<File::Stat>(file(descriptor));
    switch (status ? status->mode & type_mask : 0) {
    case 0040000: return proto::FileKind::Directory;
    case 0020000:
        return status->special_major == 4 || status->special_major == 5 || status->special_major == 136
                   ? proto::FileKind::Terminal
                   : proto::FileKind::CharacterDevice;
    case 0010000: return proto::FileKind::Fifo;
    case 0140000: return proto::FileKind::Socket;
    default: return proto::FileKind::Other;
    }
}

/// The parcel's files become descriptors, as far as there is room to tell of them.
Long unpack(ThreadArea& thread, ipc::Cap<Parcel> parcel, Word count, bool closes_on_exec, ControlWriter& control) {
    Word const fits = std::min(count, control.descriptor_room());
    Word done = 0;
    for (; done < fits; ++done) {
        Long const number = reserve(thread);
        if (number < 0) { break; }
        auto const taken = ipc::call_into<Parcel::Take>(slot_of(static_cast<Word>(number)), parcel, done);
        if (!taken) {
            release(thread, static_cast<Word>(number));
            break;
        }
        bool const foreign = std::get<1>(*taken) == proto::FileKind::Other;
        auto const kind = foreign ? kind_of(static_cast<Word>(number)) : std::get<1>(*taken);
        install(thread, static_cast<Word>(number), kind, closes_on_exec, foreign && kind == proto::FileKind::Directory);
        if (!put(control.data() + done * 4, static_cast<Word>(number))) {
            static_cast<void>(close_descriptor(thread, static_cast<Word>(number)));
            return fault;
        }
    }
    if (done < count) { control.truncate(); }
    return done == 0 || control.add(control_rights, nullptr, done * 4) ? 0 : fault;
}
} // namespace

Long open_local_socket(ThreadArea& thread, Word type, Word protocol) {
    if (protocol != 0 && protocol != unix_domain) { return refuse(Error::ProtocolNotSupported); }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    auto const made = knowing_network(thread, [&] {
        return ipc::call_into<LocalSockets::Create>(slot_of(static_cast<Word>(number)), local_sockets,
                                                    type & ~close_on_exec);
    });
    if (!made) {
        release(thread, static_cast<Word>(number));
        return refuse(made.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::LocalSocket, (type & close_on_exec) != 0);
    return number;
}

Long name_local(ThreadArea& thread, Word descriptor, proto::SocketAddress const& name, bool connects) {
    return finish(knowing_network(thread, [&] {
        if (!connects) { return ipc::call<LocalSockets::Bind>(local_sockets, file(descriptor), name); }
        Interruptible const waiting{thread};
        return ipc::call<LocalSockets::Connect>(local_sockets, file(descriptor), name);
    }));
}

[[gnu::noinline]] Long send_shown(ThreadArea& thread, Word descriptor, Outgoing const& bytes, Along const& along,
                                  proto::SocketAddress const& to) {
    for (Word done = 0;;) {
        bool const first = done == 0; // what goes along goes with the first byte
        auto const sent = knowing_network(thread, [&] {
            Interruptible const waiting{thread};
            return ipc::call<LocalSockets::Send>(
                local_sockets, file(descriptor), first ? along.parcel : ipc::OptionalCap<Parcel>{}, bytes.flags,
                along.has_credentials ? 1U : 0U, along.credentials, to,
                ipc::ReadBuffer{pointer<void>(bytes.address + done), bytes.length - done});
        });
        if (!sent) {
            if (done != 0) { return static_cast<Long>(done); }
            if (sent.error() == Error::BrokenPipe && (bytes.flags & message_flag::no_signal) == 0) {
                raise(thread, 13); // SIGPIPE
            }
            return refuse(sent.error());
        }
        done += sent->count;
        if (sent->fault == 0 || (done >= bytes.length && bytes.length != 0)) { return static_cast<Long>(done); }
        if (!touch(thread, sent->fault, bytes.address + bytes.length, false)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
    }
}

[[gnu::noinline]] Long send_local_message(ThreadArea& thread, Word descriptor, MessageHeader const& header, Word flags,
                                          proto::SocketAddress const& to) {
    Long const total = total_length(header);
    if (total < 0) { return total; }
    ParcelSlot slot{thread};
    Along along;
    if (header.control != 0) {
        if (Long const error = read_control(thread, header, slot, along); error < 0) { return error; }
    }
    Outgoing bytes{0, static_cast<Word>(total), flags};
    Bounce bounce{thread};
    if (header.vector_count == 1) {
        Vector vector;
        if (!fetch(header.vectors, vector)) { return fault; }
        bytes.address = vector.address;
    } else {
        if (Long const error = bounce.take(bytes.length); error < 0) { return error; }
        bytes.address = bounce.address();
        if (!spread(header, bytes.address, bytes.length, true)) { return fault; }
    }
    return send_shown(thread, descriptor, bytes, along, to);
}

[[gnu::noinline]] Long receive_local_message(ThreadArea& thread, Word descriptor, Word header_address,
                                             MessageHeader header, Word flags) {
    Long const total = total_length(header);
    if (total < 0) { return total; }
    Bounce bounce{thread};
    Vector vector{0, static_cast<Word>(total)};
    bool const scattered = header.vector_count > 1;
    if (scattered) {
        if (Long const error = bounce.take(vector.length); error < 0) { return error; }
        vector.address = bounce.address();
    } else if (header.vector_count == 1 && !fetch(header.vectors, vector)) {
        return fault;
    }
    ParcelSlot slot{thread};
    if (Long const number = slot.take(); number < 0) { return number; }
    using Receive = proto::MessageSocket::Receive;
    ipc::Result<Receive::Reply> received;
    for (;;) {
        {
            Interruptible const waiting{thread};
            received = ipc::call_into<Receive>(slot.parcel().slot, file(descriptor).as<proto::MessageSocket>(),
                                               flags & ~control_close_on_exec,
                                               ipc::WriteBuffer{pointer<void>(vector.address), vector.length});
        }
        if (!received) { return refuse(received.error()); }
        auto const& transfer = std::get<0>(*received).transfer;
        if (transfer.count != 0 || transfer.fault == 0) { break; }
        if (!touch(thread, transfer.fault, vector.address + vector.length, true)) { return fault; }
    }
    auto const& message = std::get<0>(*received);
    auto const& from = std::get<1>(*received);
    if (scattered && !spread(header, vector.address, message.transfer.count, false)) { return fault; }
    ControlWriter control{header.control, header.control_bytes};
    if (message.credentials_wanted != 0 &&
        !control.add(control_credentials, &message.credentials, sizeof message.credentials)) {
        return fault;
    }
    bool const closes_on_exec = (flags & control_close_on_exec) != 0;
    if (message.descriptors != 0) {
        if (Long const error = unpack(thread, slot.parcel(), message.descriptors, closes_on_exec, control); error < 0) {
            return error;
        }
    }
    if (header.name != 0) {
        if (!put_bytes(header.name, from.data, std::min<Word>(from.length, header.name_bytes))) { return fault; }
        header.name_bytes = from.length;
    }
    header.control_bytes = control.used();
    header.flags = message.flags | (control.truncated() ? control_truncated : 0) | (flags & control_close_on_exec);
    if (!put(header_address, header)) { return fault; }
    constexpr Word whole_length = message_flag::truncate;
    return static_cast<Long>((flags & whole_length) != 0 ? message.length : message.transfer.count);
}

} // namespace vdso
