#!/usr/bin/env bash
# Makes this clone ready to build: Debian packages, the Python environment .venv with pinned wheels, CMake's configuration.
#   scripts/setup.sh run    what building and running need (the default)
#   scripts/setup.sh test   the tests' oracles as well
# Does nothing, quickly, when all is there. PYTHON=/path/to/python3 chooses the interpreter of .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
want=${1:-run}
venv=.venv

say() { printf '%s\n' "setup: $*"; }
stop() { printf '%s\n' "setup: $*" >&2; exit 5; }
# the packages of a list, comments and blank lines left out
listed() { sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$@"; }

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: please install the counterparts of scripts/packages.txt yourself (going on)"
    return
  fi
  local missing=() package
  local lists=(scripts/packages.txt)
  [[ $want != test ]] || lists+=(scripts/packages-test.txt)
  for package in $(listed "${lists[@]}"); do
    # a tool that works needs no package (a newer CMake in /usr/local, say)
    case $package in
      g++ | make | cmake | git) command -v "$package" >/dev/null && continue ;;
      ninja-build) command -v ninja >/dev/null && continue ;;
      pkg-config) command -v pkg-config >/dev/null && continue ;;
      python3 | python3-venv) find_python && continue ;;
      chromium) command -v chromium >/dev/null && continue ;;
    esac
    [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local root=()
  if [[ $(id -u) != 0 ]]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      root=(sudo -n)
    else
      stop "Debian packages are missing and this needs root. Please run

  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}

then try again."
    fi
  fi
  say "installing ${#missing[@]} Debian packages (about a minute): ${missing[*]}"
  local log
  log=$(mktemp)
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    stop "apt-get failed (whole output: $log). Please run

  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}

as root, then try again."
  fi
  rm -f "$log"
}

# A Python that can make a virtual environment and has wheels of MuJoCo: 3.10 to 3.12.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      python=$candidate
      return 0
    fi
  done
  return 1
}

# install_wheels LIST [pip options]: skipped when the stamp says that exactly this list is in
install_wheels() {
  local list=$1 stamp sum
  shift
  stamp=$venv/.installed-$(basename "$list" .txt)
  sum=$(listed "$list" | sha256sum)
  [[ -f $stamp && $(<"$stamp") == "$sum" ]] && return
  say "installing $(listed "$list" | wc -l) pinned wheels of $list into .venv"
  # "pip" runs as a module, so that a clone that was moved or copied still works
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --retries 5 "$@" -r "$list" </dev/null ||
    stop "pip could not install $list: check the network, then try again (\`make distclean\` starts over)."
  printf '%s' "$sum" >"$stamp"
}

# one at a time, should two terminals type `make`
mkdir -p build
exec 9>build/.setup.lock
command -v flock >/dev/null && flock 9

install_packages
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  find_python || stop "no Python 3.10, 3.11 or 3.12 with the venv module: on Debian 12 run \`sudo apt-get install -y python3 python3-venv\`, or give one as PYTHON=/path/to/python3."
  say "making .venv with $("$python" --version)"
  "$python" -m venv --clear "$venv" || stop "$python could not make .venv: on Debian run \`sudo apt-get install -y python3-venv\`."
fi
install_wheels scripts/requirements-run.txt --no-deps
[[ $want != test ]] || install_wheels scripts/requirements-test.txt --no-deps

# configure once; after that the build does it by itself when a CMake file changes
configured=build/release/.configured
sum=$(cat scripts/requirements-run.txt scripts/packages.txt CMakePresets.json | sha256sum)
if [[ ! -f build/release/build.ninja || ! -f $configured || $(<"$configured") != "$sum" ]]; then
  say "configuring build/release"
  cmake --preset release >build/configure.log 2>&1 </dev/null || {
    tail -n 25 build/configure.log >&2
    stop "CMake failed (whole output: build/configure.log)."
  }
  printf '%s' "$sum" >"$configured"
fi
