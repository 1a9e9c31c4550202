// What epoll(7) is made of: sets of watches on a server's files, each with what has happened and was not told yet. A server derives
// its files from EventSource and says `happened`; event_sets.hpp has the sets that instances of vfs hold elsewhere.
#pragma once
#include "proto/event_set.hpp"
#include <algorithm>

namespace ipc {

class EventSet;
class EventSource;

/// How many watches there may be. A budget is part of a larger one.
struct EventBudget {
    std::uint32_t most;
    EventBudget* whole = nullptr;
    std::uint32_t used = 0;

    bool take() {
        if (used >= most || (whole != nullptr && !whole->take())) { return false; }
        ++used;
        return true;
    }
    void give() {
        --used;
        if (whole != nullptr) { whole->give(); }
    }
};

/// One file in one set.
struct EventWatch {
    EventSet* owner;
    EventSource* source;
    std::uint32_t descriptor; ///< the number under which it was added: the same file may be there under several
    proto::EpollEvent event;
    bool depends;        ///< EventSource::depends
    bool queued = false; ///< among the owner's candidates
    EventWatch* next_of_source = nullptr;
    EventWatch *next = nullptr, *previous = nullptr; ///< all of the owner's
    EventWatch *next_queued = nullptr, *previous_queued = nullptr;
};

/// A file that sets may watch.
class EventSource {
public:
    EventSource() = default;
    EventSource(EventSource const&) = delete;
    EventSource& operator=(EventSource const&) = delete;

    /// All poll(2) events that hold now.
    [[nodiscard]] virtual std::uint32_t events_now() const = 0;
    /// Its events may depend on who asks (signals()), or it may be a set itself: those are counted. The same all its life.
    [[nodiscard]] virtual bool depends() const { return false; }
    /// Signals whose being pending makes it input_events.
    [[nodiscard]] virtual std::uint64_t signals() const { return 0; }
    /// These events have come about just now (EPOLLET tells them even if they held before).
    void happened(std::uint32_t events);
    [[nodiscard]] bool watched() const { return first_ != nullptr; }
    template <class Visit>
    void each_watch(Visit visit) const {
        for (EventWatch* watch = first_; watch != nullptr; watch = watch->next_of_source) { visit(*watch); }
    }

protected:
    /// The file is closed: it leaves all sets.
    virtual ~EventSource();

private:
    friend class EventSet;
    EventWatch* first_ = nullptr;
};

class EventSet {
public:
    explicit EventSet(EventBudget& budget) : budget_{budget} {}
    EventSet(EventSet const&) = delete;
    EventSet& operator=(EventSet const&) = delete;

    /// epoll_ctl(2); what is watched is never a set here (Loop and EPOLLEXCLUSIVE with one are the caller's). Errors: Exists, NoEntry, Invalid,
    /// NoSpace.
    Error change(std::uint32_t operation, std::uint32_t descriptor, EventSource& source,
                 proto::EpollEvent const& event);
    /// Takes events out, `most` at the most; put(index, event) copies one to the caller and is a proto::Transfer.
    template <class Put>
    proto::Collected collect(std::uint32_t most, Put put);
    /// As collect, but the events of signal descriptors when the caller has these signals pending. They are level-triggered, always.
    template <class Put>
    proto::Collected collect_signals(std::uint32_t most, std::uint64_t pending, Put put);
    /// There is something to collect.
    [[nodiscard]] bool has_events() const;
    /// Of all signal descriptors watched.
    [[nodiscard]] std::uint64_t signals() const;
    [[nodiscard]] std::uint32_t dependents() const { return dependents_; }
    template <class Visit>
    void each_watch(Visit visit) const {
        for (EventWatch* watch = first_; watch != nullptr; watch = watch->next) { visit(*watch); }
    }

protected:
    virtual ~EventSet() { clear(); }
    void clear();
    /// Perhaps it has events now: for whoever waits for them.
    virtual void became_ready() = 0;

private:
    friend class EventSource;
    static constexpr std::uint32_t always = 8 | 16; // POLLERR, POLLHUP
    static constexpr std::uint32_t input_events = 1 | 0x40;
    /// Events to be told. POLLERR and POLLHUP always are, until EPOLLONESHOT has had its event: then nothing is.
    [[nodiscard]] static std::uint32_t found(EventWatch const& watch);
    static bool give(EventWatch& watch, std::uint32_t events, proto::Collected& told, auto& put);
    void queue(EventWatch& watch);
    void unqueue(EventWatch& watch);
    void remove(EventWatch& watch);

