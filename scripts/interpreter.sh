#!/usr/bin/env bash
# Runs infra/rollout.asl.json by a second interpreter along the table of infra/tests/paths.json.
# Usage: scripts/interpreter.sh FOLDER
# The Python environment stays in FOLDER, named after what is in it: another list of requirements makes another one.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=infra/requirements-interpreter.txt
hash=$(sha256sum "$requirements" | cut -c 1-12)
environment=$1/interpreter-$hash

# The mark is set last, so that an environment which was not finished is made again.
if [ ! -e "$environment/complete" ]; then
  python3 -c 'import ensurepip' 2>/dev/null || {
    echo "the second interpreter needs Python 3.11 or newer with venv (Debian: python3-venv)" >&2
    exit 1
  }
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  touch "$environment/complete"
fi

exec "$environment/bin/python" -B -m unittest discover --start-directory infra/tests --pattern test_paths.py
