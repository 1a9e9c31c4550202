// Descriptors on their way in a message (SCM_RIGHTS): open files of this server, counted, and capabilities of others'.
#pragma once
#include "port.hpp"
#include "proto/local_socket.hpp"
#include "quota.hpp"
#include <vector>

namespace vfs {

class OpenFile;

/// Closes an open file that was kept only because it was on its way.
class FileKeeper {
public:
    virtual void let_go(OpenFile& file) = 0;

protected:
    ~FileKeeper() = default;
};

class Parcel : public Counted {
public:
    static constexpr std::uint32_t capacity = proto::Parcel::capacity;
    /// Files that one domain may have on their way (all without a domain together).
    static constexpr std::uint32_t domain_maximum = 1024;

    Parcel(Port& port, FileKeeper& keeper, Ref<QuotaDomain> domain)
        : port_{port}, keeper_{keeper}, domain_{std::move(domain)} {}
    Parcel(Parcel const&) = delete;
    Parcel& operator=(Parcel const&) = delete;
    ~Parcel() { clear(); }
    void unreferenced() { delete this; }

    /// Either a file of ours or another server's capability, which it takes over if it succeeds. Errors: Invalid, TooManyReferences.
    Error add(OpenFile* own, Slot foreign);
    /// Puts all of them down: what nobody else holds is closed.
    void clear();
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(items_.size()); }
    [[nodiscard]] OpenFile* own(std::uint32_t index) const { return items_[index].own; }
    [[nodiscard]] Slot foreign(std::uint32_t index) const { return items_[index].foreign; }

    bool sent = false;   ///< in a message: nothing is added any more
    bool marked = false; ///< seen by the collection of unreachable sockets

private:
    struct Item {
        OpenFile* own;
        Slot foreign;
    };
    std::uint32_t& count() { return domain_ ? domain_->parcel_items : outside_; }
    Port& port_;
    FileKeeper& keeper_;
    Ref<QuotaDomain> domain_;
    std::vector<Item> items_;
    static inline std::uint32_t outside_ = 0;
};

} // namespace vfs
