#!/usr/bin/env bash
# Starts a local server that stays, and ships the example on it. Usage: scripts/up.sh FOLDER PORT
# Running it again starts what is missing and changes nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1
port=$2
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
export SLIPWAY_CONFIG=$folder/config.json
PATH=$PWD/target/debug:$PATH

ready() { node -e "fetch('http://127.0.0.1:$port/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"; }

if ! ready; then
  setsid slipway local --data "$folder/data" --port "$port" </dev/null >>"$folder/server.log" 2>&1 &
  for _ in $(seq 100); do
    ready && break
    sleep 0.2
  done
  ready || { tail -n 40 "$folder/server.log" >&2; echo "the server did not start; its log is $folder/server.log" >&2; exit 1; }
fi

slipway apps info -a shop >/dev/null 2>&1 || slipway apps create shop
if [ "$(slipway apps info -a shop --json | node -pe 'JSON.parse(require("fs").readFileSync(0)).active')" = null ]; then
  slipway deploy examples/web -a shop --description 'version 1.0.0'
fi

slipway apps info -a shop
cat <<TEXT

The server runs until \`make down\`. To use it from this shell:

  export PATH=$PWD/target/debug:\$PATH SLIPWAY_CONFIG=$SLIPWAY_CONFIG
  cd examples/web
  slipway ps -a shop
TEXT
