// The vDSO's image (user/linux), linked into proc's program: copied once into frames that every process maps.
#pragma once
#include "../memory/account.hpp"

namespace proc {

/// Puts the image into frames of `account`, for MemorySpace::vdso_pages. Before the first process. InputOutput: it is no vDSO.
Status load_vdso(Account& account);

} // namespace proc
