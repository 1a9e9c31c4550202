// The kernel's in-guest test: `ok NAME` for each topic, then the figures, then QEMU ends with 0 or 1 through DebugExit.
#include "kernel_test.hpp"

extern "C" void main() {
    using namespace test;
    run_topic("objects", test_objects);
    run_topic("memory", test_memory);
    run_topic("messages", test_messages);
    run_topic("fast-paths", test_fast_paths);
    run_topic("faults", test_faults);
    run_topic("scheduling", test_scheduling);
    run_topic("machine", test_machine);
    run_topic("interrupts", test_interrupts);
    run_topic("scheduling-tree", test_scheduling_tree);
    run_topic("hostile", test_hostile);
    run_topic("random-calls", test_random_calls);
    run_topic("figures", measure);
    finish(0);
}
