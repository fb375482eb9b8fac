# Two commands: `make demo` and `make test`. Both set up all they need first.
.PHONY: demo test setup bench parity

demo: setup
	cargo run --release --quiet -- demo $(ARGS)

test:
	scripts/setup test
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test

setup:
	scripts/setup

bench: setup
	cargo bench --bench scheduler --bench pipeline

# The networks against their Python originals, fixtures made anew, and at full size. Slow; not part of `make test`.
parity:
	scripts/parity
