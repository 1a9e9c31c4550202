// Protocol Directory.
#include "server.hpp"

namespace vfs {

Session* Server::view(Sender const& sender) {
    if (Session* const found = session(sender)) { return found; }
    OpenFile* const place = file(sender);
    return place != nullptr ? place->view.get() : nullptr;
}

Session* Server::session(Sender const& sender) {
    if (sender.badge == first_session_badge) [[unlikely]] {
        if (!first_) { first_ = std::make_unique<Session>(vfs_.first_view()); }
        return first_.get();
    }
    return vfs_.session(sender.badge);
}

Session* Server::session(SessionCap const& cap) { return cap.unwrapped ? vfs_.session(cap.badge) : nullptr; }

At Server::at(FileCap const& cap) const { return {cap.present(), cap.unwrapped ? vfs_.file(cap.badge) : nullptr}; }

ipc::Failure Server::elsewhere(Sender& sender) {
    Elsewhere const& away = vfs_.elsewhere();
    proto::Continuation onward{};
    onward.flags = (away.attach_caller ? 1u : 0u) | (away.attach_session ? 2u : 0u);
    onward.rest = ipc::Text<180>{away.rest};
    return sender.fail_with(Error::Elsewhere,
                            ipc::OptionalCap<proto::Directory>{ipc::Cap<proto::Directory>{away.directory}}, onward);
}

Result<std::string_view> Server::path_text(Sender& sender, ipc::Path const& path) {
    auto const text = sender.read_path(path, std::span{text_}.first(path_maximum));
    if (text && text->find('\0') != text->npos) { return fail(Error::Invalid); }
    return text;
}

Result<std::array<std::string_view, 4>> Server::texts(Sender& sender, unsigned count) {
    std::uint32_t const length = sender.read_length;
    if (length > text_.size()) { return fail(Error::NameTooLong); }
    if (sender.copy_in(0, std::as_writable_bytes(std::span{text_}.first(length))).count < length) {
        return fail(Error::Fault);
    }
    std::array<std::string_view, 4> found{};
    std::string_view rest{text_.data(), length};
    for (unsigned i = 0; i < count; ++i) {
        std::size_t const end = rest.find('\0');
        if (end == rest.npos) { return fail(Error::Invalid); }
        found[i] = rest.substr(0, end);
        rest.remove_prefix(end + 1);
    }
    return found;
}

template <class Operation>
auto Server::directory(Sender& sender, FileCap at_cap, ProcessCap caller, ipc::Path const& path, Operation operation)
    -> decltype(operation(std::declval<Session&>(), At{}, std::string_view{})) {
    // What came along is deleted last: the reply stands in the buffer by then.
    if (at_cap.slot != 0) [[unlikely]] { sender.delete_after_reply(at_cap.slot); }
    if (caller.slot != 0) [[unlikely]] { sender.delete_after_reply(caller.slot); }
    Session* const who = view(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto text = path_text(sender, path);
    if (!text) { return fail(text.error()); }
    if (text->empty() && sender.badge != who->badge && sender.badge != first_session_badge) {
        text = ".";
    }                                                               // the place itself
    if (at_cap.slot != 0 && (text->empty() || (*text)[0] != '/')) { // another server's directory
        proto::Continuation onward{};
        onward.flags = 1;
        if (text->size() > onward.rest.capacity) { return fail(Error::NameTooLong); }
        onward.rest = ipc::Text<180>{*text};
        return sender.fail_with(Error::Elsewhere,
                                ipc::OptionalCap<proto::Directory>{ipc::Cap<proto::Directory>{at_cap.slot}}, onward);
    }
    auto result = operation(*who, at(at_cap), *text);
    if (!result && result.error() == Error::Elsewhere) [[unlikely]] { return elsewhere(sender); }
    if (!result && result.error() == Error::Deferred && (at_cap.slot != 0 || caller.slot != 0)) [[unlikely]] {
        ipc::release_slot(at_cap.slot);
        ipc::release_slot(caller.slot);
    }
    return result;
}

Result<std::tuple<ipc::Cap<proto::File>, proto::OpenResult>> Server::on(D::Open, Sender& sender, FileCap at_cap,
                                                                        ProcessCap caller, std::uint32_t flags,
                                                                        std::uint32_t mode, ipc::Path const& path) {
    auto const opened = directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        SenderCaller buffers{sender};
        return vfs_.open(who, where, flags, mode, text, buffers);
    });
    if (!opened) { return fail(opened.error()); }
    return std::tuple{ipc::Cap<proto::File>{opened->slot}, opened->result};
}

