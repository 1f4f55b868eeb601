# A thin front: what each target does stands in scripts/ and CMakePresets.json. `make help` lists them.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
BUILD := cmake --build --parallel $(JOBS) --preset

.PHONY: dist help setup build demo bench test check learn asan tsan format clean distclean
help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 18

setup:  ## packages, .venv, configuration; a minute or two at first, then nothing (every target below does it)
	@scripts/setup.sh run

build: setup  ## the program, build/release/warmstart; about three minutes on two cores
	@echo "build: build/release/warmstart (about three minutes the first time)"
	@$(BUILD) release --target warmstart

dist: build  ## packs build/warmstart-VERSION-x86_64.tar.gz, which runs on any Debian 12
	@scripts/dist.sh

demo: build  ## trains WSRL and its rival on a small maze and writes runs/demo/report.html
	@scripts/demo.sh

bench: build  ## times this machine and writes docs/performance.md; leave the machine alone for some ten minutes
	@scripts/bench.sh

test:  ## builds everything and runs all tests
	@scripts/setup.sh test
	@echo "test: building program and tests (some minutes the first time), then running them"
	@$(BUILD) release
	@scripts/test.sh release

check:  ## before a commit: format, layering, fast tests
	@scripts/setup.sh test
	@scripts/format.sh check
	@python3 tests/layering_test.py
	@$(BUILD) release
	@scripts/test.sh release -LE slow

learn: build  ## every method on small tasks, three seeds each, against its threshold; some hours, continues where it stopped
	@cmake --preset release >/dev/null && ctest --test-dir build/release -C learning -L learning --verbose

asan:  ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/setup.sh test
	@echo "asan: building with sanitizers (some minutes), then testing (several times slower than usual)"
	@cmake --preset asan > /dev/null && $(BUILD) asan && scripts/test.sh asan

tsan:  ## the tests under ThreadSanitizer
	@scripts/setup.sh test
	@echo "tsan: building with sanitizers (some minutes), then testing (ten times slower than usual)"
	@cmake --preset tsan > /dev/null && $(BUILD) tsan && scripts/test.sh tsan

format:  ## rewrites all C++ files in the house format
	@scripts/format.sh fix

clean:  ## removes what was built (keeps .venv, data/ and runs/)
	rm -rf build

distclean: clean  ## removes .venv as well
	rm -rf .venv
