#!/usr/bin/env bash
# What every method learns on the small maze: recipes x seeds, then a table of success (docs/results.md holds one).
#   bench/learning/methods.sh [RECIPE...]     names below recipes/pointmaze-medium; default: all. Finished runs are not repeated
#   SEEDS=3 OUT=runs/methods THREADS=N        (default: all CPUs)
#   WARMSTART_BINARY=FILE                     default: build/release/warmstart
set -euo pipefail
cd "$(dirname "$0")/../.."
warmstart=${WARMSTART_BINARY:-build/release/warmstart}
out=${OUT:-runs/methods}
threads=(${THREADS:+--threads "$THREADS"})
recipes=("$@")
if ((${#recipes[@]} == 0)); then
  for file in recipes/pointmaze-medium/*.toml; do
    name=$(basename "$file" .toml)
    [[ $name == base ]] || recipes+=("$name")
  done
fi

for ((seed = 0; seed < ${SEEDS:-3}; ++seed)); do
  for name in "${recipes[@]}"; do
    printf '== %s, seed %s\n' "$name" "$seed" >&2
    "$warmstart" train "recipes/pointmaze-medium/$name.toml" --seed "$seed" --out "$out/$name/seed$seed" --resume --quiet "${threads[@]}" >/dev/null
  done
done
python3 bench/learning/success.py --summary "${recipes[@]/#/$out/}"
