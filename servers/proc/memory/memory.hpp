// Memory of Linux processes: Account is what a domain (container) may use and uses; MemorySpace is one address space with
// its mappings; FileObject is a file (or shared anonymous memory) whose pages processes map.
#pragma once
#include "../machine/kernel.hpp"
#include "../machine/machine.hpp"
#include "account.hpp"
#include "file_object.hpp"
#include "memory_space.hpp"
