# make run | test | check | cover | hosts | browsers | engines | laws | torture | pythons | mutation | dist: each builds .venv by itself; needs only Python 3.11 (with venv) and make.
PYTHON ?= python3
CASES ?= 20000
CALLS ?= 5000
MINUTES ?= 20
THESE ?= tests/torture
# `make test` has their short form, which is the same each time.
LAWS := tests/laws $(shell grep -rlE --include='test_*.py' '@given|tests.sizes' tests | grep -vE '^tests/(laws|benchmarks)/')
# What is said of the source and the docs, and runs little of the product: `make check` runs it, `make test` does not.
SOURCE := tests/test_architecture.py tests/test_docs.py tests/test_counting.py tests/test_dependencies.py \
    tests/scrub/test_printed_rates.py tests/typing
HOSTS := tests/hosts tests/integrations tests/examples tests/benchmarks
CORE ?= consent decision fields scrub gate audit
# The tests of the rooms that `make cover` counts in, without those that search millions of characters.
PURE := tests/consent tests/jurisdiction $(wildcard tests/scrub/test_scrub_[cipstu]*.py) tests/scrub/test_quick_looks.py \
    tests/test_accept.py tests/test_bounds.py tests/test_decide.py tests/test_decision.py tests/test_formats.py tests/test_guide_tables.py \
    tests/test_scrubbing_in_the_gate.py \
    tests/destinations/test_hashing_vectors.py tests/destinations/test_phone_numbers.py tests/destinations/test_bad_input.py
export SEED SOAK POINTS WITHDRAWALS NODE_ROUNDS
# Compiled once, and not by every process that a test starts.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := $(VENV)/.demo
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := requirements-dev.lock

# With pytest's cache, which remembers what failed.
OPTIONS := $(shell sed -n 's/^addopts = "\(.*\)-p no:cacheprovider\(.*\)"/\1\2/p' pyproject.toml)
PAGES := -m browser -o addopts="$(OPTIONS)" tests/banner tests/browsers tests/console tests/demo tests/shells

SERVED := -m "not browser and not environment" -o addopts="$(OPTIONS)" $(HOSTS)

define VENVED
$(PYTHON) -c 'import sys; sys.exit("Gatekeeper needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
endef

.PHONY: run test check cover hosts docs deploy browsers engines laws torture torture-short mutation pythons dist release bench bench-readme format lock clean

run: $(DEMO)         ## the demo: a shop behind the gate, vendor simulators, four purchases, on loopback
	$(BIN)/gatekeeper demo

test: $(STAMP)       ## all tests that take seconds and need no browser or host; they wait more than they work, so four run at a time; the others have targets of their own
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder -m "not browser and not environment and not site" \
	    --ignore tests/torture --ignore tests/adopters $(HOSTS:%=--ignore %) $(SOURCE:%=--ignore %)

hosts: $(STAMP)      ## the gate in real servers, workers, schedulers and shops, and its harness: most of it is processes that start
	# A worker that is told to end at once can leave a lock of its pool taken; what failed is tried once more, alone.
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile $(SERVED) || $(BIN)/python -m pytest --last-failed $(SERVED)

browsers: $(STAMP)   ## the pages in Chromium, Firefox and WebKit; as root on Debian it installs them
	.ci/browser
	# A driver that hangs is no fault of a page: what failed is tried once more, alone.
	$(BIN)/python -m pytest $(PAGES) || $(BIN)/python -m pytest $(PAGES) --last-failed

engines: $(STAMP)    ## every promise of a store, over every engine; as root on Debian it installs PostgreSQL
	.ci/postgres
	$(BIN)/python -m pytest -m engine tests/storage tests/torture/test_nodes.py tests/torture/test_links.py tests/torture/test_servers.py

mutation: $(STAMP)   ## faults planted in the pure core, and how many of them the tests see; CORE="consent decision" MINUTES=20
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'mutmut>=3.8'
	$(BIN)/python -m tests.mutation --minutes $(MINUTES) $(CORE)

