// Namespaces of other servers, as proc holds them: counted, and asked for when they are needed.
#include "../process/core.hpp"

namespace proc {

namespace {
void unlink(SharedNamespace& copy) {
    (copy.previous_copy != nullptr ? copy.previous_copy->next_copy : copy.origin->copies) = copy.next_copy;
    if (copy.next_copy != nullptr) copy.next_copy->previous_copy = copy.previous_copy;
    copy.next_copy = copy.previous_copy = nullptr;
}
} // namespace

void Core::release(SharedNamespace*& name_space) {
    if (name_space != nullptr && --name_space->references == 0) {
        if (name_space->charged) name_space->owner->uncharge(kinds[name_space->kind].kind, name_space->charged_user);
        if (name_space->capability != 0) machine.drop(name_space->capability);
        if (name_space->origin != nullptr) {
            unlink(*name_space);
            release(name_space->origin);
        }
        delete name_space;
    }
    name_space = nullptr;
}

NamespaceSet* Core::first_namespaces() {
    if (first_set_ == nullptr) {
        first_set_ = new NamespaceSet;
        for (unsigned kind = 0; kind < kinds.size(); ++kind) {
            first_set_->at[kind] = new SharedNamespace{kinds[kind].first, 1, kind, first_user_space, 0};
            first_set_->at[kind]->frozen = true; // its clocks are the machine's
        }
    }
    return copy_of(*first_set_);
}

NamespaceSet* Core::copy_of(NamespaceSet const& set) {
    auto* const copy = new NamespaceSet{set};
    copy->references = 1;
    for (unsigned kind = 0, count = kinds.size(); kind < count; ++kind) {
        if (SharedNamespace* const each = copy->at[kind]) ++each->references;
    }
    if (copy->time_children != nullptr) ++copy->time_children->references;
    return copy;
}

SharedNamespace& Core::origin_for(SharedNamespace* from, unsigned kind) {
    if (from == nullptr) return *first_set_->at[kind];
    return from->origin != nullptr ? *from->origin : *from;
}

SharedNamespace& Core::make_copy(SharedNamespace& origin, UserReference const& owner, std::uint32_t user) {
    auto* const copy = new SharedNamespace{0, 1, origin.kind, owner, 0};
    copy->charged = true;
    copy->charged_user = user;
    copy->origin = &origin;
    ++origin.references;
    copy->next_copy = origin.copies;
    if (origin.copies != nullptr) origin.copies->previous_copy = copy;
    origin.copies = copy;
    return *copy;
}

ipc::Result<CapabilityPointer> Core::materialize(SharedNamespace& name_space) {
    if (name_space.capability != 0) return name_space.capability;
    auto made = owners.create_namespace(name_space.origin->capability, *name_space.owner);
    if (!made) return made;
    if (name_space.root && name_space.root.get() != name_space.origin->root.get()) {
        if (auto set = owners.set_root_group(kinds[name_space.kind].first, *made, name_space.root->number()); !set) {
            machine.drop(*made);
            return fail(set.error());
        }
    }
    name_space.capability = *made;
    if (name_space.frozen) static_cast<void>(owners.time_offsets(*made, true));
    unlink(name_space);
    release(name_space.origin);
    return made;
}

ipc::Result<ipc::Unit> Core::settle_copies(SharedNamespace& name_space) {
    while (name_space.copies != nullptr) {
        if (auto made = materialize(*name_space.copies); !made) return fail(made.error());
    }
    return ipc::Unit{};
}

void Core::materialize_all() {
    table.all.each([&](Process& process) {
        if (process.namespaces == nullptr) return;
        for (SharedNamespace* each : process.namespaces->at) {
            if (each != nullptr) static_cast<void>(materialize(*each));
        }
        if (process.namespaces->time_children != nullptr)
            static_cast<void>(materialize(*process.namespaces->time_children));
    });
}

std::uint32_t Core::inode_of(SharedNamespace& name_space) {
    if (name_space.inode == 0) {
        auto const made = materialize(name_space);
        auto const identity =
            made ? owners.identify_namespace(*made) : ipc::Result<proto::NamespaceIdentity>{fail(made.error())};
        if (identity) name_space.inode = identity->inode;
    }
    return name_space.inode;
}

} // namespace proc
