#!/usr/bin/env bash
# Measures the sections that are named, or all of them. Usage: scripts/bench.sh [SECTION...]
# Those that need a cluster come last, so that it disturbs no other. Starting one takes root.
set -euo pipefail
cd "$(dirname "$0")/.."

bench=$PWD/target/release/bench
plain=()
clustered=()
functions=()
for section in "$@"; do
  case $section in
    native | doomed) clustered+=("$section") ;;
    functions | deployed) functions+=("$section") ;;
    *) plain+=("$section") ;;
  esac
done

if [ $# = 0 ] && [ "$(id -u)" = 0 ]; then
  plain=(api decide rollout rollback idle traffic)
  clustered=(native doomed)
  functions=(functions deployed)
fi
if [ $# = 0 ] || [ ${#plain[@]} -gt 0 ]; then
  env -u SLIPWAY_TEST_CLUSTER "$bench" "${plain[@]}"
fi
if [ ${#clustered[@]} -gt 0 ] && [ "$(id -u)" = 0 ]; then
  cluster/cluster with bash -euc 'cluster/images >/dev/null; exec "$@"' bench "$bench" "${clustered[@]}"
elif [ ${#clustered[@]} -gt 0 ]; then
  "$bench" "${clustered[@]}"
fi
# The functions are compiled twice for these: as they are deployed, and the same for this machine.
for section in "${functions[@]}"; do
  case $section in
    functions) scripts/package.sh measured; scripts/package.sh arm64; "$bench" functions ;;
    deployed) PACKAGE=measured scripts/test-aws.sh "$bench" deployed ;;
  esac
done
