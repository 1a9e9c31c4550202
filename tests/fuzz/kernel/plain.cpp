// What the fuzz target only uses to look on, in one file and without sanitizers: most of its time would be spent there.
#include "../../../microkernel/arch/host/host.cpp"
#include "../../../microkernel/kernel/invariants.cpp"
#include "../../../microkernel/kernel/invariants_objects.cpp"