    EventBudget& budget_;
    EventWatch* first_ = nullptr;
    EventWatch *first_queued_ = nullptr, *last_queued_ = nullptr;
    std::uint32_t dependents_ = 0;
};

inline void EventSource::happened(std::uint32_t events) {
    for (EventWatch* watch = first_; watch != nullptr; watch = watch->next_of_source) {
        std::uint32_t const wanted = watch->event.events & ~proto::epoll_flag::all;
        if ((events & wanted) != 0) {
            watch->owner->queue(*watch);
            watch->owner->became_ready();
        }
    }
}

inline EventSource::~EventSource() {
    while (first_ != nullptr) { first_->owner->remove(*first_); }
}

inline std::uint32_t EventSet::found(EventWatch const& watch) {
    std::uint32_t const wanted = watch.event.events & ~proto::epoll_flag::all;
    return wanted == 0 ? 0 : watch.source->events_now() & wanted;
}

bool EventSet::give(EventWatch& watch, std::uint32_t events, proto::Collected& told, auto& put) {
    proto::EpollEvent const event{events, watch.event.data_low, watch.event.data_high};
    proto::Transfer const out = put(told.count, event);
    if (out.count < sizeof event) {
        told.fault = out.fault;
        return false;
    }
    ++told.count;
    if ((watch.event.events & proto::epoll_flag::one_shot) != 0) { watch.event.events &= proto::epoll_flag::all; }
    return true;
}

inline void EventSet::queue(EventWatch& watch) {
    if (watch.queued) { return; }
    watch.queued = true;
    watch.previous_queued = last_queued_;
    watch.next_queued = nullptr;
    (last_queued_ != nullptr ? last_queued_->next_queued : first_queued_) = &watch;
    last_queued_ = &watch;
}

inline void EventSet::unqueue(EventWatch& watch) {
    if (!watch.queued) { return; }
    watch.queued = false;
    (watch.previous_queued != nullptr ? watch.previous_queued->next_queued : first_queued_) = watch.next_queued;
    (watch.next_queued != nullptr ? watch.next_queued->previous_queued : last_queued_) = watch.previous_queued;
}

inline void EventSet::remove(EventWatch& watch) {
    unqueue(watch);
    EventWatch** link = &watch.source->first_;
    while (*link != &watch) { link = &(*link)->next_of_source; }
    *link = watch.next_of_source;
    (watch.previous != nullptr ? watch.previous->next : first_) = watch.next;
    if (watch.next != nullptr) { watch.next->previous = watch.previous; }
    if (watch.depends) { --dependents_; }
    budget_.give();
    delete &watch;
}

inline void EventSet::clear() {
    while (first_ != nullptr) { remove(*first_); }
}

inline Error EventSet::change(std::uint32_t operation, std::uint32_t descriptor, EventSource& source,
                              proto::EpollEvent const& event) {
    namespace flag = proto::epoll_flag;
    EventWatch* there = nullptr;
    for (EventWatch* watch = source.first_; watch != nullptr; watch = watch->next_of_source) {
        if (watch->owner == this && watch->descriptor == descriptor) { there = watch; }
    }
    constexpr std::uint32_t beside_exclusive =
        flag::exclusive | flag::edge | flag::wake_up | always | input_events | 4 | 0x100;
    bool const exclusive = (event.events & flag::exclusive) != 0;
    switch (operation) {
    case proto::EventSet::add: {
        if (exclusive && (event.events & ~beside_exclusive) != 0) { return Error::Invalid; }
        if (there != nullptr) { return Error::Exists; }
        if (!budget_.take()) { return Error::NoSpace; }
        auto* const made = new EventWatch{this, &source, descriptor, event, source.depends()};
        made->event.events |= always;
        if (made->depends) { ++dependents_; }
        made->next_of_source = source.first_;
        source.first_ = made;
        made->next = first_;
        if (first_ != nullptr) { first_->previous = made; }
        first_ = there = made;
        break;
    }
    case proto::EventSet::remove:
        if (there == nullptr) { return Error::NoEntry; }
        remove(*there);
        return Error::None;
    case proto::EventSet::modify:
        if (exclusive) { return Error::Invalid; }
        if (there == nullptr) { return Error::NoEntry; }
        if ((there->event.events & flag::exclusive) != 0) { return Error::Invalid; }
        there->event = event;
        there->event.events |= always;
        break;
    default: return Error::Invalid;
    }
    if (found(*there) != 0) {
        queue(*there);
        became_ready();
    }
    return Error::None;
}

template <class Put>
proto::Collected EventSet::collect(std::uint32_t most, Put put) {
    proto::Collected told{0, 0, 0, 0, signals()};
    EventWatch* const last = last_queued_; // what is queued again in the following comes next time
    for (EventWatch* watch = first_queued_; watch != nullptr && told.count < most;) {
        EventWatch* const next = watch == last ? nullptr : watch->next_queued;
        std::uint32_t const events = found(*watch);
        if (events != 0 && !give(*watch, events, told, put)) { break; }
        unqueue(*watch);
        // Level-triggered: looked at again, behind the others.
        if (events != 0 && (watch->event.events & proto::epoll_flag::edge) == 0 && found(*watch) != 0) {
            queue(*watch);
        }
        watch = next;
    }
    return told;
}

template <class Put>
proto::Collected EventSet::collect_signals(std::uint32_t most, std::uint64_t pending, Put put) {
    proto::Collected told{0, 0, 0, 0, signals()};
    if ((told.signals & pending) == 0) { return told; }
    for (EventWatch* watch = first_; watch != nullptr && told.count < most; watch = watch->next) {
        std::uint32_t const events = (watch->source->signals() & pending) != 0 ? watch->event.events & input_events : 0;
        if (events != 0 && !give(*watch, events, told, put)) { break; }
    }
    return told;
}

inline bool EventSet::has_events() const {
    for (EventWatch const* watch = first_queued_; watch != nullptr; watch = watch->next_queued) {
        if (found(*watch) != 0) { return true; }
    }
    return false;
}

inline std::uint64_t EventSet::signals() const {
    std::uint64_t all = 0;
    if (dependents_ != 0) {
        each_watch([&](EventWatch const& watch) { all |= watch.source->signals(); });
    }
    return all;
}

} // namespace ipc
