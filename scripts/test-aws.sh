#!/usr/bin/env bash
# Runs tests on the stack as it is deployed: to an emulator of AWS on this machine, in front of a real Kubernetes cluster
# that looks like several of EKS. As root. Usage: [PACKAGE=native|measured] scripts/test-aws.sh COMMAND...
set -euo pipefail
cd "$(dirname "$0")/.."

case $(uname -m) in
  x86_64) ;;
  *) echo "test-aws: the functions are packaged for x86_64 here, and this machine is $(uname -m)" >&2; exit 2 ;;
esac
scripts/package.sh "${PACKAGE:-native}"

settings=target/tmp/eks.json
mkdir -p target/tmp
# Whom the API server asks for the bearer of a token has to be known when it starts.
python3 - > "$settings" <<'PYTHON'
import json, socket
with socket.socket() as found:
    found.bind(("127.0.0.1", 0))
    port = found.getsockname()[1]
names = [f"{letter * 32}.gr7.eu-central-1.eks.amazonaws.com" for letter in "abcd"]
print(json.dumps({"names": names, "webhook": {"url": f"https://127.0.0.1:{port}/token"}}))
PYTHON
exec cluster/cluster --eks "$settings" with bash -euc 'cluster/images; exec "$@"' -- "$@"
