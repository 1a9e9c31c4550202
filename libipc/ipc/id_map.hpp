// The map of a user namespace's user or group ids (user_namespaces(7)): from the ids that programs in it say and see to the
// *global* ids in which every server keeps and compares owners (Linux's kuid and kgid), and back. Plain logic: knows no kernel.
#pragma once
#include "error.hpp"
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ipc {

/// One line of uid_map or gid_map: ids inside..inside+count-1 of the namespace are the global ids global..global+count-1.
/// Travels as it is (VfsControl::SetUserMap, Namespace::SetUserMap).
struct IdExtent {
    std::uint32_t inside, global, count;
};

class IdMap {
public:
    static constexpr std::size_t maximum_extents = 340;
    static constexpr std::uint32_t overflow_id = 65534; ///< what an id that is not mapped looks like
    static constexpr std::uint32_t no_id = 0xffffffff;  ///< "leave it alone" in calls: never an id, never mapped

    /// Nothing is mapped: a user namespace whose map has not been written yet.
    IdMap() = default;
    /// Every id is itself: the first user namespace.
    static IdMap identity() {
        IdMap map;
        map.extents_.push_back({0, 0, no_id});
        return map;
    }
    /// Invalid: no extents or too many, an empty one, one that runs past the last id, two that overlap on either side.
    static Result<IdMap> of(std::span<IdExtent const> extents) {
        if (extents.empty() || extents.size() > maximum_extents) { return fail(Error::Invalid); }
        for (std::size_t i = 0; i < extents.size(); ++i) {
            auto const& one = extents[i];
            if (one.count == 0 || one.inside > no_id - one.count || one.global > no_id - one.count) {
                return fail(Error::Invalid);
            }
            for (std::size_t k = 0; k < i; ++k) {
                if (overlap(one.inside, one.count, extents[k].inside, extents[k].count) ||
                    overlap(one.global, one.count, extents[k].global, extents[k].count)) {
                    return fail(Error::Invalid);
                }
            }
        }
        IdMap map;
        map.extents_.assign(extents.begin(), extents.end());
        return map;
    }

    /// Invalid: `inside` is not mapped (or is no_id).
    [[nodiscard]] Result<std::uint32_t> to_global(std::uint32_t inside) const {
        for (auto const& extent : extents_) {
            if (inside - extent.inside < extent.count) { return extent.global + (inside - extent.inside); }
        }
        return fail(Error::Invalid);
    }
    [[nodiscard]] std::optional<std::uint32_t> find_global(std::uint32_t global) const {
        for (auto const& extent : extents_) {
            if (global - extent.global < extent.count) { return extent.inside + (global - extent.global); }
        }
        return {};
    }
    /// overflow_id if it is not mapped.
    [[nodiscard]] std::uint32_t from_global(std::uint32_t global) const {
        return find_global(global).value_or(overflow_id);
    }
    [[nodiscard]] bool maps_global(std::uint32_t global) const { return find_global(global).has_value(); }
    /// The whole range inside..inside+count-1 lies in one extent: its global ids begin at the result. For composing the map of a
    /// child namespace, whose lines are written in its parent's ids; Linux refuses a range that spans extents.
    [[nodiscard]] std::optional<std::uint32_t> range_to_global(std::uint32_t inside, std::uint32_t count) const {
        for (auto const& extent : extents_) {
            auto const offset = inside - extent.inside;
            if (offset < extent.count && count <= extent.count - offset) { return extent.global + offset; }
        }
        return {};
    }
    [[nodiscard]] bool empty() const { return extents_.empty(); }
    [[nodiscard]] std::span<IdExtent const> extents() const { return extents_; }

private:
    static bool overlap(std::uint32_t first, std::uint32_t first_count, std::uint32_t second,
                        std::uint32_t second_count) {
        return first - second < second_count || second - first < first_count;
    }
    std::vector<IdExtent> extents_;
};

} // namespace ipc
