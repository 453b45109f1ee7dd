# Needs the Rust toolchain (rustup reads rust-toolchain.toml), Node 18.2 or newer, and make; `make check` also Python
# 3.10 or newer with venv. `make` alone lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Always the whole workspace: another set of packages has other features of shared crates, and builds them again.
CARGO_BUILD := cargo build --locked --workspace --bin slipway --bin slipway-local --bin demo \
  --bin demo-kubernetes
TESTS_KUBERNETES := --test kubernetes --test kubernetes_engine --test kubernetes_disturbed
CARGO_TEST_KUBERNETES := env SLIPWAY_TARGET=kubernetes cargo test --locked --workspace --no-fail-fast \
  $(TESTS_KUBERNETES) --test end_to_end
CARGO_TEST_AWS := cargo test --locked --workspace --no-fail-fast --test end_to_end --test aws -- --nocapture
PROGRAMS := target/debug
KEPT := .slipway
PORT ?= 7070
WORLDS ?= 100000
SLIPWAY := SLIPWAY_CONFIG=$(CURDIR)/$(KEPT)/config.json $(PROGRAMS)/slipway

.PHONY: help build demo demo-kubernetes up down test test-interpreter test-kubernetes test-aws cluster cluster-status \
  cluster-stop soak bench check check-infra package deploy

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

build: ## Build the programs into target/debug
	$(CARGO_BUILD)

demo: build ## Tell the whole story in a temporary folder: three bad releases, a killed server, no request lost
	$(PROGRAMS)/demo

demo-kubernetes: build ## Tell it on a Kubernetes cluster: the project's own, or one that is started for it
	@cluster/cluster with bash -euc 'cluster/images; exec $(PROGRAMS)/demo-kubernetes'

up: build ## Start a local server that stays, with the example built and promoted
	@scripts/up.sh $(KEPT) $(PORT)

down: ## Stop what `make up` started; data stays in .slipway
	@$(SLIPWAY) local --stop --data $(KEPT)/data

test: ## Run all tests
	cargo test --locked --workspace --no-fail-fast

test-interpreter: ## Run the state machine by a second interpreter, along the same paths as the local runner's tests
	@scripts/interpreter.sh $(KEPT)

test-kubernetes: ## Run the tests that need a Kubernetes cluster: KUBECONFIG's, or one that is started for them
	@cluster/cluster with bash -euc 'cluster/smoke; cluster/images; $(CARGO_TEST_KUBERNETES)'

test-aws: ## Deploy to an emulator of AWS and promote there, on a real cluster that is found as one of EKS; as root
	@scripts/test-aws.sh env SLIPWAY_TARGET=aws $(CARGO_TEST_AWS)

cluster: ## Start a real Kubernetes cluster on this machine, with a registry; as root. The first time builds it
	@cluster/cluster start

cluster-status: ## Tell how each part of the cluster does
	@cluster/cluster status

cluster-stop: ## Stop the cluster and leave nothing of it running
	@cluster/cluster stop

package: ## Build the four functions for Lambda on arm64, into target/lambda
	@scripts/package.sh arm64

deploy: ## Deploy what was packaged as the stack of STAGE (dev or prod); needs OPERATOR_TOKEN_SHA256
	@scripts/deploy.sh "$(STAGE)"

soak: ## Run WORLDS random worlds of the protocol, and one in fifty once more over the real store
	cargo build --locked --release --workspace
	target/release/soak --worlds $(WORLDS)

bench: ## Measure what everything costs, or only the SECTIONS that are named
	cargo build --locked --release --workspace
	@scripts/bench.sh $(SECTIONS)

check: check-infra ## Formatting, lints, documentation, rules of dependencies, and what check-infra looks at
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets $(TESTS_KUBERNETES) --test aws -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	node scripts/dependencies.mjs

# A region has to be named, and nothing is asked of it.
check-infra: export AWS_DEFAULT_REGION := eu-central-1
check-infra: export SAM_CLI_TELEMETRY := 0
check-infra: ## The template, the state machine, what stands in for AWS: lints, and whether they keep what they promise
	npx --yes asl-validator@4 --json-path infra/rollout.asl.json
	tools=$$(scripts/tools.sh infra); \
	  "$$tools/sam" validate --lint; \
	  "$$tools/cfn-lint" --regions $$AWS_DEFAULT_REGION -- infra/template.yaml; \
	  export PYTHONDONTWRITEBYTECODE=1; \
	  "$$tools/python" -m unittest discover --start-directory infra/tests --pattern test_template.py; \
	  "$$tools/python" -m unittest discover --start-directory tests/aws/standin --top-level-directory tests/aws
	tools=$$(scripts/tools.sh checkov); "$$tools/checkov" --config-file .checkov.yaml
