# Jiedan: every command a newcomer needs. Wants Python 3.11 or newer and make; nothing else.
PORT ?= 8900
HOST ?= 127.0.0.1
REPLICAS ?= 3
N ?= 100000
SEED ?= 0
DB ?= sqlite
ORDERS ?= 2000
KILLS ?= 30
OUTAGE ?= 10
RATE ?= 0
PYTHON ?=
export PYTHON

PY := .venv/bin/python

.PHONY: help demo cluster test check chaos fuzz audit sbom bench run lock clean

help:
	@echo "make demo    the bot, both messengers and the phones on http://127.0.0.1:$(PORT)   (PORT=… changes it)"
	@echo "make cluster the same with PostgreSQL, Redis and REPLICAS=$(REPLICAS) real processes behind a balancer"
	@echo "make test    the whole test suite, a real PostgreSQL, Redis and browser included"
	@echo "make check   ruff, mypy --strict, the layer rules"
	@echo "make chaos   real processes under kills, outages and bad weather (SEED ORDERS KILLS DB REPLICAS); build/chaos.json"
	@echo "make fuzz    hostile callbacks by the hundred thousand (N=… SEED=…); figures also in build/fuzz.json"
	@echo "make audit   known vulnerabilities of every locked package; needs a network"
	@echo "make sbom    bill of materials of what runs, CycloneDX, into build/sbom.json"
	@echo "make bench   the benchmarks; figures also in build/bench.json"
	@echo "make run     the bot with config.toml (copy config.example.toml first)"
	@echo "make lock    write requirements/*.txt anew from pyproject.toml"
	@echo "make clean   remove .venv, caches and build/"

demo:
	@sh tools/venv.sh run
	@$(PY) -m demo --port $(PORT) --host $(HOST)

cluster:
	@sh tools/venv.sh dev
	@$(PY) -m cluster --port $(PORT) --host $(HOST) --replicas $(REPLICAS)

test:
	@sh tools/venv.sh dev
	@sh tools/chromium.sh
	@echo "running the tests …"
	@$(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal

check:
	@sh tools/venv.sh dev
	@echo "ruff …" && $(PY) -m ruff check .
	@echo "mypy --strict …" && $(PY) -m mypy
	@echo "layer rules …" && .venv/bin/lint-imports

chaos:
	@sh tools/venv.sh dev
	@mkdir -p build
	@$(PY) -m chaos --seed $(SEED) --orders $(ORDERS) --kills $(KILLS) --db $(DB) --outage $(OUTAGE) --rate $(RATE) \
		--replicas $(if $(filter sqlite,$(DB)),1,$(REPLICAS)) $(if $(ONLY),--only "$(ONLY)")

fuzz:
	@sh tools/venv.sh dev
	@$(PY) -m tests.fuzz --number $(N) --seed $(SEED)

# A package that the vulnerability service does not answer for fails the audit: silence is no clean bill.
audit:
	@sh tools/venv.sh dev
	@for list in run dev; do \
		echo "auditing requirements/$$list.txt …" && \
		.venv/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements/$$list.txt || exit 1; \
	done

sbom:
	@sh tools/venv.sh dev
	@$(PY) tools/sbom.py

bench:
	@sh tools/venv.sh dev
	@mkdir -p build
	@$(PY) -m bench

run:
	@sh tools/venv.sh run
	@$(PY) -m bot run

lock:
	@sh tools/lock.sh

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
