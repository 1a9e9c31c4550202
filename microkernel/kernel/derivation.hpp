// The derivation list: which capability was made from which. No function here runs object code or can fail.
#pragma once
#include "slot.hpp"

namespace kernel {

/// Physical address of the first byte of the memory the capability stands for; false if it stands for none.
bool physical_region(Capability const& capability, Address& start, Word& bytes);
bool same_object(Capability const& first, Capability const& second);
/// `second`, anywhere behind `first` in the list with only descendants of `first` between, is a descendant of it.
bool is_parent(Slot const& first, Slot const& second);
bool has_children(Slot const& slot);
/// No other capability names the same object.
bool is_final(Slot const& slot);

/// Puts `capability` into the empty slot `destination`, directly behind `source`, as its child or sibling by the rules of
/// its type. Untyped: the source is used up from now on.
void insert_derived(Slot& destination, Capability const& capability, Slot& source);
/// Puts an original capability of a new object into `destination`. `parent` null: the boot-time capabilities.
void insert_original(Slot& destination, Capability const& capability, Slot* parent);
/// Puts a mapping of the frame of `source` (a Frame capability or another mapping) into a shadow slot.
void insert_mapping(Slot& destination, Capability const& capability, Slot& source);
/// Moves the capability to the empty slot `destination`, which then holds `capability` (the same object).
void move_capability(Slot& destination, Capability const& capability, Slot& source);
/// Takes the capability out of the list and empties the slot. May end a watched capability (endpoint.hpp).
void empty_slot(Slot& slot);
/// Takes the capability to directly behind `anchor` in the list; the slot stays.
void move_behind(Slot& slot, Slot& anchor);

/// The capability in a slot of the thread was set or taken away: brings what the Thread repeats of it up to date.
void update_cspace(Thread& thread);
void update_space(Thread& thread);

/// empty_slot for the mapping of a frame: nothing else can depend on it.
inline void empty_mapping(Slot& slot) {
    Slot* const previous = slot.previous();
    Slot* const next = slot.next();
    if (previous != nullptr) previous->set_next(next);
    if (next != nullptr) next->set_previous(previous);
    slot.capability = {};
    slot.previous_word = slot.next_word = 0;
}

} // namespace kernel
