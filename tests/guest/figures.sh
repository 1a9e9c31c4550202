#!/usr/bin/env bash
# What operations cost in guest instructions stays below the targets of tests/bench/linux.json.
exec "$TOP/tests/bench/run" --no-build --check
