# Short names for what CMake does, and the two commands of the README.
#   make        builds build/innerloop
#   make install  installs what make builds below PREFIX (/usr/local), and DESTDIR before it
#   make docs   builds the reference of the library, build/reference/index.html
#   make demo   installs what is missing, builds, meta-trains on built-in data, evaluates, writes a report with pictures
#   make test   installs what is missing, builds, runs every test twice: as released, and sanitized
#   make attack     what `make test` does for seconds for as long as it takes to find something (TESTING.md); ATTACK="fuzz threads"
#   make coverage   which lines and branches the tests run
#   make bench  installs the peers into build-bench/venv, measures innerloop against them (bench/README.md)
#   make bench-python  the same for training loops in Python, which keep PyTorch and change one line
#   make deb    Debian packages into build-deb (debian/), and what lintian says of them
#   make lint   formatting, static analysis, layering, file lengths
JOBS ?= $(shell nproc)
DEMO ?= runs/demo
PREFIX ?= /usr/local

.PHONY: all build install docs demo test attack coverage bench bench-python bench-programs deb lint format clean

all: build

build:
	@tools/bootstrap.sh --check build
	cmake -S . -B build $(if $(wildcard build/CMakeCache.txt),,-DINNERLOOP_TESTS=OFF)
	cmake --build build -j$(JOBS) --target innerloop_cli innerloop_manual

install: build
	cmake --install build --prefix $(PREFIX)

docs:
	@tools/bootstrap.sh docs
	tools/reference.sh build/reference

demo:
	@tools/bootstrap.sh build
	@$(MAKE) --no-print-directory build
	rm -rf $(DEMO)
	build/innerloop train glyphs-5w1s-maml --out $(DEMO)
	build/innerloop eval $(DEMO)
	build/innerloop report $(DEMO)
	@echo 'Look at it: $(DEMO)/report.html. Then with five of your own classes, a folder of a few pictures for each in few/:'
	@echo '  build/innerloop adapt $(DEMO) --support few --out model.safetensors'
	@echo '  build/innerloop predict model.safetensors PICTURE…'

test:
	@tools/bootstrap.sh test
	cmake --preset release
	cmake --build build -j$(JOBS)
	cd build && ctest --output-on-failure -j$(JOBS)
	cmake --preset sanitize
	cmake --build build-sanitize -j$(JOBS)
	find build-sanitize -name '*.gcda' -delete
	cd build-sanitize && ctest --output-on-failure -j$(JOBS)
	python3 tools/coverage.py build-sanitize --sanitized

attack:
	@tools/bootstrap.sh attack
	JOBS=$(JOBS) tools/attack.sh $(ATTACK)

coverage:
	@tools/bootstrap.sh test
	JOBS=$(JOBS) tools/coverage.sh

bench-programs:
	@tools/bootstrap.sh build
	cmake -S . -B build-bench/build -DINNERLOOP_TESTS=OFF -DINNERLOOP_BENCH=ON
	cmake --build build-bench/build -j$(JOBS)
	bench/setup.sh

bench-python: bench-programs
	bench/python_loop.py $(BENCH) --write

bench: bench-programs
	bench/run $(BENCH) && bench/table.py

deb:
	@tools/bootstrap.sh deb
	rm -rf build-deb && mkdir -p build-deb/source
	tar cf - --exclude='./build*' --exclude=./runs --exclude=./.git . | tar xf - -C build-deb/source
	cd build-deb/source && dpkg-buildpackage -us -uc -b
	rm -rf build-deb/source
	lintian --fail-on error build-deb/*.changes

lint:
	@tools/bootstrap.sh lint
	@cmake --preset release >/dev/null
	@tools/lint.sh

format:
	@tools/bootstrap.sh lint
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build build-*
