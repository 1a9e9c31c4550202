// ioctl_tty(2).
#include "tty_server.hpp"

namespace tty {

namespace {

constexpr std::uint32_t window_change_signal = 28;

// Requests, asm-generic/ioctls.h.
constexpr std::uint32_t tcgets = 0x5401, tcsets = 0x5402, tcsetsw = 0x5403, tcsetsf = 0x5404, tcsbrk = 0x5409,
                        tcxonc = 0x540A, tcflsh = 0x540B, tiocoutq = 0x5411, tiocgwinsz = 0x5413, tiocswinsz = 0x5414,
                        fionread = 0x541B, tcsbrkp = 0x5425, tiocgptn = 0x80045430, tiocsptlck = 0x40045431,
                        tiocgptlck = 0x80045439;

template <class Value>
Result<std::uint32_t> give(ipc::Sender& sender, Value const& value) {
    auto const transfer = sender.copy_out(0, std::as_bytes(std::span{&value, 1}));
    if (transfer.count != sizeof value) { return fail(Error::Fault); }
    return 0;
}
template <class Value>
Result<Value> take(ipc::Sender& sender) {
    Value value{};
    auto const transfer = sender.copy_in(0, std::as_writable_bytes(std::span{&value, 1}));
    if (transfer.count != sizeof value) { return fail(Error::Fault); }
    return value;
}

} // namespace

Result<std::uint32_t> TtyServer::control_master(Pseudo& pseudo, ipc::Sender& sender, std::uint32_t request) {
    switch (request) {
    case tiocgptn: return give(sender, pseudo.id.index);
    case tiocgptlck: return give(sender, pseudo.locked ? 1U : 0U);
    case tiocsptlck: {
        auto const wanted = take<std::uint32_t>(sender);
        if (!wanted) { return fail(wanted.error()); }
        pseudo.locked = *wanted != 0;
        return 0;
    }
    case fionread: return give(sender, static_cast<std::uint32_t>(pseudo.output.size()));
    case tiocoutq: return give(sender, static_cast<std::uint32_t>(pseudo.discipline.available()));
    default: return fail(Error::NotImplemented);
    }
}

Result<std::uint32_t> TtyServer::on(proto::File::Ioctl, ipc::Sender& sender, std::uint32_t request,
                                    std::uint32_t argument, ipc::ReadBuffer, ipc::WriteBuffer) {
    auto const* open_file = file(sender.badge);
    if (open_file == nullptr) { return fail(Error::BadDescriptor); }
    Terminal* const terminal = open_file->terminal;
    if (terminal == nullptr) { // a job's output line is a file, not a terminal
        return fail(Error::NotTerminal);
    }
    Pseudo* const pseudo = terminal->pseudo;
    if (open_file->master) {
        auto const done = control_master(*pseudo, sender, request);
        if (done || done.error() != Error::NotImplemented) { return done; }
    } else if (pseudo != nullptr && !pseudo->master) {
        return fail(Error::InputOutput);
    }
    switch (request) {
    case tcgets: return give(sender, terminal->discipline.termios);
    case tcsets:
    case tcsetsw:
    case tcsetsf: {
        auto const wanted = take<Termios>(sender);
        if (!wanted) { return fail(wanted.error()); }
        terminal->discipline.set_termios(*wanted);
        if (request == tcsetsf) { terminal->discipline.flush_input(); }
        serve_readers(*terminal);
        if (pseudo != nullptr) { serve_keys(*pseudo); }
        return 0;
    }
    case tiocgwinsz: return give(sender, terminal->size);
    case tiocswinsz: {
        auto const wanted = take<WindowSize>(sender);
        if (!wanted) { return fail(wanted.error()); }
        bool const changed = wanted->rows != terminal->size.rows || wanted->columns != terminal->size.columns;
        terminal->size = *wanted;
        if (pseudo != nullptr) {
            if (changed) { send_signal(terminal->foreground, window_change_signal); }
        } else if (changed && wanted->rows != 0 && wanted->columns != 0 && wanted->rows <= 512 &&
                   wanted->columns <= 512) {
            console_of(*open_file)->screen = std::make_unique<Screen>(wanted->rows, wanted->columns);
            send_signal(terminal->foreground, window_change_signal);
        }
        return 0;
    }
    case fionread: return give(sender, static_cast<std::uint32_t>(terminal->discipline.available()));
    case tiocoutq: return give(sender, static_cast<std::uint32_t>(pseudo != nullptr ? pseudo->output.size() : 0));
    case tcflsh:
        if (argument > 2) { return fail(Error::Invalid); }
        if (argument != 1) { terminal->discipline.flush_input(); }
        if (pseudo != nullptr) {
            if (argument != 0) { pseudo->output.clear(); }
            serve_keys(*pseudo);
            serve_output(*pseudo);
        }
        return 0;
    case tcsbrk:
    case tcsbrkp:
    case tcxonc: return 0;
    default: return fail(Error::NotTerminal);
    }
}

} // namespace tty
