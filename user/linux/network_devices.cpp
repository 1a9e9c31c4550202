// Requests about network devices of which only the caller's side can say what they mean.
#include "descriptors.hpp"
#include "ioctl.hpp"
#include "proto/network.hpp"
#include "sessions.hpp"
#include "sockets.hpp"
#include "walk.hpp"

namespace vdso {

using proto::File;

namespace {

inline constexpr Word list_request = 0x8912, add_route = 0x890b, remove_route = 0x890c;
inline constexpr Word route_bytes = 84, route_device_offset = 68, device_name_bytes = 16;
inline constexpr Word route6_bytes = 72; ///< struct in6_rtmsg, which points nowhere

Word append(char* text, Word at, char const* piece) {
    while (*piece != '\0') { text[at++] = *piece++; }
    return at;
}
/// "/proc/PID/ns/net"; its length.
Word namespace_path(char* text, Word pid) {
    Word at = append(text, 0, "/proc/");
    char digits[10];
    Word count = 0;
    do {
        digits[count++] = static_cast<char>('0' + pid % 10);
        pid /= 10;
    } while (pid != 0);
    while (count != 0) { text[at++] = digits[--count]; }
    return append(text, at, "/ns/net");
}

/// The errno of moving `device` to the namespace in that slot.
Error move_to(ThreadArea& thread, Word device, abi::CapabilityPointer name_space) {
    // The file is proc's; netns knows its own capability.
    Long const number = reserve(thread);
    if (number < 0) { return static_cast<Error>(-number); }
    Word const slot = slot_of(static_cast<Word>(number));
    Error result = Error::None;
    auto const real = ipc::call_into<proto::Process::RelatedNamespace>(
        slot, process(thread), ipc::OptionalCap<File>{ipc::Cap<File>{name_space}}, proto::namespace_itself);
    if (!real) {
        result = real.error() == Error::NotTerminal ? Error::Invalid : real.error();
    } else {
        ipc::Cap<proto::Network> const network{linux_process::slot::network};
        auto const moved = session_call<proto::Network::MoveDevice>(
            thread, proto::NamespaceKind::Network, network, device,
            ipc::OptionalCap<proto::Namespace>{ipc::Cap<proto::Namespace>{slot}});
        result = moved ? Error::None : moved.error();
        clear_slot(static_cast<Word>(number));
    }
    release(thread, static_cast<Word>(number));
    return result;
}

Error move_to_process(ThreadArea& thread, Word device, Word pid) {
    char path[32];
    Word const length = namespace_path(path, pid);
    Long const number = reserve(thread);
    if (number < 0) { return static_cast<Error>(-number); }
    auto const opened = walk(
        thread, at_current_directory, ipc::Path{std::string_view{path, length}},
        [](ipc::Cap<Directory> directory, Directory::At const& at, Directory::Caller const& caller,
           ipc::Path const& rest) {
            return ipc::call_into<Directory::Open>(ipc::buffer().receive_slot, directory, at, caller, 0U, 0U, rest);
        },
        number);
    Error const result = opened ? move_to(thread, device, slot_of(static_cast<Word>(number)))
                         : opened.error() == Error::NoEntry ? Error::NoProcess
                                                            : opened.error();
    if (opened) { clear_slot(static_cast<Word>(number)); }
    release(thread, static_cast<Word>(number));
    return result;
}

/// An internet socket of the newer family: its requests have other structures.
bool is_internet6(ThreadArea& thread, Word descriptor) {
    constexpr Word level_socket = 1, option_domain = 39, family_internet6 = 10;
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr || open->kind != static_cast<std::uint8_t>(proto::FileKind::Socket)) { return false; }
    auto const domain =
        ipc::call<proto::Socket::GetOption>(file(descriptor).as<proto::Socket>(), level_socket, option_domain);
    Word family = 0;
    if (domain && domain->length >= sizeof family) { std::memcpy(&family, domain->data, sizeof family); }
    return family == family_internet6;
}

} // namespace

Long move_device(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags) {
    Word device = 0, by_descriptor = 0, number = 0;
    auto reader = ipc::last_reply();
    ipc::Codec<Word>::get(reader, device);
    ipc::Codec<Word>::get(reader, by_descriptor);
    ipc::Codec<Word>::get(reader, number);
    Error outcome = Error::BadDescriptor;
    if (by_descriptor == 0) {
        outcome = move_to_process(thread, device, number);
    } else if (find(thread, number) != nullptr) {
        outcome = move_to(thread, device, slot_of(number));
    }
    auto const code = static_cast<Word>(outcome) < 256 ? static_cast<Word>(outcome) : static_cast<Word>(Error::Invalid);
    proto::SocketAddress const nobody{};
    auto const sent =
        ipc::call<proto::Socket::Send>(file(descriptor).as<proto::Socket>(),
                                       (flags & ~proto::message_flag::moved_error) | proto::message_flag::moved | code,
                                       nobody, ipc::ReadBuffer{pointer<void>(address), length});
    return sent ? static_cast<Long>(sent->count) : refuse(sent.error());
}

ipc::Result<Word> device_request(ThreadArea& thread, Word descriptor, Word request, Word argument, ipc::ReadBuffer in,
                                 ipc::WriteBuffer out) {
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr || open->kind != static_cast<std::uint8_t>(proto::FileKind::LocalSocket)) {
        return ipc::call<File::Ioctl>(file(descriptor), request, argument, in, out);
    }
    ipc::Cap<proto::Network> const network{linux_process::slot::network};
    return session_call<proto::Network::Configure>(thread, proto::NamespaceKind::Network, network, request, argument,
                                                   in, out);
}

bool pointed_request(ThreadArea& thread, Word descriptor, Word request, Word argument, Long& result) {
    if (request == list_request) {
        struct {
            Word bytes, records;
        } list{};
        result = fault;
        if (!fetch_bytes(&list, argument, sizeof list)) { return true; }
        Word const room = list.records == 0 ? 0 : list.bytes;
        for (Word at = 0; at < room; at += abi::page_size) { // its pages must be there to be written
            std::uint8_t byte;
            if (!fetch_bytes(&byte, list.records + at, 1) || !put_bytes(list.records + at, &byte, 1)) { return true; }
        }
        auto const filled = device_request(thread, descriptor, request, argument, ipc::ReadBuffer{},
                                           ipc::WriteBuffer{pointer<void>(list.records), room});
        result = !filled ? refuse(filled.error()) : put(argument, *filled) ? 0 : fault;
        return true;
    }
    if (request != add_route && request != remove_route) { return false; }
    struct {
        std::uint8_t route[route_bytes];
        char device[device_name_bytes];
    } flat{};
    result = fault;
    if (is_internet6(thread, descriptor)) {
        if (fetch_bytes(flat.route, argument, route6_bytes)) {
            result = finish(device_request(thread, descriptor, request, argument,
                                           ipc::ReadBuffer{flat.route, route6_bytes}, ipc::WriteBuffer{}));
        }
        return true;
    }
    Word device;
    if (!fetch_bytes(flat.route, argument, route_bytes)) { return true; }
    std::memcpy(&device, flat.route + route_device_offset, sizeof device);
    for (Word i = 0; device != 0 && i + 1 < device_name_bytes; ++i) {
        if (!fetch_bytes(&flat.device[i], device + i, 1)) { return true; }
        if (flat.device[i] == '\0') { break; }
    }
    result = finish(
        device_request(thread, descriptor, request, argument, ipc::ReadBuffer{&flat, sizeof flat}, ipc::WriteBuffer{}));
    return true;
}

} // namespace vdso