Result<proto::FileStatus> Server::on(D::Stat, Sender& sender, FileCap at_cap, ProcessCap caller, std::uint32_t flags,
                                     ipc::Path const& path) {
    return directory(sender, at_cap, caller, path,
                     [&](Session& who, At where, std::string_view text) { return vfs_.stat(who, where, flags, text); });
}

Result<ipc::Unit> Server::on(D::Access, Sender& sender, FileCap at_cap, ProcessCap caller, std::uint32_t mode,
                             std::uint32_t, ipc::Path const& path) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        return unit(vfs_.access(who, where, mode, text));
    });
}

Result<Transfer> Server::on(D::ReadLink, Sender& sender, FileCap at_cap, ProcessCap caller, ipc::Path const& path,
                            ipc::WriteBuffer const&) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        SenderCaller buffers{sender};
        return vfs_.read_link(who, where, text, buffers);
    });
}

Result<ipc::Unit> Server::on(D::MakeDirectory, Sender& sender, FileCap at_cap, ProcessCap caller, std::uint32_t mode,
                             ipc::Path const& path) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        return unit(vfs_.make_directory(who, where, mode, text));
    });
}

Result<ipc::Unit> Server::on(D::MakeNode, Sender& sender, FileCap at_cap, ProcessCap caller, std::uint32_t mode,
                             std::uint32_t device, ipc::Path const& path) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        return unit(vfs_.make_node(who, where, mode, device, text));
    });
}

Result<ipc::Unit> Server::on(D::Unlink, Sender& sender, FileCap at_cap, ProcessCap caller, std::uint32_t flags,
                             ipc::Path const& path) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        return unit(vfs_.unlink(who, where, flags, text));
    });
}

template <class Operation>
Result<ipc::Unit> Server::two_names(Sender& sender, FileCap const& from, FileCap const& to, Operation operation) {
    for (FileCap const* each : {&from, &to}) {
        if (each->slot != 0) { sender.delete_after_reply(each->slot); }
    }
    Session* const who = view(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const names = texts(sender, 2);
    if (!names) { return fail(names.error()); }
    return operation(*who, (*names)[0], (*names)[1]);
}

Result<ipc::Unit> Server::on(D::Rename, Sender& sender, FileCap from, FileCap to, std::uint32_t flags,
                             ipc::ReadBuffer const&) {
    return two_names(sender, from, to, [&](Session& who, std::string_view old_name, std::string_view new_name) {
        return unit(vfs_.rename(who, at(from), at(to), flags, old_name, new_name));
    });
}

Result<ipc::Unit> Server::on(D::Link, Sender& sender, FileCap from, FileCap to, std::uint32_t flags,
                             ipc::ReadBuffer const&) {
    return two_names(sender, from, to, [&](Session& who, std::string_view old_name, std::string_view new_name) {
        return unit(vfs_.link(who, at(from), at(to), flags, old_name, new_name));
    });
}

Result<ipc::Unit> Server::on(D::SymbolicLink, Sender& sender, FileCap at_cap, ipc::ReadBuffer const&) {
    auto const make = [&](Session& who, std::string_view target, std::string_view name) -> Result<ipc::Unit> {
        Error const error = vfs_.symbolic_link(who, at(at_cap), target, name);
        if (error == Error::Elsewhere) { return elsewhere(sender); }
        return unit(error);
    };
    return two_names(sender, at_cap, FileCap{}, make);
}

Result<ipc::Unit> Server::on(D::SetAttributes, Sender& sender, FileCap at_cap, ProcessCap caller, std::uint32_t flags,
                             proto::AttributeChange const& change, ipc::Path const& path) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        return unit(vfs_.set_attributes(who, where, flags, change, text));
    });
}

Result<ipc::Unit> Server::on(D::Truncate, Sender& sender, FileCap at_cap, ProcessCap caller, std::uint64_t size,
                             ipc::Path const& path) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        return unit(vfs_.truncate(who, where, size, text));
    });
}

Result<proto::FileSystemStatus> Server::on(D::StatFileSystem, Sender& sender, FileCap at_cap, ProcessCap caller,
                                           ipc::Path const& path) {
    return directory(sender, at_cap, caller, path, [&](Session& who, At where, std::string_view text) {
        return vfs_.stat_file_system(who, where, text);
    });
}

} // namespace vfs
