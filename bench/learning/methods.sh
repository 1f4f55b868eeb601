#!/usr/bin/env bash
# What every method learns on small mazes: recipes x seeds, then a table of success (docs/results.md holds one).
#   bench/learning/methods.sh [--check] [RECIPE...]   FOLDER/NAME below recipes/; default: all of both folders
#     --check           fails when a method stays below its threshold (bench/learning/thresholds.json)
#   SEEDS=3 OUT=runs/methods JOBS=N                   runs at once, one thread each (default: all CPUs)
#   WARMSTART_BINARY=FILE                             default: build/release/warmstart
# Finished runs are not repeated, interrupted ones continued. Runs that pre-train alike share one start (see same_start).
set -euo pipefail
cd "$(dirname "$0")/../.."
export WARMSTART_BINARY=${WARMSTART_BINARY:-build/release/warmstart} OUT=${OUT:-runs/methods}
check=()
[[ ${1:-} != --check ]] || { check=(--check bench/learning/thresholds.json) && shift; }
recipes=("$@")
if ((${#recipes[@]} == 0)); then
  for file in recipes/pointmaze-{medium,dense}/*.toml; do
    name=${file#recipes/}
    [[ $name == */base.toml ]] || recipes+=("${name%.toml}")
  done
fi

# same_start RECIPE: the recipe whose pre-training is bit for bit this one's
same_start() {
  case $1 in
    pointmaze-medium/calql | pointmaze-medium/jsrl | pointmaze-medium/no-warmup | pointmaze-medium/wsrl-policy) echo pointmaze-medium/wsrl ;;
    *) echo "$1" ;;
  esac
}
one_run() {
  local name=$1 seed=$2 start folder=$OUT/$1/seed$2
  start=$(same_start "$name")
  printf '== %s, seed %s\n' "$name" "$seed" >&2
  if [[ $start == "$name" ]]; then
    "$WARMSTART_BINARY" train "recipes/$name.toml" --seed "$seed" --out "$folder" --resume --threads 1 --quiet >/dev/null
  else
    "$WARMSTART_BINARY" finetune "recipes/$name.toml" --from "$OUT/$start/seed$seed/pretrained.safetensors" --seed "$seed" --out "$folder" \
      --resume --threads 1 --quiet >/dev/null
  fi
}
export -f same_start one_run

# those that others start from come first
waves=("" "")
for ((seed = 0; seed < ${SEEDS:-3}; ++seed)); do
  for name in "${recipes[@]}"; do
    start=$(same_start "$name")
    if [[ $start == "$name" ]]; then waves[0]+="$name $seed"$'\n'; else waves[0]+="$start $seed"$'\n' waves[1]+="$name $seed"$'\n'; fi
  done
done
for wave in "${waves[@]}"; do
  printf '%s' "$wave" | awk '!seen[$0]++' | xargs -r -P "${JOBS:-$(nproc)}" -L 1 bash -c 'one_run "$0" "$1"'
done
python3 bench/learning/success.py --summary "${check[@]}" "${recipes[@]/#/$OUT/}"
