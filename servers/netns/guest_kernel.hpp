// What the files that build stacks out of kernel objects (guest_*.cpp) call by short names.
#pragma once
#include "guest_stacks.hpp"

namespace netns {

using abi::Address;
using abi::CapabilityPointer;
using abi::ObjectType;
using abi::Word;
using ipc::own_address_space;
using ipc::own_cnode;
namespace stack = proto::stack;

inline constexpr Word data_rights = abi::right::read | abi::right::write;

} // namespace netns
