// CSpaces and the derivation tree of the loopback.
#include "world.hpp"

namespace ipc::host {

HostCNode::~HostCNode() {
    if (world_exists()) {
        for (auto const& [slot, capability] : slots) { world().dropped(capability); }
    }
}

Capability* World::find(HostCNode& cnode, Word slot) {
    auto const found = cnode.slots.find(slot);
    return slot != 0 && found != cnode.slots.end() ? &found->second : nullptr;
}

Capability& World::insert(HostCNode& cnode, Word slot, Capability capability, NodeId parent) {
    capability.node = next_node_++;
    nodes_[capability.node] = {parent, &cnode, slot, nullptr, 0};
    if (capability.watch != nullptr && !capability.is_watched) { ++capability.watch->descendants; }
    return cnode.slots[slot] = std::move(capability);
}

abi::Error World::derive(HostCNode& cnode, Word slot, Capability const& source, Word rights) {
    if (slot == 0 || slot >= cnode.size) { return abi::Error::FailedLookup; }
    if (cnode.slots.contains(slot)) { return abi::Error::DeleteFirst; }
    if (source.is_watched && source.watch->dead) { return abi::Error::IllegalOperation; }
    if (source.object->kind == Kind::Untyped && has_children(source.node)) { return abi::Error::RevokeFirst; }
    Capability copy = source;
    copy.rights &= rights;
    copy.is_watched = false;
    insert(cnode, slot, std::move(copy), source.node);
    return abi::Error::None;
}

bool World::has_children(NodeId node) const {
    for (auto const& [id, each] : nodes_) {
        if (each.parent == node) { return true; }
    }
    return false;
}

void World::remove_node(NodeId node) {
    auto const found = nodes_.find(node);
    if (found == nodes_.end()) { return; }
    NodeId const parent = found->second.parent;
    nodes_.erase(found);
    for (auto& [id, each] : nodes_) {
        if (each.parent == node) { each.parent = parent; }
    }
}

void World::dropped(Capability const& capability) {
    remove_node(capability.node);
    if (capability.watch == nullptr) { return; }
    Watch& watch = *capability.watch;
    auto const endpoint = watch.endpoint.lock();
    if (capability.is_watched) {
        watch.forgotten = true;
        if (endpoint != nullptr) { std::erase(endpoint->dead, capability.node); }
    } else if (--watch.descendants == 0 && !watch.forgotten && endpoint != nullptr && endpoint->no_senders != nullptr) {
        watch.dead = true;
        for (auto const& [slot, each] : own_->slots) {
            if (each.is_watched && each.watch == capability.watch) { endpoint->dead.push_back(each.node); }
        }
        endpoint->no_senders->word |= endpoint->no_senders_badge;
    }
}

void World::remove(HostCNode& cnode, Word slot) {
    auto const found = cnode.slots.find(slot);
    if (found == cnode.slots.end()) { return; }
    Capability const gone = std::move(found->second);
    cnode.slots.erase(found);
    dropped(gone);
    if (gone.object->kind == Kind::PageTable || gone.object.use_count() != 1) { return; }
    if (gone.object->kind == Kind::Reply) { // unanswered: its caller is told
        auto& reply = static_cast<HostReply&>(*gone.object);
        if (reply.caller != nullptr) {
            reply.caller->answered = true;
            reply.caller->info = abi::MessageInfo{static_cast<Word>(Error::ServerDied), 0};
        }
    }
}

void World::move(HostCNode& to, Word to_slot, HostCNode& from, Word from_slot) {
    auto const found = from.slots.find(from_slot);
    Capability capability = std::move(found->second);
    from.slots.erase(found);
    nodes_[capability.node].cnode = &to;
    nodes_[capability.node].slot = to_slot;
    to.slots[to_slot] = std::move(capability);
}

void World::revoke(NodeId ancestor) {
    for (bool again = true; again;) {
        again = false;
        for (auto const& [id, node] : nodes_) {
            if (node.parent == ancestor) {
                Node const child = node;
                if (child.space != nullptr) {
                    remove_mapping(*child.space, child.page);
                } else {
                    remove(*child.cnode, child.slot); // its children become the ancestor's: the loop finds them
                }
                again = true;
                break;
            }
        }
    }
}

void World::remove_mapping(HostAddressSpace& space, Word page) {
    auto const found = space.pages.find(page);
    if (found == space.pages.end()) { return; }
    NodeId const node = found->second.node;
    if (space.is_own) { unmap_here(page << abi::page_bits); }
    space.pages.erase(found);
    remove_node(node);
}

} // namespace ipc::host
