#!/usr/bin/env bash
# The demo: WSRL against fine-tuning without warm-up, from the same pre-trained agent, on a maze. Ends with a report.
set -euo pipefail
cd "$(dirname "$0")/.."
warmstart=build/release/warmstart
seeds=${SEEDS:-3}
recipes=recipes/pointmaze-medium
runs=runs/demo

# collects the dataset first when it is missing
"$warmstart" train $recipes/demo-wsrl.toml --seeds "$seeds" --out $runs/wsrl
"$warmstart" finetune $recipes/demo-no-warmup.toml --from $runs/wsrl --seeds "$seeds" --out $runs/no-warmup
"$warmstart" report $runs/wsrl $runs/no-warmup --out $runs/report.html
