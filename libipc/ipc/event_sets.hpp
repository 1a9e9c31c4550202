// The sets that epoll instances of vfs keep at a server (proto/event_set.hpp), for a server with files of its own. It derives from
// EventSetServer<itself>, says `using EventSetServer<Itself>::on`, serves proto::EventSet beside its protocols, and has
//
//     ipc::EventSource* event_source(Word badge);   // an open file that can be waited for; null: there is none
//     Word badge_for_event_set();                       // one that is not in use
//     void badge_unused(Word badge);                    // no set came of it; only if such a badge is anything until then
//
// Its Poll, PollArm and PollDisarm ask event_set(badge) first, its on_no_senders end_event_set(badge).
#pragma once
#include "event_set.hpp"
#include "server.hpp"
#include "unused.hpp"
#include <map>
#include <memory>
#include <vector>

namespace ipc {

/// One set, and who waits for it to have events.
class HeldEventSet final : public EventSet {
public:
    using EventSet::EventSet;
    ~HeldEventSet() override {
        for (Arming const& arming : armings_) { release_slot(arming.waker.slot); }
    }
    /// Of `events`, as proto::File::Poll.
    [[nodiscard]] std::uint32_t poll(std::uint32_t events) const { return has_events() ? events & 0x41 : 0; }
    /// As proto::File::PollArm. NoMemory: too many wait already.
    Result<std::uint32_t> arm(std::uint32_t events, std::uint32_t token, Cap<Notification> waker) {
        std::uint32_t const now = poll(events);
        disarm(token);
        if (now != 0 || armings_.size() >= waker_maximum) {
            release_slot(waker.slot);
            if (now == 0) { return fail(Error::NoMemory); }
            return now;
        }
        armings_.push_back({token, waker});
        return 0;
    }
    void disarm(std::uint32_t token) {
        std::erase_if(armings_, [&](Arming const& arming) {
            if (arming.token != token) { return false; }
            release_slot(arming.waker.slot);
            return true;
        });
    }

private:
    static constexpr std::size_t waker_maximum = 64; ///< each takes a slot
    struct Arming {
        std::uint32_t token;
        Cap<Notification> waker;
    };
    void became_ready() override {
        if (armings_.empty() || !has_events()) { return; }
        for (Arming const& arming : armings_) {
            signal(arming.waker);
            release_slot(arming.waker.slot);
        }
        armings_.clear();
    }
    std::vector<Arming> armings_;
};

template <class Self>
class EventSetServer {
    using E = proto::EventSet;

public:
    Result<Cap<E>> on(proto::File::NewEventSet, Sender& sender) {
        if (self().event_source(sender.badge) == nullptr) { return fail(Error::NotPermitted); }
        if (sets_.size() >= set_maximum) { return fail(Error::NoSpace); }
        Word const badge = self().badge_for_event_set();
        auto const capability = mint_session<E>(badge);
        if (capability) {
            sets_[badge] = std::make_unique<HeldEventSet>(watches_);
        } else if constexpr (requires { self().badge_unused(badge); }) {
            self().badge_unused(badge);
        }
        return capability;
    }
    Result<Unit> on(E::Control, Sender& sender, std::uint32_t operation, std::uint32_t descriptor,
                    OptionalCap<proto::File> target, proto::EpollEvent const& event) {
        HeldEventSet* const set = event_set(sender.badge);
        EventSource* const source = target.unwrapped ? self().event_source(target.badge) : nullptr;
        bool const elsewhere = !target.unwrapped;
        release_unused(target);
        if (set == nullptr || source == nullptr) {
            return fail(set == nullptr ? Error::Invalid : elsewhere ? Error::CrossDevice : Error::NotPermitted);
        }
        if (Error const error = set->change(operation, descriptor, *source, event); error != Error::None) {
            return fail(error);
        }
        return Unit{};
    }
    Result<E::Collect::Reply> on(E::Collect, Sender& sender, std::uint32_t token, std::uint64_t,
                                 OptionalCap<Notification> waker, WriteBuffer) {
        constexpr auto size = static_cast<std::uint32_t>(sizeof(proto::EpollEvent));
        HeldEventSet* const set = event_set(sender.badge);
        if (set == nullptr) {
            release_unused(waker);
            return fail(Error::Invalid);
        }
        set->disarm(token);
        auto const told =
            set->collect(sender.write_length / size, [&](std::uint32_t index, proto::EpollEvent const& event) {
                auto const done = sender.copy_out(index * size, std::as_bytes(std::span{&event, 1}));
                return proto::Transfer{static_cast<std::uint32_t>(done.count), done.caller_fault};
            });
        if (told.count == 0 && told.fault == 0 && waker.slot != 0) {
            if (auto const armed = set->arm(0x41, token, Cap<Notification>{waker.slot}); !armed) {
                return fail(armed.error());
            }
        } else {
            release_unused(waker);
        }
        return std::tuple{told, OptionalCap<E>{}};
    }

protected:
    ~EventSetServer() = default;
    [[nodiscard]] HeldEventSet* event_set(Word badge) {
        auto const found = sets_.find(badge);
        return found == sets_.end() ? nullptr : found->second.get();
    }
    /// False: it was no set.
    bool end_event_set(Word badge) { return sets_.erase(badge) != 0; }

private:
    static constexpr std::size_t set_maximum = 512;
    Self& self() { return static_cast<Self&>(*this); }
    EventBudget watches_{4096};
    std::map<Word, std::unique_ptr<HeldEventSet>> sets_;
};

} // namespace ipc
