#include "netns_server.hpp"
#include <charconv>

namespace netns {

using ipc::Error;
using ipc::fail;
using ipc::Result;

namespace {
void append_right(std::string& text, std::uint64_t number, std::size_t width) {
    char digits[20];
    auto const [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    auto const count = static_cast<std::size_t>(end - digits);
    text.append(count < width ? width - count : 0, ' ');
    text.append(digits, count);
}
} // namespace

std::string device_table(Network const& network) {
    std::string text = "Inter-|   Receive                                                |  Transmit\n"
                       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
                       "fifo colls carrier compressed\n";
    for (auto const& device : network.devices) {
        text.append(device.name.size() < 6 ? 6 - device.name.size() : 0, ' ');
        text += device.name;
        text += ':';
        auto const columns = [&](DeviceCounters const& counters, std::initializer_list<std::size_t> zero_widths) {
            text += ' ';
            append_right(text, counters.bytes, 7);
            text += ' ';
            append_right(text, counters.packets, 7);
            text += ' ';
            append_right(text, counters.errors, 4);
            text += ' ';
            append_right(text, counters.dropped, 4);
            for (auto const width : zero_widths) {
                text += ' ';
                append_right(text, 0, width);
            }
        };
        columns(device.received, {4, 5, 10, 9});
        text += ' ';
        columns(device.sent, {4, 5, 7, 10});
        text += '\n';
    }
    return text;
}

Result<ipc::Cap<proto::File>> NetnsServer::on(proto::Network::Socket, ipc::Sender& sender, std::uint32_t domain,
                                              std::uint32_t type, std::uint32_t) {
    constexpr std::uint32_t type_mask = 0xf, highest_type = 10, highest_family = 46;
    if (state_of(sender.badge) == nullptr) { return fail(Error::NotPermitted); }
    if (domain == 0 || domain >= highest_family) { return fail(Error::AddressFamilyNotSupported); }
    if ((type & type_mask) == 0 || (type & type_mask) > highest_type) { return fail(Error::Invalid); }
    return fail(Error::AddressFamilyNotSupported);
}

Result<proto::Transfer> NetnsServer::on(proto::Network::DeviceTable, ipc::Sender& sender, std::uint32_t offset,
                                        ipc::WriteBuffer target) {
    auto const* const network = state_of(sender.badge);
    if (network == nullptr) { return fail(Error::NotPermitted); }
    auto const text = device_table(*network);
    auto const part =
        std::string_view{text}.substr(std::min<std::size_t>(offset, text.size())).substr(0, target.length);
    auto const transfer = sender.copy_out(0, std::as_bytes(std::span{part}));
    return proto::Transfer{static_cast<std::uint32_t>(transfer.count),
                           transfer.count < part.size() ? transfer.caller_fault : 0};
}

} // namespace netns
