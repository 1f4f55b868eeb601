#!/usr/bin/env bash
# Does bf16 change what is learned? The demo's WSRL (pre-training, warm-up, fine-tuning) per seed in fp32 and in emulated bf16, then a
# table of success at each evaluation.
#   bench/learning/precision.sh [--section.key VALUE...]     keys of the recipe, for both; finished runs are not repeated
#   SEEDS=5 OUT=runs/precision THREADS=N (default: all CPUs) RECIPE=recipes/pointmaze-medium/wsrl.toml
#   WARMSTART_BINARY=FILE                                     default: build/release/warmstart
set -euo pipefail
cd "$(dirname "$0")/../.."
warmstart=${WARMSTART_BINARY:-build/release/warmstart}
recipe=${RECIPE:-recipes/pointmaze-medium/wsrl.toml}
out=${OUT:-runs/precision}
seeds=${SEEDS:-5}
threads=(${THREADS:+--threads "$THREADS"})

for ((seed = 0; seed < seeds; ++seed)); do
  for precision in fp32 bf16; do
    printf '== seed %s, %s\n' "$seed" "$precision" >&2
    WARMSTART_BF16=emulate "$warmstart" train "$recipe" --seed "$seed" --precision "$precision" --out "$out/$precision/seed$seed" \
      --resume --quiet "${threads[@]}" "$@" >/dev/null
  done
done
python3 bench/learning/success.py "$out/fp32" "$out/bf16"
