#!/usr/bin/env bash
# The demo: WSRL, and beside it the same start fine-tuned without warm-up and without data. Ends with a table and a report.
#   SEEDS=3 make demo   runs seeds 0, 1, 2 (about four minutes each on two cores); the default is seed 0 alone
set -euo pipefail
cd "$(dirname "$0")/.."
warmstart=build/release/warmstart
recipes=recipes/pointmaze-medium
out=runs/demo
seeds=${SEEDS:-1}

say() { printf '\n== %s\n' "$*"; }

rm -rf $out
for ((seed = 0; seed < seeds; ++seed)); do
  say "seed $seed, phase 1: offline pre-training with Cal-QL (the dataset is collected first when it is missing)"
  "$warmstart" pretrain $recipes/wsrl.toml --seed $seed --out $out/wsrl/seed$seed >/dev/null

  say "seed $seed, side by side from that start: WSRL (warm-up, then fine-tuning) and fine-tuning without warm-up"
  # one thread each; piped, so that the two progress displays are plain lines
  "$warmstart" train $recipes/wsrl.toml --seed $seed --out $out/wsrl/seed$seed --resume --threads 1 2>&1 >/dev/null | cat >&2 &
  first=$!
  "$warmstart" finetune $recipes/no-warmup.toml --seed $seed --from $out/wsrl/seed$seed/pretrained.safetensors \
    --out $out/no-warmup/seed$seed --threads 1 2>&1 >/dev/null | cat >&2 &
  wait $first
  wait $!
done

say "what happened"
"$warmstart" report $out/wsrl $out/no-warmup --film --out $out/report.html
