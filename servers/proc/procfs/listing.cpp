// Directories of procfs, as getdents64(2) shows them.
#include "common.hpp"
#include "network_devices.hpp"
#include "procfs.hpp"
#include "text.hpp"
#include <cstring>

namespace proc {

using namespace procfs;

auto ProcFs::on(F::GetDirectoryEntries, Sender& sender, ipc::WriteBuffer) -> Result<proto::Transfer> {
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    Node const& directory = file->node;
    if (!is_directory(directory.kind)) return fail(Error::NotDirectory);
    Process* const process = process_of(directory);
    if (directory.process != 0 && process == nullptr) return fail(Error::NoEntry);

    // Cursors: 0 ".", 1 "..", 2.. fixed entries, 256 + number for what has a number.
    constexpr std::uint64_t numbered = 256;
    auto const fixed = entries_of(directory);
    std::byte buffer[2048];
    std::size_t const room = std::min<std::size_t>(sizeof buffer, sender.write_length);
    std::size_t used = 0;
    bool full = false;
    std::uint64_t cursor = file->offset;
    auto put = [&](std::string_view name, Node const& node, std::uint64_t next) {
        std::size_t const length = (19 + name.size() + 1 + 7) & ~std::size_t{7};
        if (used + length > room) {
            full = true;
            return false;
        }
        std::memset(buffer + used, 0, length);
        std::uint64_t const inode = node.inode();
        auto const record = static_cast<std::uint16_t>(length);
        std::uint8_t const type = is_directory(node.kind) ? 4 : is_link(node.kind) ? 10 : 8;
        std::memcpy(buffer + used, &inode, 8);
        std::memcpy(buffer + used + 8, &next, 8);
        std::memcpy(buffer + used + 16, &record, 2);
        std::memcpy(buffer + used + 18, &type, 1);
        std::memcpy(buffer + used + 19, name.data(), name.size());
        used += length;
        cursor = next;
        return true;
    };
    bool going = true;
    for (; going && cursor < 2 + fixed.size();) {
        if (cursor < 2) {
            going = put(cursor == 0 ? "." : "..", directory, cursor + 1);
        } else {
            Entry const& entry = fixed[static_cast<std::size_t>(cursor - 2)];
            Node node = directory;
            node.kind = entry.kind;
            if (directory.kind != NodeKind::GroupDirectory) node.number = static_cast<std::uint32_t>(cursor - 2);
            if (directory.kind == NodeKind::SysNetConfDirectory) node.number = node.number == 0 ? 0 : conf_default;
            going = put(entry.name, node, cursor + 1);
        }
    }
    auto number = [&](std::uint64_t value, Node const& node) {
        return put((TextBuilder{} << value).take(), node, numbered + value + 1);
    };
    std::uint64_t first = cursor < numbered ? 0 : cursor - numbered;
    if (going) {
        switch (directory.kind) {
        case NodeKind::Root:
            for (std::int32_t pid = file->space->next_used(std::max<std::int32_t>(static_cast<std::int32_t>(first), 1));
                 going && pid != 0; pid = file->space->next_used(pid + 1)) {
                Pid const* const found = file->space->find(pid);
                if (found->process == nullptr || found->process->state == ProcessState::Building) continue;
                going = number(static_cast<std::uint64_t>(pid),
                               Node{NodeKind::ProcessDirectory, 0555, found->global, 0, 0});
            }
            break;
        case NodeKind::TaskDirectory: {
            // In order of TID.
            for (;;) {
                Thread* best = nullptr;
                std::int32_t best_number = 0;
                process->threads.each([&](Thread& thread) {
                    std::int32_t const tid = thread.pid->number_in(*file->space);
                    if (tid >= static_cast<std::int32_t>(first) && (best == nullptr || tid < best_number)) {
                        best = &thread;
                        best_number = tid;
                    }
                });
                if (best == nullptr) break;
                if (!number(static_cast<std::uint64_t>(best_number),
                            Node{NodeKind::ThreadDirectory, 0555, directory.process, best->pid->global, 0}))
                    break;
                first = static_cast<std::uint64_t>(best_number) + 1;
            }
            break;
        }
        case NodeKind::DescriptorDirectory:
        case NodeKind::DescriptorInfoDirectory: {
            if (process->memory == nullptr) break;
            Word const highest = process->memory->files_highest(process->files);
            for (Word descriptor = static_cast<Word>(first); going && descriptor < highest; ++descriptor) {
                if (process->memory->descriptor(process->files, descriptor).open == 0) continue;
                Node node = directory;
                node.kind =
                    directory.kind == NodeKind::DescriptorDirectory ? NodeKind::Descriptor : NodeKind::DescriptorInfo;
                node.number = descriptor;
                going = number(descriptor, node);
            }
            break;
        }
        case NodeKind::SysNetConfDirectory:
        case NodeKind::NetClassDirectory: {
            // The cursor is the index of the device before, which may be gone.
            bool const conf = directory.kind == NodeKind::SysNetConfDirectory;
            Pid const* const opener = conf ? Pid::find_global(file->opener) : nullptr;
            Process* const whose = !conf ? process : opener != nullptr ? opener->process : nullptr;
            auto const text = whose != nullptr ? network_devices_text(core, *whose) : std::string{};
            std::string_view rest{text};
            for (NetworkDevice device; going && next_network_device(rest, device);) {
                if (device.index <= first) continue;
                Node node = directory;
                node.kind = conf ? NodeKind::SysNetDeviceDirectory : NodeKind::NetDeviceDirectory;
                node.number = device.index;
                going = put(device.name, node, numbered + device.index);
            }
            break;
        }
        case NodeKind::GroupDirectory: {
            // The cursor is the number of the group before, which may be gone; they were made in the order of their numbers.
            Group const* const group = group_of(directory);
            if (group == nullptr) break;
            for (Group const* child : group->children()) {
                if (going && child->number() > first)
                    going = put(child->name(), Node{NodeKind::GroupDirectory, 0755, 0, 0, child->number()},
                                numbered + child->number());
            }
            break;
        }
        case NodeKind::NamespaceDirectory:
            for (std::uint64_t i = first; going && i < namespace_entry_count(core); ++i) {
                Node node = directory;
                node.kind = NodeKind::NamespaceLink;
                node.number = static_cast<std::uint32_t>(i);
                going = put(namespace_entry(core, node.number).name, node, numbered + i + 1);
            }
            break;
        default: break;
        }
    }
    if (used == 0 && full) return fail(Error::Invalid); // not even one fits (getdents(2))
    auto const done = sender.copy_out(0, std::span{buffer, used});
    // A fault in the middle: the records are given again.
    if (done.count == used) file->offset = cursor;
    return proto::Transfer{done.count == used ? static_cast<std::uint32_t>(used) : 0,
                           done.count == used ? 0 : done.caller_fault};
}

} // namespace proc
