#!/usr/bin/env bash
# Packs a relocatable tree for Debian 12: build/warmstart-VERSION-x86_64.tar.gz, or in the folder given.
#   scripts/dist.sh [FOLDER]
# It holds the program, every library it needs that is not in each Debian 12, recipes, task descriptions, headers, licences.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath "${1:-build}")
version=$(sed -nE 's/^#define WARMSTART_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)$/\2/p' warmstart/core/version.h | paste -sd .)
name=warmstart-$version-$(uname -m)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
tree=$stage/$name

cmake --install build/release --prefix "$tree" --strip >"$stage/install.log" || { cat "$stage/install.log" >&2; exit 5; }

# libc, libstdc++ and libgcc_s are in every Debian 12 and must be the system's own
system='^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt|libresolv|libstdc\+\+|libgcc_s)[.-]'
list=$tree/share/warmstart/licences/BUNDLED.txt
mkdir -p "$(dirname "$list")"
echo "Libraries in lib/warmstart that are not Warmstart's, with the Debian package they come from; texts beside this file." >"$list"
ldd build/release/warmstart | sed -nE 's/^\s*(\S+) => (\/\S+) .*/\1 \2/p' | sort | while read -r soname path; do
  [[ $soname =~ $system || $soname == libmujoco* ]] && continue
  install -m 644 "$path" "$tree/lib/warmstart/$soname"
  package=$(dpkg-query -S "$(realpath "$path")" 2>/dev/null | head -n 1 | cut -d: -f1 || true)
  [[ -n $package ]] || package=$(dpkg-query -S "$(realpath "$path" | sed 's|^/usr||')" 2>/dev/null | head -n 1 | cut -d: -f1 || true)
  [[ -n $package ]] || { echo "dist: no Debian package has $path, so its licence is not known" >&2; exit 5; }
  echo "$soname  $package $(dpkg-query -W -f='${Version}' "$package")" >>"$list"
  mkdir -p "$tree/share/warmstart/licences/$package"
  cp -L "/usr/share/doc/$package/copyright" "$tree/share/warmstart/licences/$package/"
done

tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner -czf "$out/$name.tar.gz" "$name"
echo "dist: $out/$name.tar.gz ($(du -h "$out/$name.tar.gz" | cut -f1)); unpack it anywhere on Debian 12 and call bin/warmstart"
