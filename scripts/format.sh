#!/usr/bin/env bash
# scripts/format.sh check|fix: all C++ files of the repository against .clang-format.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v clang-format >/dev/null; then
  echo "format: clang-format is not installed, format not checked (Debian: sudo apt-get install -y clang-format)" >&2
  [[ ${1:-check} == check ]] && exit 0 || exit 5
fi
# .inc files are bodies compiled several times; they follow the same format
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cpp' '*.h' '*.inc' | while read -r f; do [[ -f $f ]] && echo "$f"; done)
if [[ ${1:-check} == fix ]]; then
  clang-format -i "${files[@]}"
else
  clang-format --dry-run --Werror "${files[@]}" || { echo "format: run \`make format\`" >&2; exit 1; }
fi
