#!/usr/bin/env bash
# Runs the test suite of one build and ends with the line "N passed, N failed".
#   scripts/test.sh PRESET [ctest options]     e.g. scripts/test.sh release -R nn
set -uo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
build=build/$preset
results=$build/test-results.xml
rm -f "$results"

launcher=()
# ThreadSanitizer of g++ 12 cannot place its shadow memory on kernels that randomise addresses widely
if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then launcher=(setarch "$(uname -m)" -R); fi

"${launcher[@]}" ctest --preset "$preset" --parallel "${TEST_JOBS:-2}" --output-on-failure --no-tests=error \
  --output-junit "$PWD/$results" "$@" </dev/null
status=$?

count() { grep -m1 -o "[[:space:]]$1=\"[0-9]*\"" "$results" 2>/dev/null | tr -dc 0-9; }
total=$(count tests) failed=$(count failures) skipped=$(count skipped) disabled=$(count disabled)
total=${total:-0} failed=${failed:-0} skipped=$((${skipped:-0} + ${disabled:-0}))
# nothing ran, or ctest itself stopped: that is a failure, whatever the counts say
if ((status != 0 && failed == 0)); then failed=1 total=$((total + 1)); fi
((skipped == 0)) || echo "$skipped not run"
echo "$((total - failed - skipped)) passed, $failed failed"
exit "$status"
