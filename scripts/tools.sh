#!/usr/bin/env bash
# Makes a folder of Python tools, unless it is there, and prints where their programs are. Usage: scripts/tools.sh NAME
#
#   infra    sam, cfn-lint, and python with what the tests of the template import
#   emulator ministack, which conflicts with sam
#   checkov  checkov, whose requirements conflict with the others'
#   package  cargo-lambda, and Zig, by which it compiles for arm64
#
# The folder is named after what is in it, so that it is made anew when that changes.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  infra) requirements=infra/requirements.txt ;;
  emulator) requirements=infra/requirements-emulator.txt ;;
  checkov) requirements=infra/requirements-checkov.txt ;;
  package) requirements=infra/requirements-package.txt ;;
  *) echo "usage: scripts/tools.sh infra|emulator|checkov|package" >&2; exit 2 ;;
esac

# Another Python cannot use what this one has installed.
hash=$({ cat "$requirements"; python3 --version; } | sha256sum | cut -c1-12)
folder=$PWD/.slipway/tools-$1-$hash
if [ ! -e "$folder/complete" ]; then
  mkdir -p .slipway
  # One at a time; who waited finds it made.
  exec 9>"$folder.lock"
  flock 9
  if [ ! -e "$folder/complete" ]; then
    echo "installing the tools of $requirements" >&2
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2
    touch "$folder/complete"
  fi
fi
echo "$folder/bin"
