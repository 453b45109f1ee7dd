#!/usr/bin/env bash
# Builds the functions into target/lambda/NAME/bootstrap, where the template looks for them.
#
# Usage: scripts/package.sh arm64     as they are deployed: for Lambda on arm64, small and fast
#        scripts/package.sh native    as tests want them: for this machine, quickly built
#        scripts/package.sh measured  as they are deployed, but for this machine: for benchmarks
set -euo pipefail
cd "$(dirname "$0")/.."

functions=(api rollout relay sweep)
binaries=()
for name in "${functions[@]}"; do binaries+=(--bin "slipway-function-$name"); done

case ${1-} in
  arm64)
    tools=$(scripts/tools.sh package)
    # cargo-lambda compiles with Zig, whose program is beside it.
    PATH=$tools:$PATH cargo lambda build --locked --profile function --arm64 "${binaries[@]}" --lambda-dir target/lambda/arm64
    built() { echo "target/lambda/arm64/slipway-function-$1/bootstrap"; }
    ;;
  native)
    # The whole workspace: another set of packages has other features of shared crates, and builds them again.
    cargo build --locked --workspace "${binaries[@]}"
    built() { echo "target/debug/slipway-function-$1"; }
    ;;
  measured)
    cargo build --locked --profile function --workspace "${binaries[@]}" --bin empty-function
    built() { echo "target/function/slipway-function-$1"; }
    ;;
  *) echo "usage: scripts/package.sh arm64|native|measured" >&2; exit 2 ;;
esac

for name in "${functions[@]}"; do
  folder=target/lambda/$name
  mkdir -p "$folder"
  # Replaced at once: a deployment beside this one finds the old one or the new one.
  cp "$(built "$name")" "$folder/bootstrap.new"
  if [ "$1" = native ]; then strip "$folder/bootstrap.new"; fi
  mv "$folder/bootstrap.new" "$folder/bootstrap"
  ls -l "$folder/bootstrap" | awk '{ printf "%s: %.1f MB\n", $9, $5 / 1e6 }'
done
