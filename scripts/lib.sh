# Shared by the scripts beside it: what is installed, how progress is shown. Source it, do not run it.
# shellcheck shell=bash

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Tools of this project's own, so that no other project's versions are touched.
tools="$root/.tools"
export PATH="$tools/bin:$root/node_modules/.bin:$PATH"
logs="$root/var/log"
# What makes the next build quicker, or is for whoever looks into a running program, makes a first build slower; and
# there a first build is all there is.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
mkdir -p "$logs"

if [ -t 1 ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m' live=1
else
  bold='' dim='' red='' green='' plain='' live=''
fi

say() { printf '%s\n' "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
die() {
  printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

# step NAME COMMAND...: runs the command with its output in a log, and shows how long it has been going.
# The log's path is left in $step_log. Returns the command's status; on failure the end of the log is shown.
step() {
  local name=$1 started=$SECONDS status=0 pid
  shift
  step_log="$logs/$(printf '%s' "$name" | tr -cs 'A-Za-z0-9' '-').log"
  if [ -n "$live" ]; then
    "$@" >"$step_log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
      printf '\r  %s… %s%ds%s ' "$name" "$dim" $((SECONDS - started)) "$plain"
      read -rt 1 <> <(:) || :
    done
    wait "$pid" || status=$?
    printf '\r\e[K'
  else
    printf '  %s…\n' "$name"
    "$@" >"$step_log" 2>&1 </dev/null || status=$?
  fi
  if [ "$status" -eq 0 ]; then
    printf '  %s✓%s %s %s(%ds)%s\n' "$green" "$plain" "$name" "$dim" $((SECONDS - started)) "$plain"
  else
    printf '  %s✗ %s%s %s(%ds; log: %s)%s\n' "$red" "$name" "$plain" "$dim" $((SECONDS - started)) "${step_log#"$root"/}" "$plain"
    tail -n "${STEP_TAIL:-60}" "$step_log" | sed 's/^/    /'
  fi
  return "$status"
}

# A version pinned in package.json, the one place for them: by npm's devDependencies, or by cargoTools.
pinned() {
  node -p "const p=require('./package.json'); p.cargoTools['$1'] ?? p.devDependencies['$1'] ?? ''"
}

need_command() {
  command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"
}

need_basics() {
  need_command cargo "install Rust by rustup, https://rustup.rs"
  need_command node "install Node.js 20 or newer"
  need_command npm "install npm, which comes with Node.js"
  need_command cc "install a C compiler (on Debian: apt-get install build-essential)"
}

# Debian packages, named with the command each one brings: need_apt chromium=chromium …
need_apt() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null 2>&1 || die "please install ${missing[*]} with this system's package manager, then run this again"
  local sudo=''
  [ "$(id -u)" -eq 0 ] || { need_command sudo "apt-get needs it to install ${missing[*]}" && sudo=sudo; }
  step "apt: package lists" $sudo apt-get update -qq
  step "apt: ${missing[*]}" $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# A PostgreSQL server for the tests to start as their own: on the path, or where Debian keeps it; unless
# VENTANILLA_TEST_POSTGRES names one that runs.
need_postgres() {
  [ -z "${VENTANILLA_TEST_POSTGRES:-}" ] || return 0
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need_apt postgres=postgresql
}

# The tools of another package.json, as need_npm.
need_npm_in() {
  local folder=$1 stamp=$1/node_modules/.package-lock.json
  [ -e "$stamp" ] && [ ! "$folder/package-lock.json" -nt "$stamp" ] && return 0
  step "npm: tools of $folder" npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
  touch "$stamp"
}

# A command from PyPI in an environment of its own, at the version that package.json pins under pythonTools.
need_python_tool() {
  local package=$1 version
  version=$(node -p "require('./package.json').pythonTools['$1'] ?? ''")
  [ -n "$version" ] || die "package.json pins no version of $package under pythonTools"
  [ "$("$tools/python/bin/pip" show "$package" 2>/dev/null | sed -n 's/^Version: //p')" != "$version" ] || return 0
  need_apt python3=python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_apt pyvenv=python3-venv
  step "python: an environment" python3 -m venv "$tools/python"
  step "python: $package $version" "$tools/python/bin/pip" install --quiet --disable-pip-version-check "$package==$version"
}

need_wasm_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ] && return 0
  need_command rustup "the target wasm32-unknown-unknown is missing; install Rust by rustup"
  step "rustup: target wasm32-unknown-unknown" rustup target add wasm32-unknown-unknown
}

need_npm() {
  local stamp=node_modules/.package-lock.json
  [ -e "$stamp" ] && [ ! package-lock.json -nt "$stamp" ] && return 0
  # Nothing of these packages may run while they are installed.
  step "npm: build and test tools" npm ci --ignore-scripts --no-audit --no-fund
  touch "$stamp"
}

# need_cargo_tool COMMAND CRATE: a debug build is quick to make and quick enough to use.
need_cargo_tool() {
  local command=$1 crate=$2 version
  version=$(pinned "$crate")
  [ -n "$version" ] || die "package.json pins no version of $crate under cargoTools"
  if [ "$("$command" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" = "$version" ]; then
    return 0
  fi
  step "cargo: $crate $version (once)" cargo install --locked --debug --root "$tools" --version "$version" "$crate"
}

need_widget_tools() {
  need_wasm_target
  need_npm
  need_cargo_tool wasm-bindgen wasm-bindgen-cli
}

need_browser() {
  need_apt chromium=chromium chromedriver=chromium-driver
}
