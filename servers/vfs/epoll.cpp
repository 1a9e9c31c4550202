#include "epoll.hpp"
#include "open_file.hpp"
#include <algorithm>

namespace vfs {
namespace {
constexpr std::uint32_t always = poll_event::error | poll_event::hang_up;
/// Of epoll_event::events, what is no poll event: EPOLLET, EPOLLONESHOT, EPOLLWAKEUP, EPOLLEXCLUSIVE.
constexpr std::uint32_t flags_mask = 0xf0000000;
constexpr std::uint32_t readable = poll_event::in | poll_event::read_normal;
} // namespace

void Watch::happened(std::uint32_t events) {
    if ((events & ((event.events & ~flags_mask) | always)) != 0 && (event.events & ~flags_mask) != 0) { owner->make_ready(*this); }
}

void Epoll::make_ready(Watch& watch) {
    if (watch.ready) { return; }
    watch.ready = true;
    ready_.push_back(&watch);
    tell(port_, readable);
}

std::uint32_t Epoll::found(Watch const& watch) const {
    std::uint32_t const wanted = watch.event.events & ~flags_mask;
    return wanted == 0 ? 0 : watch.file->poll(wanted) & (wanted | always); // 0: EPOLLONESHOT has had its event
}

std::uint32_t Epoll::poll() const {
    return std::any_of(ready_.begin(), ready_.end(), [&](Watch const* watch) { return found(*watch) != 0; }) ? readable : 0;
}

std::uint32_t Epoll::depth(Epoll const* sought, std::uint32_t level) const {
    if (this == sought || level > depth_maximum) { return depth_maximum + 1; }
    std::uint32_t deepest = level;
    for (auto const& watch : watches_) {
        if (watch->file->kind == OpenFile::Kind::Epoll) {
            deepest = std::max(deepest, static_cast<Epoll const&>(*watch->file->special).depth(sought, level + 1));
        }
    }
    return deepest;
}

Error Epoll::control_foreign(std::uint32_t operation, std::uint32_t descriptor, proto::EpollEvent const& event) {
    auto const old = std::find_if(foreign_.begin(), foreign_.end(), [&](auto const& watch) { return watch.descriptor == descriptor; });
    bool const there = old != foreign_.end();
    switch (operation) {
    case proto::Epoll::replace:
        if (there) { foreign_.erase(old); }
        [[fallthrough]];
    case proto::Epoll::add:
        if (there && operation == proto::Epoll::add) { return Error::Exists; }
        if (watches_.size() + foreign_.size() >= watch_maximum) { return Error::NoSpace; }
        foreign_.push_back({descriptor, event});
        return Error::None;
    case proto::Epoll::remove:
        if (!there) { return Error::NoEntry; }
        foreign_.erase(old);
        return Error::None;
    case proto::Epoll::modify:
        if (!there) { return Error::NoEntry; }
        old->event = event;
        return Error::None;
    default: return Error::Invalid;
    }
}

Error Epoll::control(std::uint32_t operation, std::uint32_t descriptor, OpenFile* target, proto::EpollEvent const& event) {
    if (target == nullptr) { return control_foreign(operation, descriptor, event); }
    if (target == file) { return Error::Invalid; }
    if (target->kind != OpenFile::Kind::Pipe && !target->is_special()) { return Error::NotPermitted; }
    auto const old = std::find_if(watches_.begin(), watches_.end(), [&](auto const& watch) { return watch->file == target && watch->descriptor == descriptor; });
    bool const there = old != watches_.end();
    switch (operation) {
    case proto::Epoll::replace:
    case proto::Epoll::add: {
        if (there) { return Error::Exists; }
        if (watches_.size() + foreign_.size() >= watch_maximum) { return Error::NoSpace; }
        if (target->kind == OpenFile::Kind::Epoll && static_cast<Epoll&>(*target->special).depth(this, 1) > depth_maximum) { return Error::Loop; }
        Watch& made = *watches_.emplace_back(new Watch{this, target, descriptor, event});
        target->watches.push_back(&made);
        if (found(made) != 0) { make_ready(made); }
        return Error::None;
    }
    case proto::Epoll::remove:
        if (!there) { return Error::NoEntry; }
        std::erase(target->watches, old->get());
        forget(old->get());
        return Error::None;
    case proto::Epoll::modify:
        if (!there) { return Error::NoEntry; }
        (*old)->event = event;
        if (found(**old) != 0) { make_ready(**old); }
        return Error::None;
    default: return Error::Invalid;
    }
}

Result<proto::Epoll::Ready> Epoll::collect(Caller& caller) {
    proto::Epoll::Ready told{0, static_cast<std::uint32_t>(foreign_.size()), 0};
    std::uint32_t const most = caller.write_length / static_cast<std::uint32_t>(sizeof(proto::EpollEvent));
    std::vector<Watch*> const candidates = std::exchange(ready_, {});
    std::vector<Watch*> again; // level-triggered ones, behind the others
    std::size_t index = 0;
    for (; index < candidates.size() && told.count < most; ++index) {
        Watch& watch = *candidates[index];
        std::uint32_t const events = found(watch);
        if (events == 0) {
            watch.ready = false;
            continue;
        }
        proto::EpollEvent const event{events, watch.event.data_low, watch.event.data_high};
        Transfer const out = caller.copy_out(told.count * static_cast<std::uint32_t>(sizeof event), std::as_bytes(std::span{&event, 1}));
        if (out.count < sizeof event) {
            told.fault = out.fault;
            break;
        }
        ++told.count;
        if ((watch.event.events & one_shot) != 0) {
            watch.event.events &= flags_mask;
            watch.ready = false;
        } else if ((watch.event.events & edge) != 0) {
            watch.ready = false;
        } else {
            again.push_back(&watch);
        }
    }
    ready_.assign(candidates.begin() + static_cast<std::ptrdiff_t>(index), candidates.end());
    ready_.insert(ready_.end(), again.begin(), again.end());
    return told;
}

void Epoll::forget(Watch* watch) {
    std::erase(ready_, watch);
    std::erase_if(watches_, [&](auto const& each) { return each.get() == watch; });
}

void Epoll::closed() {
    for (auto const& watch : watches_) { std::erase(watch->file->watches, watch.get()); }
    ready_.clear();
    watches_.clear();
    foreign_.clear();
}

} // namespace vfs
