// devpts(5): instances, their options, the nodes of pseudo terminals. The terminals themselves are tty's.
#include "vfs.hpp"
#include <algorithm>
#include <charconv>

namespace vfs {
namespace {

constexpr std::string_view multiplexer_name = "ptmx";

/// "00620" as the options show it: at least three digits.
std::string octal(std::uint32_t mode) {
    std::string text;
    for (int shift = mode > 0777 ? 9 : 6; shift >= 0; shift -= 3) {
        text += static_cast<char>('0' + (mode >> static_cast<unsigned>(shift) & 7));
    }
    return text;
}

bool parse(std::string_view text, int base, std::uint32_t& value) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

} // namespace

Error Vfs::terminal_options(Credentials const& who, FileSystem& system, std::string_view data) {
    PseudoTerminals wanted; // what is not named is as at first
    std::string shown;
    while (!data.empty()) {
        std::string_view const option = data.substr(0, data.find(','));
        data.remove_prefix(std::min(option.size() + 1, data.size()));
        std::size_t const equals = option.find('=');
        if (option.empty() || option == "newinstance") { continue; } // every mount is one
        if (equals == option.npos) { return Error::Invalid; }
        std::string_view const key = option.substr(0, equals), value = option.substr(equals + 1);
        std::uint32_t number = 0;
        if (key == "mode" || key == "ptmxmode") {
            if (!parse(value, 8, number)) { return Error::Invalid; }
            (key == "mode" ? wanted.mode : wanted.multiplexer_mode) = number & mode::permissions;
        } else if (key == "uid" || key == "gid") {
            if (!parse(value, 10, number)) { return Error::Invalid; }
            auto const global = key == "uid" ? who.global_user(number) : who.global_group(number);
            if (!global) { return Error::Invalid; }
            (key == "uid" ? wanted.user : wanted.group) = *global;
            shown += std::string{shown.empty() ? "" : ","}.append(option);
        } else if (key == "max") {
            if (!parse(value, 10, number)) { return Error::Invalid; }
            wanted.maximum = std::min(number, PseudoTerminals::terminal_maximum);
        } else {
            return Error::Invalid;
        }
    }
    shown += std::string{shown.empty() ? "" : ","} + "mode=" + octal(wanted.mode) +
             ",ptmxmode=" + octal(wanted.multiplexer_mode);
    if (wanted.maximum < PseudoTerminals::terminal_maximum) { shown += ",max=" + std::to_string(wanted.maximum); }
    system.options = shown;
    PseudoTerminals& terminals = *system.terminals;
    terminals.user = wanted.user;
    terminals.group = wanted.group;
    terminals.mode = wanted.mode;
    terminals.multiplexer_mode = wanted.multiplexer_mode;
    terminals.maximum = wanted.maximum;
    if (Dentry* const multiplexer = environment_.dentries.find(*system.root, multiplexer_name)) {
        multiplexer->inode->mode = mode::character | wanted.multiplexer_mode;
    }
    return Error::None;
}

Error Vfs::start_terminals(Credentials const& who, FileSystem& system, std::string_view data) {
    system.terminals = std::make_unique<PseudoTerminals>();
    environment_.devpts.push_back(&system);
    if (Error const error = terminal_options(who, system, data); error != Error::None) { return error; }
    auto inode = system.make(mode::character | system.terminals->multiplexer_mode, system.domain, &who);
    if (!inode) { return inode.error(); }
    (*inode)->device = make_device(multiplexer_major, multiplexer_minor);
    static_cast<void>(environment_.dentries.link(*system.root, multiplexer_name, std::move(*inode)));
    system.fixed = true;      // names come and go with the terminals alone
    system.no_device = false; // also in a user namespace: its own terminals are all it gives
    return Error::None;
}

FileSystem* Vfs::devpts_of(Place multiplexer, DentryTable& dentries) {
    FileSystem& own = multiplexer.dentry->inode->file_system();
    if (own.terminals) { return &own; }
    Dentry* const folder = multiplexer.dentry->parent.get();
    Dentry* const beside = folder != nullptr ? dentries.find(*folder, "pts") : nullptr;
    if (beside == nullptr) { return nullptr; }
    Place const found = MountTable::cross({multiplexer.mount, beside});
    FileSystem& system = *found.mount->file_system;
    return system.terminals && found.dentry == system.root.get() ? &system : nullptr;
}

FileSystem* Vfs::devpts(std::uint32_t instance) const {
    auto const& all = environment_.devpts;
    auto const found =
        std::find_if(all.begin(), all.end(), [&](FileSystem const* each) { return each->device == instance; });
    return found == all.end() ? nullptr : *found;
}

Result<Opened> Vfs::open_terminal(Place place, std::uint32_t flags) {
    Inode const& inode = *place.dentry->inode;
    FileSystem const& system = inode.file_system();
    // A node of that number elsewhere is nobody's terminal.
    if (!system.terminals) { return fail(Error::InputOutput); }
    auto const found = system.terminals->devices.find(device_minor(inode.device));
    std::uint32_t const access_mode = flags & open_flag::access_mode;
    if (found == system.terminals->devices.end() || access_mode > open_flag::read_write) {
        return fail(Error::InputOutput);
    }
    Slot const slot = found->second[access_mode];
    if (slot == 0) { return fail(Error::InputOutput); } // not ready yet
    Elsewhere& away = walker_.elsewhere();
    away.directory = slot;
    away.attach_caller = away.attach_session = false;
    away.rest.clear();
    return fail(Error::Elsewhere);
}

Result<proto::PseudoTerminal> Vfs::new_terminal(OpenFile const& multiplexer) {
    if (multiplexer.kind != OpenFile::Kind::Null || !multiplexer.place ||
        multiplexer.inode->device != make_device(multiplexer_major, multiplexer_minor)) {
        return fail(Error::NoDevice);
    }
    FileSystem* const system = devpts_of(multiplexer.place.get(), environment_.dentries);
    if (system == nullptr || !system->root) { return fail(Error::NoSuchDevice); }
    PseudoTerminals& terminals = *system->terminals;
    std::size_t all = 0;
    for (FileSystem const* each : environment_.devpts) { all += each->terminals->devices.size(); }
    QuotaDomain* const domain = system->domain.get();
    if (all >= PseudoTerminals::terminal_maximum || terminals.devices.size() >= terminals.maximum ||
        (domain != nullptr && domain->terminals >= PseudoTerminals::domain_maximum)) {
        return fail(Error::NoSpace);
    }
    std::uint32_t index = 0;
    while (terminals.devices.contains(index)) { ++index; }
    auto inode = system->make(mode::character | terminals.mode, system->domain, &multiplexer.opener);
    if (!inode) { return fail(inode.error()); }
    (*inode)->device = make_device(terminal_major, index);
    if (terminals.user) { (*inode)->user = *terminals.user; }
    if (terminals.group) { (*inode)->group = *terminals.group; }
    static_cast<void>(environment_.dentries.link(*system->root, std::to_string(index), std::move(*inode)));
    terminals.devices[index] = {};
    if (domain != nullptr) { ++domain->terminals; }
    return proto::PseudoTerminal{system->device, index};
}

Error Vfs::set_terminal(proto::PseudoTerminal const& which, PseudoTerminals::Access const& access) {
    FileSystem* const system = devpts(which.instance);
    if (system == nullptr) { return Error::NoEntry; }
    auto const found = system->terminals->devices.find(which.index);
    if (found == system->terminals->devices.end()) { return Error::NoEntry; }
    system->drop_access(found->second);
    found->second = access;
    return Error::None;
}

void Vfs::end_terminal(proto::PseudoTerminal const& which) {
    FileSystem* const system = devpts(which.instance);
    if (system == nullptr) { return; }
    auto const found = system->terminals->devices.find(which.index);
    if (found == system->terminals->devices.end()) { return; }
    system->drop_access(found->second);
    system->terminals->devices.erase(found);
    if (system->domain) { --system->domain->terminals; }
    if (!system->root) { return; }
    Dentry* const node = environment_.dentries.find(*system->root, std::to_string(which.index));
    if (node != nullptr) { removed(*node, environment_.port.now()); }
}

Result<proto::FileStatus> Vfs::terminal_status(proto::PseudoTerminal const& which) const {
    FileSystem* const system = devpts(which.instance);
    Dentry* const node = system == nullptr || !system->root
                             ? nullptr
                             : environment_.dentries.find(*system->root, std::to_string(which.index));
    if (node == nullptr) { return fail(Error::NoEntry); }
    return status_of(first_view_.who, *node->inode);
}

} // namespace vfs
