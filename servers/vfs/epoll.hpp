// An epoll instance (epoll(7)): watches on open files of this server, and a list of others' files.
#pragma once
#include "special_file.hpp"
#include "proto/event_file.hpp"
#include <memory>
#include <vector>

namespace vfs {

class Epoll;

/// One file in one epoll instance.
struct Watch {
    Epoll* owner;
    OpenFile* file;
    std::uint32_t descriptor;
    proto::EpollEvent event;
    bool ready = false; ///< in the owner's list

    /// These events of the file have come about.
    void happened(std::uint32_t events);
};

class Epoll final : public SpecialFile {
public:
    /// Watches of one instance; how deep instances may watch each other.
    static constexpr std::uint32_t watch_maximum = 4096, depth_maximum = 5;
    static constexpr std::uint32_t edge = 1u << 31, one_shot = 1u << 30;

    explicit Epoll(Port& port) : port_{port} {}
    ~Epoll() override { closed(); }
    Result<Transfer> read(Caller&, bool) override { return fail(Error::Invalid); }
    Result<Transfer> write(Caller&, bool) override { return fail(Error::Invalid); }
    [[nodiscard]] std::uint32_t poll() const override;
    [[nodiscard]] proto::FileKind protocol_kind() const override { return proto::FileKind::Epoll; }
    void closed() override;

    /// `target` null: another server's file. Errors as proto::Epoll::Control.
    Error control(std::uint32_t operation, std::uint32_t descriptor, OpenFile* target, proto::EpollEvent const& event);
    /// Events that there are, as many as the caller's buffer takes.
    Result<proto::Epoll::Ready> collect(Caller& caller);
    [[nodiscard]] std::vector<proto::ForeignWatch> const& foreign() const { return foreign_; }
    /// The file goes.
    void forget(Watch* watch);

private:
    friend struct Watch;
    [[nodiscard]] std::uint32_t found(Watch const& watch) const;
    void make_ready(Watch& watch);
    /// Instances below this one, itself included; above `depth_maximum` or through `sought`: too deep.
    [[nodiscard]] std::uint32_t depth(Epoll const* sought, std::uint32_t level) const;
    Error control_foreign(std::uint32_t operation, std::uint32_t descriptor, proto::EpollEvent const& event);

    Port& port_;
    std::vector<std::unique_ptr<Watch>> watches_;
    std::vector<Watch*> ready_;             ///< oldest first
    std::vector<proto::ForeignWatch> foreign_;
};

} // namespace vfs
