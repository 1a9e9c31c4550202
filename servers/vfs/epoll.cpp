#include "epoll.hpp"
#include "open_file.hpp"
#include <algorithm>

namespace vfs {
namespace {
constexpr std::uint32_t readable = poll_event::in | poll_event::read_normal;
/// Watches of all instances together: they are on this server's heap.
ipc::EventBudget all_watches{16384};

bool can_be_waited_for(OpenFile const& file) {
    return file.kind == OpenFile::Kind::Pipe || file.kind == OpenFile::Kind::Random || file.is_special();
}
} // namespace

ipc::EventBudget QuotaDomain::fresh_watches() { return {4096, &all_watches}; }

Epoll::Epoll(Port& port, Ref<QuotaDomain> domain)
    : EventSet{domain ? domain->watches : all_watches}, port_{port}, domain_{std::move(domain)} {}

Epoll* Epoll::of(OpenFile const* file) {
    return file != nullptr && file->special && file->protocol_kind() == proto::FileKind::Epoll
               ? static_cast<Epoll*>(file->special.get())
               : nullptr;
}

void Epoll::became_ready() { tell(port_, readable); }

std::uint32_t Epoll::poll() const { return has_events() ? readable : 0; }

template <class Visit>
void Epoll::each_inner(Visit visit) const {
    if (dependents() == 0) { return; }
    each_watch([&](ipc::EventWatch const& watch) {
        if (Epoll const* const inner = of(static_cast<OpenFile const*>(watch.source))) { visit(*inner, watch); }
    });
}

std::uint32_t Epoll::depth_below(Epoll const* sought, std::uint32_t level) const {
    if (this == sought || level > depth_maximum) { return depth_maximum + 1; }
    std::uint32_t deepest = level;
    each_inner([&](Epoll const& inner, ipc::EventWatch const&) {
        deepest = std::max(deepest, inner.depth_below(sought, level + 1));
    });
    return deepest;
}

std::uint32_t Epoll::depth_above(std::uint32_t level) const {
    if (level > depth_maximum) { return level; }
    std::uint32_t highest = level;
    file->each_watch([&](ipc::EventWatch const& watch) {
        highest = std::max(highest, static_cast<Epoll const*>(watch.owner)->depth_above(level + 1));
    });
    return highest;
}

Error Epoll::change_watch(std::uint32_t operation, std::uint32_t descriptor, OpenFile& target,
                          proto::EpollEvent const& event) {
    if (!can_be_waited_for(target)) { return Error::NotPermitted; }
    if (&target == file) { return Error::Invalid; }
    if (Epoll const* const inner = of(&target)) {
        if (operation != proto::EventSet::remove && (event.events & proto::epoll_flag::exclusive) != 0) {
            return Error::Invalid;
        }
        if (operation == proto::EventSet::add && inner->depth_below(this, 1) + depth_above(0) > depth_maximum) {
            return Error::Loop;
        }
    }
    return EventSet::change(operation, descriptor, target, event);
}

proto::Collected Epoll::collect(Caller& caller, std::uint64_t pending) {
    constexpr auto size = static_cast<std::uint32_t>(sizeof(proto::EpollEvent));
    std::uint32_t const most = caller.write_length / size;
    auto const put = [&](std::uint32_t index, proto::EpollEvent const& event) {
        return caller.copy_out(index * size, std::as_bytes(std::span{&event, 1}));
    };
    proto::Collected told = pending == 0 ? EventSet::collect(most, put) : EventSet::collect_signals(most, pending, put);
    told.parts = part_count();
    return told;
}

Error Epoll::add_part(Slot set) {
    if (parts_.size() >= proto::Epoll::part_maximum) { return Error::NoSpace; }
    parts_.push_back(set);
    return Error::None;
}

std::uint32_t Epoll::part_count() const {
    auto count = static_cast<std::uint32_t>(parts_.size());
    each_inner([&](Epoll const& inner, ipc::EventWatch const&) { count += inner.part_count(); });
    return count;
}

std::pair<Slot, proto::EpollPart> Epoll::part(std::uint32_t index) const {
    if (index < parts_.size()) { return {parts_[index], {}}; }
    index -= static_cast<std::uint32_t>(parts_.size());
    std::pair<Slot, proto::EpollPart> found{};
    each_inner([&](Epoll const& inner, ipc::EventWatch const& watch) {
        std::uint32_t const count = found.first != 0 ? 0 : inner.part_count();
        if (index < count) {
            found = {inner.part(index).first, {1, watch.event}};
        } else {
            index -= count;
        }
    });
    return found;
}

void Epoll::closed() {
    clear();
    for (Slot const set : std::exchange(parts_, {})) { port_.drop(set); }
}

} // namespace vfs
