// The device and its connections, and the watch over what runs. The verbs are in verbs.cpp.
#include "manager.hpp"
#include "ipc/log.hpp"

namespace container {

using abi::Word;
using ipc::Error;
using ipc::fail;
using ipc::Result;

LaunchFailure Manager::start_root(Launch const& launch, bool power_off_after) {
    root_.name = "root";
    root_.folder = "/";
    power_off_after_root_ = power_off_after;
    auto const result = launcher_.start_root(root_, launch);
    if (result.error == Error::None) {
        root_.state = State::Running;
        root_.started = wall_clock();
    }
    return result;
}

Result<Manager::Opened> Manager::on(proto::Directory::Open, ipc::Sender&, proto::Directory::At const& at,
                                    proto::Directory::Caller const& caller, std::uint32_t, std::uint32_t,
                                    ipc::Path const&) {
    ipc::release_unused(at, caller);
    while (connections_.contains(next_badge_) || next_badge_ < first_dynamic_badge) {
        next_badge_ = (next_badge_ + 1) & ((Word{1} << abi::badge_bits) - 1);
    }
    Word const badge = next_badge_++;
    auto capability = ipc::mint_session<proto::File>(badge);
    if (!capability) { return fail(capability.error()); }
    connections_[badge];
    return Opened{*capability, proto::OpenResult{proto::FileKind::CharacterDevice, 3}};
}

Result<proto::FileStatus> Manager::on(proto::File::Stat, ipc::Sender&) {
    constexpr std::uint32_t character_device_rw = 020600;
    proto::FileStatus status{};
    status.inode = 3;
    status.mode = character_device_rw;
    status.links = 1;
    status.special_major = device_major;
    status.special_minor = device_minor;
    status.block_size = 4096;
    return status;
}

Result<ipc::Unit> Manager::on(proto::File::Attach, ipc::Sender& sender, ipc::OptionalCap<proto::File> const& input,
                              ipc::OptionalCap<proto::File> const& output, ipc::OptionalCap<proto::File> const& error) {
    auto const take = [](ipc::OptionalCap<proto::File> const& file) {
        return ipc::Owned<proto::File>{ipc::Cap<proto::File>{file.slot}};
    };
    std::array<ipc::Owned<proto::File>, 3> descriptors{take(input), take(output), take(error)};
    auto const found = connections_.find(sender.badge);
    if (found == connections_.end()) { return fail(Error::BadDescriptor); }
    found->second.descriptors = std::move(descriptors);
    return ipc::Unit{};
}

Result<proto::Transfer> Manager::on(proto::File::Write, ipc::Sender& sender, std::uint32_t, ipc::ReadBuffer source) {
    auto const found = connections_.find(sender.badge);
    if (found == connections_.end()) { return fail(Error::BadDescriptor); }
    if (source.length > Request::maximum_bytes) { return fail(Error::FileTooBig); }
    std::string text(source.length, '\0');
    auto const transfer = sender.copy_in(0, std::as_writable_bytes(std::span{text}));
    if (transfer.count < text.size()) { // a request is taken whole or not at all
        return proto::Transfer{0, transfer.caller_fault};
    }
    auto& connection = found->second;
    connection.waiting = false;
    connection.read = 0;
    check_all();
    auto const request = Request::parse(text);
    connection.reply =
        (request ? handle(*request, connection) : Reply::error("bad-request", "the request cannot be read")).text();
    if (connection.waiting) { // it may be over already
        check_all();
    }
    return proto::Transfer{static_cast<std::uint32_t>(text.size()), 0};
}

Result<proto::Transfer> Manager::on(proto::File::Read, ipc::Sender& sender, std::uint32_t, ipc::WriteBuffer target) {
    auto const found = connections_.find(sender.badge);
    if (found == connections_.end()) { return fail(Error::BadDescriptor); }
    auto& connection = found->second;
    if (connection.waiting) {
        if (connection.reader) {
            if (ipc::pending(connection.reader)) { return fail(Error::Busy); }
            ipc::discard(connection.reader);
        }
        connection.reader = sender.defer();
        return fail(Error::Deferred);
    }
    auto const left = std::string_view{connection.reply}.substr(connection.read);
    auto const part = left.substr(0, target.length);
    auto const transfer = sender.copy_out(0, std::as_bytes(std::span{part}));
    connection.read += transfer.count;
    return proto::Transfer{static_cast<std::uint32_t>(transfer.count),
                           transfer.count < part.size() ? transfer.caller_fault : 0};
}

void Manager::give(Connection& connection) {
    connection.waiting = false;
    if (!connection.reader) { return; }
    auto const reader = std::exchange(connection.reader, {});
    if (!ipc::pending(reader)) {
        ipc::discard(reader);
        return;
    }
    auto const part = std::string_view{connection.reply}.substr(0, reader.read_length != 0 ? reader.read_length
                                                                                           : reader.write_length);
    auto const transfer = ipc::copy_out(reader, 0, std::as_bytes(std::span{part}));
    connection.read += transfer.count;
    ipc::reply<proto::File::Read>(reader, proto::Transfer{static_cast<std::uint32_t>(transfer.count),
                                                          transfer.count < part.size() ? transfer.caller_fault : 0});
}

void Manager::on_no_senders(Word badge) {
    auto const found = connections_.find(badge);
    if (found == connections_.end()) { return; }
    if (found->second.reader) { ipc::discard(found->second.reader); }
    connections_.erase(found);
}

void Manager::on_notification(Word) {
    while (auto const event = ipc::call<proto::VfsControl::TakeQuotaEvent>(services_.vfs)) {
        if (event->domain == 0) { break; }
        for (auto& container : containers_) {
            if (container.quota_domain == event->domain && container.limits.kill && container.domain) {
                static_cast<void>(ipc::call<proto::Domain::Stop>(container.domain.get(), proto::DomainEnd::DiskLimit,
                                                                 event->process, event->wanted));
            }
        }
    }
    check_all();
}

proto::DomainStatus Manager::status_of(Container const& container) const {
    if (!container.domain) { return container.last; }
    auto const status = ipc::call<proto::Domain::Status>(container.domain.get());
    return status ? *status : proto::DomainStatus{};
}

void Manager::settle(Container& container) {
    if (!container.domain) { return; }
    auto const status = status_of(container);
    if (status.end == proto::DomainEnd::Running) { return; }
    static_cast<void>(ipc::call<proto::Domain::Stop>(container.domain.get(), status.end, 0U, std::uint64_t{0}));
    container.last = status;
    container.ended = true;
    container.state = State::Stopped;
    container.finished = wall_clock();
    container.domain.reset();
    container.session.reset();
    container.namespaces.clear();
    release_networks(container);
}

void Manager::check_all() {
    for (auto& container : containers_) { settle(container); }
    if (root_.state == State::Running) {
        auto const status = status_of(root_);
        if (status.end != proto::DomainEnd::Running) {
            root_.state = State::Stopped;
            root_.last = status;
            if (power_off_after_root_) {
                static_cast<void>(ipc::call<proto::TerminalControl::Drain>(services_.tty));
                static_cast<void>(ipc::call<proto::Supervisor::PowerOff>(
                    services_.supervisor, static_cast<std::uint32_t>(exit_status(status))));
            }
        }
    }
    answer_waiters();
}

void Manager::answer_waiters() {
    for (auto& [badge, connection] : connections_) {
        if (!connection.waiting) { continue; }
        auto* const container = find(connection.container);
        if (container == nullptr || !container->domain) {
            // The container ended, and with it whatever ran in it.
            constexpr std::int32_t killed = 137;
            auto reply = Reply::ok();
            reply.add_signed("status",
                             container == nullptr || connection.process != 0 ? killed : exit_status(container->last));
            if (container != nullptr) { describe(reply, *container); }
            connection.reply = reply.text();
            give(connection);
        } else if (connection.process != 0) {
            auto const state = ipc::call<proto::Domain::ProcessStatus>(container->domain.get(), connection.process);
            constexpr std::int32_t running = 1;
            if (state && (*state)[0] == running) { continue; }
            auto const wait_status = state ? (*state)[1] : 9;
            auto const signal = wait_status & 0x7f;
            auto reply = Reply::ok();
            reply.add_signed("status", signal != 0 ? 128 + signal : wait_status >> 8 & 0xff);
            connection.reply = reply.text();
            give(connection);
        }
    }
}

} // namespace container
