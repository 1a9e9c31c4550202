// An epoll instance (epoll(7)): a set of watches on this server's files, and the sets that other servers keep for it.
// signalfd(2): a file that is a mask.
#pragma once
#include "ipc/event_set.hpp"
#include "quota.hpp"
#include "special_file.hpp"
#include <vector>

namespace vfs {

class Epoll final : public SpecialFile, public ipc::EventSet {
public:
    /// How many instances deep a watch may lie (EP_MAX_NESTS).
    static constexpr std::uint32_t depth_maximum = 4;

    Epoll(Port& port, Ref<QuotaDomain> domain);
    ~Epoll() override { closed(); }
    Result<Transfer> read(Caller&, bool) override { return fail(Error::Invalid); }
    Result<Transfer> write(Caller&, bool) override { return fail(Error::Invalid); }
    [[nodiscard]] std::uint32_t poll() const override;
    [[nodiscard]] proto::FileKind protocol_kind() const override { return proto::FileKind::Epoll; }
    void closed() override;

    /// Errors as proto::EventSet::Control.
    Error change_watch(std::uint32_t operation, std::uint32_t descriptor, OpenFile& target,
                       proto::EpollEvent const& event);
    /// Events that there are, as many as the caller's buffer takes.
    proto::Collected collect(Caller& caller, std::uint64_t pending);
    /// Takes over the slot. NoSpace.
    Error add_part(Slot set);
    /// Slot 0: no such part. What the slot holds stays the instance's.
    [[nodiscard]] std::pair<Slot, proto::EpollPart> part(std::uint32_t index) const;
    [[nodiscard]] std::uint32_t part_count() const;
    /// Of an open file; null: it is no instance.
    [[nodiscard]] static Epoll* of(OpenFile const* file);

private:
    void became_ready() override;
    /// Longest way down through watched instances, and up through those that watch this one. Above depth_maximum: too long.
    [[nodiscard]] std::uint32_t depth_below(Epoll const* sought, std::uint32_t level) const;
    [[nodiscard]] std::uint32_t depth_above(std::uint32_t level) const;
    template <class Visit>
    void each_inner(Visit visit) const;

    Port& port_;
    Ref<QuotaDomain> domain_;
    std::vector<Slot> parts_;
};

class SignalFile final : public SpecialFile {
public:
    explicit SignalFile(std::uint64_t signals) : mask{signals} {}
    /// Whose signals: only the reader's vDSO knows.
    Result<Transfer> read(Caller&, bool) override { return fail(Error::Elsewhere); }
    Result<Transfer> write(Caller&, bool) override { return fail(Error::Invalid); }
    [[nodiscard]] std::uint32_t poll() const override { return 0; }
    [[nodiscard]] std::uint64_t signals() const override { return mask; }
    [[nodiscard]] proto::FileKind protocol_kind() const override { return proto::FileKind::SignalQueue; }
    void closed() override {}
    std::uint64_t mask;
};

} // namespace vfs