check: $(STAMP)      ## lint, format, types, and what is said of the source and the docs: architecture, dependencies, coverage
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict tests/typing/api.py
	$(BIN)/interrogate -q gatekeeper
	$(BIN)/python -m pytest $(SOURCE)

cover: $(STAMP)      ## which lines and branches of the pure rooms their tests run; fails below the share in pyproject.toml
	$(PIP) install "coverage>=7.6"
	$(BIN)/python -m coverage run -m pytest -k "not time_grows and not megabyte" $(PURE)
	$(BIN)/python -m coverage report

docs: $(STAMP)       ## the site of docs/, into site/: no dead link, the API from docstrings
	.ci/docs
	$(BIN)/python -m pytest -m site tests/test_site.py
	test ! -x $(BIN)/mkdocs || NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

deploy: $(STAMP)     ## the files of deploy/, by nginx, Caddy, Prometheus, kubectl and a builder of images; as root on Debian it installs them
	.ci/deploy
	$(BIN)/python -m pytest -m "environment or not environment" tests/deploy

laws: $(STAMP)       ## the laws at 20,000 cases, those of calls at 5,000, CASES=n CALLS=n for another size; other properties at their full size
	LAWS_EXAMPLES=$(CASES) CALL_LAWS_EXAMPLES=$(CALLS) $(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(LAWS)

torture: $(STAMP)    ## kills, failing disks, power cuts, bad vendors, floods; minutes. SEED=n repeats, SOAK=600 soaks longer, POINTS=n
	.ci/strace
	.ci/postgres
	rm -f .torture.jsonl
	TORTURE=full TORTURE_FIGURES=$(CURDIR)/.torture.jsonl $(BIN)/python -m pytest tests/torture $(BUT)
	$(BIN)/python -m tests.torture.report .torture.jsonl

torture-short: $(STAMP)  ## the same in short forms, two at a time; THESE="tests/torture/test_floods.py" for some of them
	.ci/strace
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(THESE)

pythons: $(STAMP)    ## the wheel, and a short suite with it, on every supported Python that is here; adopters' suites, other environments
	$(BIN)/python -m pytest -m environment tests/wheel tests/outbound
	$(BIN)/python -m tests.wheel.pythons

dist: $(STAMP)       ## a release: wheel and source archive, the same bytes each time, and the list of their components (CycloneDX)
	rm -rf dist
	$(BIN)/python -m hatchling build --directory dist
	.ci/components dist
	cd dist && sha256sum *

release:             ## what stands against a release of this tree; then the same as dist
	$(PYTHON) .ci/release
	$(MAKE) dist

bench: $(STAMP)      ## what the gate costs here, beside others: var/bench; nothing else should run meanwhile
	mkdir -p var/bench
	$(BIN)/gatekeeper bench --out var/bench

bench-readme: bench  ## the same, and the tables of README and docs/benchmarks.md, and the picture, from it
	$(BIN)/python -m benchmarks.readme var/bench README.md docs/benchmarks.md docs/benchmarks.png

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .coverage .torture.jsonl .mypy_cache .ruff_cache .hypothesis

lock: $(STAMP)       ## pin what development and CI install, for every Python and platform, after a change of pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra bench --universal --python-version 3.11 --upgrade --quiet \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --output-file $(LOCK)

$(STAMP): pyproject.toml $(LOCK) gatekeeper/_version.py
	$(VENVED)
	@echo "Installing what development needs into $(VENV): a minute or two ..."
	$(BIN)/python .ci/install $(LOCK)
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(DEMO): pyproject.toml $(LOCK) gatekeeper/_version.py .ci/pins
	$(VENVED)
	@echo "Installing what the demo needs into $(VENV): half a minute, with uv some seconds ..."
	$(BIN)/python .ci/pins > $(VENV)/demo.lock
	$(BIN)/python .ci/install $(VENV)/demo.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@
