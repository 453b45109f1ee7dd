#!/usr/bin/env bash
# Deploys the packaged functions as one stack. Usage: scripts/deploy.sh dev|prod
#
# OPERATOR_TOKEN_SHA256 is needed, DOMAIN_NAME with CERTIFICATE_ARN, ALARM_EMAIL, ARCHITECTURE (arm64 unless said) and
# PRIVATE_CLUSTERS (only in dev) may be given. What else sam takes comes after the stage.
set -euo pipefail
cd "$(dirname "$0")/.."

stage=${1-}
case $stage in
  dev | prod) shift ;;
  *) echo "usage: make deploy STAGE=dev, or STAGE=prod" >&2; exit 2 ;;
esac
: "${OPERATOR_TOKEN_SHA256:?is missing: target/debug/slipway local operator-token prints a new token with it}"
if [ "$stage" = prod ] && [ -n "${PRIVATE_CLUSTERS-}" ]; then
  echo "deploy: PRIVATE_CLUSTERS must be empty for prod: the clusters of tenants have public addresses there" >&2
  exit 2
fi
for name in api rollout relay sweep; do
  if [ ! -x "target/lambda/$name/bootstrap" ]; then
    echo "deploy: target/lambda/$name/bootstrap is not there: make package builds it" >&2
    exit 2
  fi
done

parameters=("Stage=$stage" "OperatorTokenSha256=$OPERATOR_TOKEN_SHA256")
add() { if [ -n "$2" ]; then parameters+=("$1=$2"); fi; }
add Architecture "${ARCHITECTURE-}"
add DomainName "${DOMAIN_NAME-}"
add CertificateArn "${CERTIFICATE_ARN-}"
add AlarmEmail "${ALARM_EMAIL-}"
add PrivateClusterAddresses "${PRIVATE_CLUSTERS-}"

tools=$(scripts/tools.sh infra)
exec env SAM_CLI_TELEMETRY=0 "$tools/sam" deploy --config-env "$stage" --parameter-overrides "${parameters[@]}" "$@"
