# `make help` lists what there is. Everything cargo does here goes through the same two
# invocations (the whole workspace, profile dev or release), so that no crate is built
# twice within a profile.

RUN := scripts/run
CARGO ?= cargo
PG_CONFIG ?=
CONF ?=
export PG_CONFIG

TARGET = $$(eval "$$(scripts/env)"; printf %s "$$CARGO_TARGET_DIR")
# The version of PG_CONFIG as cargo's features; nothing for Postgres 15.
FEATURES = $$(eval "$$(scripts/env)"; printf %s "$$PG_DUCKDB_FEATURES")

.DEFAULT_GOAL := help
.PHONY: help setup build release test asan check format format-check lint deny doc bench demo cluster cluster-stop install clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

setup: ## install what building and testing needs (Debian 12)
	@scripts/setup

build: setup ## build everything, profile dev
	@$(RUN) $(CARGO) build --workspace $(FEATURES) --all-targets

release: setup ## build everything that is installed or run, profile release
	@$(RUN) $(CARGO) build --workspace $(FEATURES) --release >&2

test: build ## run all tests (unit, regression, differential, client)
	@$(RUN) $(CARGO) test --workspace $(FEATURES) --no-fail-fast

# Products of another compiler with other flags, in a directory of their own.
asan: setup ## test the kernels with AddressSanitizer, if a nightly compiler is installed
	@CARGO_TARGET_DIR="$(TARGET)-asan" RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=allocator_may_return_null=1 \
	$(RUN) $(CARGO) +nightly test --target x86_64-unknown-linux-gnu -p bridge-kernels --lib --tests

check: format-check lint deny test doc ## all that must pass on a commit

format: ## format the sources
	@$(RUN) $(CARGO) fmt --all

format-check: ## fail if the sources are not formatted
	@$(RUN) $(CARGO) fmt --all -- --check

lint: setup ## clippy, warnings are errors
	@$(RUN) $(CARGO) clippy --workspace $(FEATURES) --all-targets -- -D warnings

deny: ## licences and sources of dependencies, if cargo-deny is installed
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check licenses sources bans; \
	else echo "deny: cargo-deny is not installed, skipped" >&2; fi

doc: setup ## build the documentation, warnings are errors
	@RUSTDOCFLAGS="-D warnings" $(RUN) $(CARGO) doc --workspace $(FEATURES) --no-deps --document-private-items

bench: release ## measure against DuckDB itself and write benches/RESULTS.md
	@$(RUN) "$(TARGET)/release/bench"

demo: release ## TPC-H in Postgres, answered by DuckDB
	@$(RUN) "$(TARGET)/release/demo"

cluster: release ## start a private cluster; CONF="name = value; ..." adds settings
	@$(RUN) "$(TARGET)/release/pg_duckdb_cluster" start --conf "$(CONF)"

cluster-stop: ## stop the private cluster
	@if [ -x "$(TARGET)/release/pg_duckdb_cluster" ]; then $(RUN) "$(TARGET)/release/pg_duckdb_cluster" stop; fi

install: release ## install into the Postgres of PG_CONFIG
	@scripts/install release

clean: ## remove build products (trees, data and kept clusters: see CONTRIBUTING.md)
	@$(RUN) $(CARGO) clean
