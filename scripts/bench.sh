#!/usr/bin/env bash
# Measures this machine and writes docs/performance.md. Leave the machine alone meanwhile.
#   scripts/bench.sh [PART...]      parts: steps train act env start memory scale peers (default: all; peers only when told which)
#   REFERENCE="CHECKOUT PYTHON"     the JAX implementation, and a Python that has its requirements
#   TORCH=PYTHON                    a Python that has PyTorch
#   ROUNDS=N                        rounds of every part, for a quick look
#   OUT=FOLDER PAGE=FILE            default: bench/results docs/performance.md
#   WARMSTART_BINARY=FILE           default: build/release/warmstart
set -euo pipefail
cd "$(dirname "$0")/.."
export WARMSTART_BINARY=${WARMSTART_BINARY:-build/release/warmstart}
out=${OUT:-bench/results}
page=${PAGE:-docs/performance.md}
rounds=(${ROUNDS:+--rounds "$ROUNDS"})
mkdir -p "$out"

say() { printf '== %s\n' "$*" >&2; }
# measure NAME ARGUMENTS...: one part's JSON; an interrupted one leaves the earlier file
measure() {
  "$WARMSTART_BINARY" bench "${@:2}" --json >"$out/$1.part"
  mv "$out/$1.part" "$out/$1.json"
}
# measure_each NAME OPTION VALUE...: several runs of one part as a list
measure_each() {
  local name=$1 option=$2 value all=()
  for value in "${@:3}"; do
    say "$name $value"
    all+=("$("$WARMSTART_BINARY" bench "$name" "$option" "$value" "${rounds[@]}" --json)")
  done
  (IFS=, && printf '[%s]\n' "${all[*]}") >"$out/$name.json"
}

bench_steps() { measure steps "${rounds[@]}"; }
bench_train() {
  python3 bench/train_rate.py "$WARMSTART_BINARY" ${ROUNDS:+"$ROUNDS"} >"$out/train.part"
  mv "$out/train.part" "$out/train.json"
}
bench_act() { measure act act; }
bench_env() {
  measure_each env --env HalfCheetah-v4 Hopper-v4 Walker2d-v4 Ant-v4 AntMaze_Medium-v5 AdroitHandPen-v1 FrankaKitchen-v1 FrankaPegInsertion-v0 PointMaze_Medium-v3
}
bench_start() { measure_each start --case wsrl-antmaze wsrl-adroit wsrl-kitchen wsrl-locomotion calql-antmaze calql-adroit cql-kitchen cql-locomotion; }
bench_memory() { measure memory memory; }
bench_scale() { measure scale scale; }
bench_peers() {
  local contestants=()
  # shellcheck disable=SC2206 # two words
  [[ -z ${REFERENCE:-} ]] || contestants+=(--reference $REFERENCE)
  [[ -z ${TORCH:-} ]] || contestants+=(--torch "$TORCH")
  if ((${#contestants[@]} == 0)); then
    say "no peers: set REFERENCE or TORCH to have them measured"
    return
  fi
  python3 bench/peers/run.py "${rounds[@]}" "${contestants[@]}" --json "$out/peers.json" >&2
}

parts=("$@")
((${#parts[@]})) || parts=(steps train act env start memory scale peers)
for part in "${parts[@]}"; do
  case $part in
    steps | train | act | env | start | memory | scale | peers) ;;
    *) printf 'error: no part %s (command line): parts are steps train act env start memory scale peers\n' "$part" >&2; exit 2 ;;
  esac
done
"$WARMSTART_BINARY" bench list --json >"$out/list.json"
{ "$WARMSTART_BINARY" doctor --json || true; } 2>/dev/null | python3 bench/performance.py --describe "$out/machine.json"
for part in "${parts[@]}"; do
  say "$part"
  "bench_$part"
done
python3 bench/performance.py "$out" "$page"
