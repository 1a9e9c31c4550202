#include "seams_guest.hpp"

namespace proc {

/// To vfs and to every owner by its control capability.
ipc::Result<ipc::Unit> GuestOwners::publish_maps(UserNamespace const& space) {
    std::vector<ipc::IdExtent> extents{space.users.extents().begin(), space.users.extents().end()};
    extents.insert(extents.end(), space.groups.extents().begin(), space.groups.extents().end());
    auto const users = static_cast<std::uint32_t>(space.users.extents().size()),
               groups = static_cast<std::uint32_t>(space.groups.extents().size());
    ipc::ReadBuffer const lines{extents.data(), extents.size() * sizeof(ipc::IdExtent)};
    proto::UserNamespace const told{space.inode(), Core::number_for_owners(*space.parent()), space.owner_user(), users,
                                    groups};
    if (auto done = ipc::call<proto::VfsControl::SetUserMap>(to_.vfs_control, told, lines); !done) return done;
    if (extents.empty()) return ipc::Unit{}; // the other owners take that for its end
    for (unsigned kind = 0; kind < core->kinds.size(); ++kind) {
        static_cast<void>(ipc::call<proto::Namespace::SetUserMap>(ipc::Cap<proto::Namespace>{core->kinds[kind].first},
                                                                  space.inode(), users, groups, lines));
    }
    return ipc::Unit{};
}

void GuestOwners::forget_maps(UserNamespace const& space) {
    static_cast<void>(ipc::call<proto::VfsControl::ForgetUser>(to_.vfs_control, space.inode()));
    if (space.users.empty() && space.groups.empty()) return;
    for (unsigned kind = 0; kind < core->kinds.size(); ++kind) {
        static_cast<void>(ipc::call<proto::Namespace::SetUserMap>(ipc::Cap<proto::Namespace>{core->kinds[kind].first},
                                                                  space.inode(), 0u, 0u, ipc::ReadBuffer{}));
    }
}

} // namespace proc
