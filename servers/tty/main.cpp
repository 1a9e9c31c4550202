// The tty server. Wiring only.
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "proto/vfs.hpp"
#include "tty_server.hpp"
#include <charconv>

namespace {

constexpr abi::Word input_bit = 1;

struct SerialLine final : tty::Line {
    SerialLine(ipc::Cap<proto::ByteStream> stream, ipc::Cap<proto::VfsControl> vfs) : stream_{stream}, vfs_{vfs} {}
    void write(std::string_view text) override {
        static_cast<void>(ipc::call<proto::ByteStream::Write>(stream_, ipc::ReadBuffer{text.data(), text.size()}));
    }
    void write_error(std::string_view text) override {
        while (!text.empty()) {
            auto const part = text.substr(0, ipc::object::Debug::write_limit);
            static_cast<void>(ipc::object::Debug{ipc::server_slot::debug}.write(part));
            text.remove_prefix(part.size());
        }
    }
    bool identify(std::uint32_t minor, proto::FileStatus& status) override {
        if (minor >= tty::console_count) { return false; }
        if (session_.slot == 0) {
            auto const session = ipc::call<proto::VfsControl::FirstSession>(vfs_);
            if (!session) { return false; }
            session_ = session->as<proto::Directory>();
        }
        char path[] = "/dev/vc0";
        path[7] = static_cast<char>('0' + minor);
        auto const node = ipc::call<proto::Directory::Stat>(session_, proto::Directory::At{},
                                                            proto::Directory::Caller{}, 0U, ipc::Path{path});
        if (!node) { return false; }
        status = *node;
        return true;
    }
    ipc::Result<proto::PseudoTerminal> new_terminal(ipc::CapabilityPointer multiplexer) override {
        return ipc::call<proto::VfsControl::NewTerminal>(
            vfs_, ipc::OptionalCap<proto::File>{ipc::Cap<proto::File>{multiplexer}});
    }
    ipc::Result<ipc::Unit> set_terminal(proto::PseudoTerminal const& id,
                                        ipc::Cap<proto::Directory> const (&access)[3]) override {
        return ipc::call<proto::VfsControl::SetTerminal>(vfs_, id, access[0], access[1], access[2]);
    }
    void end_terminal(proto::PseudoTerminal const& id) override {
        static_cast<void>(ipc::call<proto::VfsControl::EndTerminal>(vfs_, id));
    }
    ipc::Result<proto::FileStatus> terminal_status(proto::PseudoTerminal const& id) override {
        return ipc::call<proto::VfsControl::TerminalStatus>(vfs_, id);
    }
    ipc::Cap<proto::ByteStream> stream_;
    ipc::Cap<proto::VfsControl> vfs_;
    ipc::Cap<proto::Directory> session_;
};

/// The server with the signals of the serial line.
struct Wired : tty::TtyServer {
    Wired(SerialLine& line, bool job_mode, tty::WindowSize size)
        : TtyServer{line, job_mode, size}, stream_{line.stream_} {}
    void on_notification(abi::Word) {
        char buffer[256];
        for (;;) {
            auto const count = ipc::call<proto::ByteStream::Read>(stream_, ipc::WriteBuffer{buffer, sizeof buffer});
            if (!count || *count == 0) { return; }
            input({buffer, *count});
        }
    }
    ipc::Cap<proto::ByteStream> stream_;
};

/// The number behind `key=` on the command line, or `otherwise`.
std::uint16_t number_of(std::string_view line, std::string_view key, std::uint16_t otherwise) {
    auto const at = line.find(key);
    if (at == line.npos) { return otherwise; }
    std::uint16_t value = otherwise;
    std::from_chars(line.data() + at + key.size(), line.data() + line.size(), value);
    return value;
}

} // namespace

int server_main(ipc::ServerInfo const& info) {
    std::string_view const command_line{info.command_line};
    ipc::Cap<proto::VfsControl> const vfs{ipc::need(info, "vfs-control")};
    static SerialLine line{ipc::Cap<proto::ByteStream>{ipc::need(info, "serial0")}, vfs};
    tty::WindowSize const size{number_of(command_line, "rows=", 24), number_of(command_line, "columns=", 80)};
    static Wired server{line, command_line.find("mode=job") != command_line.npos, size};
    static_cast<void>(ipc::bind_no_senders(0));
    if (auto notification = ipc::mint_notification(input_bit)) {
        static_cast<void>(ipc::call<proto::ByteStream::Subscribe>(line.stream_, *notification));
    }
    if (auto const device = ipc::mint_session<proto::Directory>(tty::device_badge)) {
        for (auto const& [minor, count] :
             {std::pair{0U, std::uint32_t{tty::console_count}}, std::pair{tty::job_output_minor, 2U}}) {
            if (auto registered =
                    ipc::call<proto::VfsControl::RegisterDevice>(vfs, tty::terminal_major, minor, count, *device);
                !registered) {
                ipc::log("tty: vfs refused the terminals: error {}", registered.error());
            }
        }
    }
    ipc::serve<proto::File, proto::Directory, proto::TerminalControl, proto::EventSet>(server);
}
