# A thin front of CMake: `make help` lists the targets.
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD = build/$(PRESET)
CONFIGURE = cmake --preset $(PRESET) >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
COMPILE = cmake --build --preset $(PRESET) -j $(JOBS)

.PHONY: help setup program build test test-fuzz demo bench bench-peers clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  PRESET=release|dev|clang|asan|tsan picks the configuration, JOBS=n the compile jobs"

setup: ## install what building and testing need (Debian and Ubuntu packages)
	@scripts/setup

program: setup ## build the program and what the demo runs into build/PRESET/bin
	@$(CONFIGURE)
	@$(COMPILE) --target tenon-program digits

build: setup ## build everything into build/PRESET, the tests too
	@$(CONFIGURE)
	@$(COMPILE)

test: build ## build and run every test (not the hours of naive loops: ctest -L naive)
	@scripts/check-includes
	@scripts/check-environment
	@ctest --preset $(PRESET) -j $(JOBS) -LE 'fuzz|naive' $(CTEST_ARGS)

test-fuzz: ## 200,000 damaged files against the parsers, under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory build PRESET=asan
	@ctest --preset asan -L fuzz --verbose

demo: program ## classify real digits with a trained MXNet checkpoint, time ResNet-18 v2
	@examples/digits/demo $(BUILD)/bin

bench: program ## time the zoo's ResNet-18 v2 at three batch sizes
	@$(BUILD)/bin/tenon bench resnet18_v2 --batch 1,8,32

bench-peers: program ## time MXNet, ONNX Runtime, OpenVINO, ncnn and MNN beside Tenon on the same models
	@python3 bench/peers.py --tenon $(BUILD)/bin/tenon

clean: ## remove everything built
	@rm -rf build
