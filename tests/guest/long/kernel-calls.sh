#!/usr/bin/env bash
# A hundred million random invocations (CALLS, in BOOTS boots that each begin with another number) by two threads that hold some of
# every kind of object: the kernel lives, its invariants hold, all memory comes back, and nothing can be reached that was not given.
# Without any server.
set -eu
ninja -C "$BUILD" microkernel/kernel.elf tests/guest/kernel/kernel-test-root > /dev/null
calls=${CALLS:-100000000} boots=${BOOTS:-4}
for boot in $(seq "$boots"); do
    TIMEOUT=${TIMEOUT:-800} "$TOP/tests/guest/kernel/run" "$BUILD/microkernel/kernel.elf" "$BUILD/tests/guest/kernel/kernel-test-root" \
        -append "calls=$((calls / boots)) seed=$boot"
done
