#!/usr/bin/env bash
# Runs the test suite of one build and ends with the line "N passed, N failed".
#   scripts/test.sh PRESET [ctest options]     e.g. scripts/test.sh release -R nn
set -uo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
build=build/$preset
log=$build/test-output.log

launcher=()
# ThreadSanitizer of g++ 12 cannot place its shadow memory on kernels that randomise addresses widely
if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then launcher=(setarch "$(uname -m)" -R); fi

"${launcher[@]}" ctest --preset "$preset" --parallel "${TEST_JOBS:-2}" --output-on-failure --no-tests=error "$@" </dev/null 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# ctest counts a test whose program is missing as failed, and one that was skipped as passed
summary=$(grep -E '^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+' "$log" | tail -n 1)
read -r failed total <<<"$(sed -E 's/.*passed, ([0-9]+) tests? failed out of ([0-9]+).*/\1 \2/' <<<"${summary:-0% tests passed, 0 tests failed out of 0}")"
skipped=$(grep -cE '^[[:space:]]+[0-9]+ - .* \((Skipped|Disabled)\)$' "$log")
# nothing ran, or ctest itself stopped: that is a failure, whatever the counts say
if ((status != 0 && failed == 0)); then failed=1 total=$((total + 1)); fi
((skipped == 0)) || echo "$skipped skipped"
echo "$((total - failed - skipped)) passed, $failed failed"
exit "$status"
