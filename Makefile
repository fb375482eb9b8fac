# Two commands: `make demo` and `make test`. Both set up all they need first.
# `make demo DEVICE=cuda:0` runs the networks on a GPU: it builds with the libtorch that has CUDA, beside the build without.
# `make demo FEED=posts.jsonl` streams the posts of a file, one a line, instead of those of the pocket world.
DEVICE ?= cpu
ifneq ($(DEVICE),cpu)
export LIBTORCH = $(CURDIR)/.deps/libtorch-cuda
export CARGO_TARGET_DIR = $(CURDIR)/target/cuda
export RIVEG_DEVICE__NAME = $(DEVICE)
export PYTORCH_ALLOC_CONF ?= expandable_segments:True
export TORCH_ALLOW_TF32_CUBLAS_OVERRIDE ?= 1
endif

.PHONY: demo test setup bench peer growth parity chaos soak overhead scale rolling hostile knowledge ablation operate page fuzz deny sbom
.PHONY: cuda-link gpu-check

demo: setup
	scripts/build --release --bin riveg
	cargo run --release --quiet -- demo $(if $(FEED),--feed-file "$(FEED)") $(ARGS)

test:
	scripts/setup test
	scripts/test

setup:
	scripts/setup
	$(if $(filter-out cpu,$(DEVICE)),scripts/libtorch cuda)

# The scheduler beside other rules, the pipeline beside its networks alone; JSON and plots in target/bench.
bench: setup
	scripts/bench $(ARGS)

# The same posts and weights through riveg and through the pipeline that one would write in Python, in turns: speed and scores.
# NAME=riveg-base for published sizes; ARGS="--rounds 5" and more go to benches/peer/run.py.
peer:
	scripts/peer $(or $(NAME),pocket) $(ARGS)

# Posts a second and memory against entities, pictures, reposts, caches, posts in flight, executors, partitions and posts that
# wait, with plots. Some fifteen minutes. ARGS="--help" tells what can be asked for.
growth:
	scripts/growth $(ARGS)

# The networks against their Python originals, fixtures made anew, and at full size. Slow; not part of `make test`.
parity:
	scripts/parity

# Two engines under a seeded feed while engines are killed and paused and the broker crashes, once for each way of
# delivery; then every record is counted by its place. About ten minutes. ARGS="--help" tells what can be asked for.
chaos:
	scripts/setup test
	scripts/build --bin riveg --example chaos
	cargo run --quiet --example chaos -- $(ARGS)

# Memory under a backlog: many posts through one engine, with networks that echo and with the pocket bundle. Some ten
# minutes. ARGS="soak --help" tells what can be asked for.
soak:
	scripts/setup test
	scripts/build --bin riveg --example chaos
	cargo run --quiet --example chaos -- soak $(ARGS)

# The engine with networks that answer at once beside a plain loop of a Kafka client, and the shipped engine in one, two and
# three processes of one group, one core each; and three engines that are replaced one after another while posts come, with how
# late those are answered. Some minutes each.
overhead scale rolling:
	scripts/setup test
	scripts/build --release --bin riveg --example chaos
	target/release/examples/chaos $@ $(ARGS)

# Posts that ask for more than their share: peak memory, time of the device and how long other posts wait, for each. Some
# minutes. ARGS="--help" tells what can be asked for.
hostile:
	scripts/hostile $(ARGS)

# The page of `riveg view` in a real Chromium, by Playwright: clicks, keys, accessibility, hostile posts, 10,000 posts, 200
# posts a second, screenshots in target/page. npm and Chromium are needed. ARGS="keyboard" for one file.
page:
	scripts/page $(ARGS)

# What knowledge of a language model costs and is worth: questions and latency over 100,000 posts, and the five scores. Some
# twenty minutes. ARGS="--no-stream" for the scores alone.
knowledge:
	scripts/setup test
	scripts/build --release --bin riveg --example knowledge
	target/release/examples/knowledge $(ARGS)

# The paper's tables VII, IX, X and XI in miniature, on the pocket world and on its harder posts, over three seeds.
# ARGS="--augmentation" trains gate and grounder with and without augmentation instead.
# ARGS="--help" tells what can be asked for.
ablation:
	scripts/setup test
	scripts/build --release --bin riveg --example ablation
	target/release/examples/ablation $(ARGS)

# Dashboards against Grafana's published types, and every alert against its fault: engines under load whose model, pictures,
# brokers or memory go away, and a real Prometheus that watches. Some minutes. Leaves the rules for a Prometheus without the
# operator in target/operate/rules.yaml.
operate:
	scripts/setup test
	scripts/dashboards
	RIVEG_OPERATE=full cargo test --test integration operate:: -- --nocapture --test-threads 1

# Shows that a binary that is built with CUDA finds it by itself; no GPU is needed. Minutes, once: dependencies are compiled
# again.
cuda-link:
	scripts/cuda-link

# What a GPU does with the networks, in at most eight minutes, without a toolchain: ARGS="--help" tells what it needs.
gpu-check:
	scripts/gpu-check $(ARGS)

# Every fuzz target for SECONDS_EACH (60) seconds, with libFuzzer, from the corpus that is kept; needs rustup's nightly and cargo-fuzz.
# What is found new goes to target/fuzz/corpus, what fails to tests/fuzz/artifacts. TARGETS="mask pickle" for some alone.
fuzz:
	scripts/fuzz $(TARGETS)

# Advisories, licences, bans and sources of all packages, by deny.toml. Installs cargo-deny on demand (minutes, once); the
# database of advisories is fetched anew. Licences and sources are part of `make test` too.
deny:
	command -v cargo-deny >/dev/null || cargo install cargo-deny --locked --version 0.20.2
	cargo deny check $(ARGS)

# What the engine is made of, with hashes and licences, in CycloneDX: target/sbom.json.
sbom:
	scripts/sbom
