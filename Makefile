# peerd: one non-recursive Makefile for every program, test and check. `make help` lists the targets.
#
# Sources are found by wildcard, folder by folder, so a new file needs no edit here. Objects go to
# build/VARIANT/obj, archives to build/VARIANT/lib. The flags that pkg-config answers are kept in a
# generated file that depends on the packages: make re-executes itself once they are installed, so a
# fresh Debian with gcc and make needs nothing else typed.

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# One job a core; a -j on the command line wins over this.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
SEED ?= 1
SEEDS ?= 300
FUZZ_SECONDS ?= 60
V ?= 0
export BUILD JOBS V

ifeq ($(V),1)
Q :=
say :=
else
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)'
endif

# ---- folders -------------------------------------------------------------------------------------

PURE_DIRS := peerd/base peerd/wire peerd/policy peerd/core monitor topo \
             transcoder/timeline transcoder/rtp transcoder/hls

# One archive a group. `main.c` is a program's own and never enters an archive.
ARCHIVES := pure net io web ctl sim find geo media worker client testlib
DIRS_pure := $(PURE_DIRS)
DIRS_net := peerd/net
DIRS_io := peerd/io
DIRS_web := peerd/web
DIRS_ctl := peerd/ctl
DIRS_sim := peerd/sim
DIRS_find := topo/find
DIRS_geo := topo/geo
DIRS_media := transcoder/media
DIRS_worker := transcoder/worker
DIRS_client := transcoder/client
DIRS_testlib := test/lib test/lib/wan

# What each program links, its own folder first. A program without its main.c is left out.
PROGRAMS := peerd transcoderd peerclient peerctl peersim
MAIN_peerd := peerd/main.c
MAIN_transcoderd := transcoder/worker/main.c
MAIN_peerclient := transcoder/client/main.c
MAIN_peerctl := peerd/ctl/main.c
MAIN_peersim := peerd/sim/main.c
NEED_peerd := io web find geo net pure
NEED_transcoderd := worker media net pure
NEED_peerclient := client media net pure
NEED_peerctl := ctl io geo net pure
NEED_peersim := sim io geo pure
NEED_live := testlib sim io geo net pure
# Where test/lib/standstill.c comes between the folders and the system.
STANDSTILL := -Wl,--wrap=net_now,--wrap=net_loop_run_until,--wrap=timerfd_settime
# Where test/lib/quick_start.c comes between two libraries.
QUICK_START := -Wl,-u,mbedtls_x509_crt_parse_file,--export-dynamic-symbol=mbedtls_x509_crt_parse_file
# Tests are run by Criterion, those under the sanitizers by forking (see test/lib/forked).
FORKED ?= asan
FORKED_RUN := test/lib/forked/criterion/run.c
is_forked = $(filter $(FORKED),$(1))
runs_tests = $(if $(call is_forked,$(1)),$(FORKED_RUN))
libs_tests = $(if $(call is_forked,$(1)),,-lcriterion $(QUICK_START))
NEED_fuzz := client sim io geo media net pure
NEED_test := testlib worker client sim ctl io web find geo media net pure

$(foreach a,$(ARCHIVES),$(eval \
  SRC_$(a) := $$(filter-out %/main.c,$$(sort $$(foreach d,$$(DIRS_$(a)),$$(wildcard $$(d)/*.c))))))
HAVE_PROGRAMS := $(strip $(foreach p,$(PROGRAMS),$(if $(wildcard $(MAIN_$(p))),$(p))))
# The status page's files, as a table in C.
WEB_FILES := $(sort $(foreach e,html css js svg,$(wildcard peerd/web/*.$(e))))
WEB_TABLE := $(BUILD)/gen/web_files.c
SRC_web += $(WEB_TABLE)
TEST_SRC := $(sort $(wildcard test/unit/*_test.c test/scenario/*_test.c))
FUZZ_SRC := $(sort $(wildcard test/fuzz/*_fuzz.c))
BENCH_SRC := $(sort $(wildcard test/bench/*_bench.c))
BENCH_LIB_SRC := $(sort $(filter-out $(BENCH_SRC),$(wildcard test/bench/*.c)))
LIVE_SRC := $(sort $(wildcard test/live/*.c))

# ---- packages and flags --------------------------------------------------------------------------

PKGS := libuv libmicrohttpd libcurl libcares yaml-0.1 jansson libsodium gnutls libssl libcrypto \
        libavformat libavcodec libswresample libswscale libavutil opus libmaxminddb

# Targets that compile nothing themselves need no packages and no generated files.
LIGHT_GOALS := help clean deps format format-check tidy test check-all determinism
TEST_GOALS := tests unit asan asan-tests clang benches bench fuzz fuzzers purity soak compile_commands.json
GOALS := $(or $(MAKECMDGOALS),all)
LEVEL := $(if $(filter $(TEST_GOALS) $(BUILD)/%,$(GOALS)),test,$(if $(filter demo,$(GOALS)),demo,build))
GROUPS_build := build
GROUPS_demo := build demo
GROUPS_test := build demo test
ifneq ($(filter-out $(LIGHT_GOALS),$(GOALS)),)
include $(BUILD)/packages-$(LEVEL).mk $(BUILD)/flags.mk
$(shell mkdir -p $(foreach v,release asan clang fuzz,$(BUILD)/$(v)/lib))
endif

$(BUILD)/packages-%.mk: conf/packages.txt test/lib/deps
	@mkdir -p $(@D)
	@test/lib/deps $(GROUPS_$*)
	@echo '# Packages found: $(GROUPS_$*)' > $@

# -lgsm: it tells pkg-config nothing.
$(BUILD)/flags.mk: conf/packages.txt | $(BUILD)/packages-$(LEVEL).mk
	@cflags=$$(pkg-config --cflags $(PKGS)) && libs=$$(pkg-config --libs $(PKGS)) && \
	printf '%s\n' '# Generated from the packages found; see Makefile.' \
	  "DEP_CFLAGS := $$cflags" "DEP_LIBS := $$libs -lgsm" > $@.tmp && mv $@.tmp $@

.PHONY: deps
deps: ## install the packages of conf/packages.txt that are missing (NO_INSTALL=1 only prints)
	@test/lib/deps build demo test

# ---- variants ------------------------------------------------------------------------------------

VARIANTS := release asan clang fuzz
GCC := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
CLANG ?= clang
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CC_release := $(GCC)
CC_asan := $(GCC)
CC_clang := $(CLANG)
CC_fuzz := $(CLANG)
OPT_release := -O2 -g
# The sanitizers' builds name lines, no variables: a third less to compile. What is compiled with clang
# only to be warned of need not be optimised, nor what a fuzzer does for a second or two (FUZZ_OPT):
# optimised, the sanitizers and the fuzzer's counters take three times as long to compile.
FUZZ_OPT ?= -O1
OPT_asan := -O1 -g1 $(SANITIZE)
OPT_clang := -O0
OPT_fuzz := $(FUZZ_OPT) -g1 $(SANITIZE) -fsanitize=fuzzer-no-link
# Tests are many and each is linked by itself, which gold does in a third of the time. What they test
# is optimised as it is in the programs, they themselves are not. Of Criterion's macros gcc need not
# remember each step.
GOLD := $(if $(shell command -v ld.gold),-fuse-ld=gold)
LD_asan := $(SANITIZE) $(GOLD)
LD_fuzz := $(SANITIZE) $(GOLD)
OF_CRITERION := release:test/unit/% release:test/scenario/%
OF_TESTS := $(OF_CRITERION) release:test/lib/forked/% asan:test/%
BIN_release := $(BUILD)/bin
BIN_asan := $(BUILD)/asan/bin
BIN_clang := $(BUILD)/clang/bin
BIN_fuzz := $(BUILD)/fuzz/bin

WARN := -Wall -Wextra -Wswitch-enum -Werror
# Pure folders see plain C11, so that a clock or a socket is not even declared there by accident.
cflags = -std=c11 -ffp-contract=off $(WARN) $(OPT_$(1)) $(if $(filter $(OF_TESTS),$(1):$(2)),-O0 -g1) $(if $(filter $(OF_CRITERION),$(1):$(2)),-ftrack-macro-expansion=0) -I. $(if $(call is_forked,$(1)),$(if $(filter test/unit/% test/scenario/%,$(2)),-Itest/lib/forked)) $(if $(filter $(SRC_pure),$(2)),,-D_GNU_SOURCE) \
         -DPEERD_VERSION='"$(VERSION)"' $(DEP_CFLAGS) $(CFLAGS)
ldlibs = -Wl,--as-needed $(DEP_LIBS) -lm -lpthread $(LDFLAGS)

objects = $(patsubst %.c,$(BUILD)/$(1)/obj/%.o,$(2))
archives = $(patsubst %,$(BUILD)/$(1)/lib/libpeerd_%.a,$(2))
# Archives may need one another within the allowed arrows (test/lib/arrows checks those).
group = -Wl,--start-group $(filter %.a,$(1)) -Wl,--end-group

# $(call remember,file,text) rewrites file only when text changed: what depends on it follows.
same = $(if $(subst x$(1),,x$(2))$(subst x$(2),,x$(1)),,yes)
remember = $(if $(and $(wildcard $(1)),$(call same,$(strip $(file <$(1))),$(strip $(2)))),,$(file \
  >$(1),$(strip $(2))))

# The fuzzers' flags change with FUZZ_OPT, which only those who want fuzzers know.
define variant_rules
ifneq ($$(and $$(DEP_LIBS),$$(or $$(filter-out fuzz,$(1)),$$(filter fuzz fuzzers $$(BUILD)/fuzz/%,$$(GOALS)))),)
$$(call remember,$(BUILD)/$(1)/flags,$$(CC_$(1)) $$(call cflags,$(1),-) $$(LD_$(1)) $$(ldlibs))
endif
$(BUILD)/$(1)/flags: ;

$(BUILD)/$(1)/obj/%.o: %.c $(BUILD)/$(1)/flags
	$$(call say,CC,$(if $(filter release,$(1)),,$(1): )$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(call cflags,$(1),$$<) -MMD -MP -c $$< -o $$@
endef

# $(1) variant, $(2) archive. The list file makes a removed source leave the archive, too.
define archive_rules
ifdef DEP_LIBS
$$(call remember,$(BUILD)/$(1)/lib/$(2).list,$$(SRC_$(2)))
endif
$(BUILD)/$(1)/lib/$(2).list: ;
$(BUILD)/$(1)/lib/libpeerd_$(2).a: $$(call objects,$(1),$$(SRC_$(2))) $(BUILD)/$(1)/lib/$(2).list
	$$(Q)rm -f $$@ && ar qcs $$@ $$(filter %.o,$$^)
endef

# $(1) variant, $(2) binary, $(3) sources of its own, $(4) archives, $(5) further flags
define binary_rules
$(2): $$(call objects,$(1),$(3)) $$(call archives,$(1),$(4))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(LD_$(1)) $$(filter %.o,$$^) $$(call group,$$^) $(5) $$(ldlibs) -o $$@
ALL_OBJ += $$(call objects,$(1),$(3))
endef

base_of = $(notdir $(basename $(1)))
programs = $(addprefix $(BIN_$(1))/,$(HAVE_PROGRAMS))
tests = $(foreach s,$(TEST_SRC),$(BUILD)/$(1)/test/$(call base_of,$(s)))
benches = $(foreach s,$(BENCH_SRC),$(if $(filter release,$(1)),$(BUILD),$(BUILD)/$(1))/bench/$(call base_of,$(s)))
live = $(if $(LIVE_SRC),$(if $(filter release,$(1)),$(BUILD),$(BUILD)/$(1))/test/live-run)
fuzzers = $(foreach s,$(FUZZ_SRC),$(BUILD)/fuzz/bin/$(call base_of,$(s)))

$(foreach v,$(VARIANTS),$(eval $(call variant_rules,$(v))) \
  $(foreach a,$(ARCHIVES),$(eval $(call archive_rules,$(v),$(a)))))
$(foreach v,release asan clang, \
  $(foreach p,$(HAVE_PROGRAMS),$(eval $(call binary_rules,$(v),$(BIN_$(v))/$(p),$(MAIN_$(p)),$(NEED_$(p))))) \
  $(foreach s,$(TEST_SRC),$(eval $(call \
    binary_rules,$(v),$(BUILD)/$(v)/test/$(call base_of,$(s)),$(s) $(call runs_tests,$(v)),$(NEED_test),$(GOLD) $(call libs_tests,$(v)) $(STANDSTILL)))) \
  $(if $(LIVE_SRC),$(eval $(call binary_rules,$(v),$(call live,$(v)),$(LIVE_SRC),$(NEED_live)))))
$(foreach v,release clang,$(foreach s,$(BENCH_SRC),$(eval $(call binary_rules,$(v),$(filter \
    %/$(call base_of,$(s)),$(call benches,$(v))),$(s) $(BENCH_LIB_SRC),$(NEED_test)))))
$(foreach s,$(FUZZ_SRC),$(eval $(call \
  binary_rules,fuzz,$(BUILD)/fuzz/bin/$(call base_of,$(s)),$(s),$(NEED_fuzz),-fsanitize=fuzzer)))

# ---- targets -------------------------------------------------------------------------------------

# Pages beside the code; the lists of peerctl's and of the policy's come from the tables themselves.
MAN_SRC := $(sort $(wildcard peerd/*.[158] peerd/*/*.[158] transcoder/*/*.[158]))
MANS := $(addprefix $(BUILD)/man/,$(notdir $(MAN_SRC)))
COMPLETIONS := $(addprefix $(BUILD)/completion/,bash/peerctl zsh/_peerctl)

.PHONY: all
all: $(call programs,release) $(call live,release) $(BUILD)/test/wall.so $(BUILD)/test/processor.so \
     $(BUILD)/lib/libpeerclient.a $(MANS) $(COMPLETIONS) ## build every program

# $(call page,source,what is put in the place of its line @…@)
define page
	@mkdir -p $(@D)
	$(Q)$(BIN_release)/peerctl $(2) > $@.list && \
	  sed -e '/^[.]Dl @[A-Z]*@$$/{r $@.list' -e 'd}' $(1) > $@.tmp && mv $@.tmp $@ && rm -f $@.list
endef
$(BUILD)/man/peerctl.1: peerd/ctl/peerctl.1 $(BIN_release)/peerctl
	$(call page,$<,help mdoc)
$(BUILD)/man/peerd-policy.5: peerd/policy/peerd-policy.5 $(BIN_release)/peerctl
	$(call page,$<,schema mdoc)
$(foreach m,$(filter-out %/peerctl.1 %/peerd-policy.5,$(MAN_SRC)),$(eval $(BUILD)/man/$(notdir $(m)): $(m)))
$(filter-out %/peerctl.1 %/peerd-policy.5,$(MANS)):
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(COMPLETIONS): $(BIN_release)/peerctl
	@mkdir -p $(@D)
	$(Q)$< completion $(notdir $(patsubst %/,%,$(@D))) > $@.tmp && mv $@.tmp $@

$(WEB_TABLE): $(WEB_FILES) peerd/web/embed
	@mkdir -p $(@D)
	$(Q)peerd/web/embed $(WEB_FILES) > $@.tmp && mv $@.tmp $@

# What the live runner loads into programs whose wall clock is to step.
$(BUILD)/test/wall.so: test/lib/wall/wall.c $(BUILD)/release/flags
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC_release) -std=c11 $(WARN) -O2 -D_GNU_SOURCE -fPIC -shared $< -o $@
# What a live test loads into a transcoderd whose processor is to be an older one.
$(BUILD)/test/processor.so: test/lib/processor/processor.c $(BUILD)/release/flags
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC_release) -std=c11 $(WARN) -O2 -D_GNU_SOURCE $(DEP_CFLAGS) -fPIC -shared $< -o $@

# What an application links: the client library with all it stands on, in a single archive.
# The sidecar's outputs, which need FFmpeg or serve HTTP, are not part of it.
CLIENT_LIB_OBJ := $(filter-out %/outputs.o %/local.o %/ogg.o %/streaming.o %/guide.o %/relay.o,$(foreach a,client net pure,$(call objects,release,$(SRC_$(a)))))
$(BUILD)/lib/libpeerclient.a: $(call archives,release,client net pure)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar qcs $@ $(CLIENT_LIB_OBJ)

.PHONY: tests clang benches fuzzers
tests: $(call tests,release) ## build the unit and scenario tests
benches: $(call benches,release) $(BUILD)/bench/detector
# The shoot-out has arguments of its own and goes by a shorter name.
$(BUILD)/bench/detector: $(BUILD)/bench/detector_bench
	$(Q)ln -f $< $@
fuzzers: $(fuzzers)
# Not linked: what is linked with clang and run are the fuzzers, and peersim for check-determinism. So of
# what is no archive nothing is made: clang gives its warnings before it would.
CLANG_SEEN := $(patsubst %.c,$(BUILD)/clang/seen/%,$(foreach p,$(HAVE_PROGRAMS),$(MAIN_$(p))) $(TEST_SRC) \
                $(FORKED_RUN) $(BENCH_SRC) $(BENCH_LIB_SRC) $(LIVE_SRC))
$(CLANG_SEEN): $(BUILD)/clang/seen/%: %.c $(BUILD)/clang/flags
	$(call say,SEE,clang: $<)
	@mkdir -p $(@D)
	$(Q)$(CC_clang) $(call cflags,clang,$<) -fsyntax-only -MMD -MP -MT $@ -MF $@.d $< && touch $@
clang: ## compile everything with clang
clang: $(CLANG_SEEN) $(foreach a,$(ARCHIVES),$(call archives,clang,$(a)))

.PHONY: unit
unit: all tests ## run the unit and scenario tests
	@test/lib/run-unit release $(call tests,release)

.PHONY: asan asan-tests
asan-tests: $(call tests,asan) $(call programs,asan) $(call live,asan)
asan: $(BUILD)/asan/passed ## run them under AddressSanitizer and UBSan (nothing to do if unchanged)
	@tail -n 1 $<
$(BUILD)/asan/passed: $(call tests,asan) $(call programs,asan) $(call live,asan) test/lib/run-unit \
                      $(wildcard conf/*.yaml test/data/* test/data/*/*)
	@mkdir -p $(@D)
	@test/lib/run-unit asan $(call tests,asan) > $@.tmp || { cat $@.tmp; rm -f $@.tmp; exit 1; }
	@mv $@.tmp $@

.PHONY: test check-all
test: ## everything that must pass before a push, in less than ten minutes
	@+MAKE='$(MAKE)' test/lib/run-all test
check-all: ## the same with more seeds, longer fuzzing and every live test
	@+MAKE='$(MAKE)' test/lib/run-all check-all

.PHONY: purity tidy format format-check man
man: all ## build the man pages and look for faults in them (mandoc)
	@test/lib/check-man $(BIN_release) $(MANS)
purity: $(call objects,release,$(SRC_pure)) ## prove that the pure folders link alone
	@CC='$(CC_release)' test/lib/purity $^
tidy: ## length, layout, leftovers and the arrows between folders
	@test/lib/tidy
format-check:
	@test/lib/format check
format: ## clang-format every source in place
	@test/lib/format write

.PHONY: demo live sim sim-scale sim-seeds soak watch mutants determinism fuzz bench
demo: all ## three clusters, ten listeners, a dead site (KILLS=n SEED=n JSON=1)
	@BUILD='$(BUILD)' KILLS='$(KILLS)' SEED='$(if $(filter file,$(origin SEED)),,$(SEED))' JSON='$(JSON)' test/live/demo
live: all ## the real programs on loopback
	@test/live/all
sim: all ## one run of the simulator (SEED=n)
	@$(BUILD)/bin/peersim --seed $(SEED) $(SIM_ARGS)
sim-scale: all ## a thousand clusters, a million listeners, and what it costs (SCALE=fifty: a few)
	@$(BUILD)/bin/peersim test/scenario/scale/$(or $(SCALE),thousand).yaml --seed $(SEED) --json \
	  | sed 's/.*"expectations"/"expectations"/'
sim-seeds: all ## many runs of the simulator (SEEDS=300)
	@SEEDS=$(SEEDS) test/lib/run-seeds
soak: all ## the swarm for a long time, to the first failure (SOAK_SEEDS=10000 FIRST_SEED=1 KEEP_GOING=1)
	@$(BUILD)/bin/peersim --runs $(or $(SOAK_SEEDS),10000) --first-seed $(or $(FIRST_SEED),1) \
	  --jobs $(JOBS) $(if $(KEEP_GOING),--keep-going) --shrink-to $(BUILD)/sim
watch: all ## 90 days of a peer in which nothing happens, 400 deaths: wrong moves, and T_D (5 min)
	@test/lib/run-watch
mutants: all ## break the program in many places, one at a time: the simulator must notice
	@test/lib/run-mutants $(MUTANTS)
determinism: ## the same seed on gcc and clang, -O0 and -O2, twice (SEEDS=20)
	@SEEDS=$(if $(filter file,$(origin SEEDS)),,$(SEEDS)) MAKE='$(MAKE)' test/lib/check-determinism --full
fuzz: fuzzers ## fuzz every decoder, FUZZ_SECONDS=60 each
	@FUZZ_SECONDS=$(FUZZ_SECONDS) test/lib/run-fuzz $(fuzzers)
bench: all benches ## measure (JSON=1 for machine-readable output)
	@test/lib/run-bench $(if $(JSON),--json) $(call benches,release)

.PHONY: install
SAMPLES := $(sort $(wildcard conf/*.yaml)) conf/first-steps.md
UNITS := $(sort $(wildcard conf/*.service))
# What README.md sends an operator to.
GUIDES := $(addsuffix /README.md,conf peerd/ctl peerd/sim transcoder/hls monitor topo)
CLIENT_PKGS := libuv libcurl jansson libsodium libssl libcrypto
CLIENT_H := $(wildcard transcoder/client/peerclient.h)
install: all ## install into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	  $(DESTDIR)$(PREFIX)/share/doc/peerd/examples $(DESTDIR)$(PREFIX)/lib/systemd/system \
	  $(foreach n,1 5 8,$(DESTDIR)$(PREFIX)/share/man/man$(n)) \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	  $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions $(DESTDIR)$(PREFIX)/share/peerd
	$(if $(HAVE_PROGRAMS),install -m 755 $(call programs,release) $(DESTDIR)$(PREFIX)/bin)
	$(if $(CLIENT_H),install -m 644 $(CLIENT_H) $(DESTDIR)$(PREFIX)/include)
	install -m 644 $(BUILD)/lib/libpeerclient.a $(DESTDIR)$(PREFIX)/lib
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: peerclient' 'Version: $(VERSION)' \
	  'Description: sessions that outlive the site that serves them' \
	  'Cflags: -I$${prefix}/include' 'Requires: $(CLIENT_PKGS)' \
	  'Libs: -L$${prefix}/lib -lpeerclient -lm -lpthread' \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/peerclient.pc
	install -m 644 LICENSE $(wildcard README.md) $(DESTDIR)$(PREFIX)/share/doc/peerd
	$(foreach f,$(GUIDES),install -m 644 -D $(f) $(DESTDIR)$(PREFIX)/share/doc/peerd/$(f);)
	$(foreach n,1 5 8,install -m 644 $(filter %.$(n),$(MANS)) $(DESTDIR)$(PREFIX)/share/man/man$(n);)
	install -m 644 $(BUILD)/completion/bash/peerctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 $(BUILD)/completion/zsh/_peerctl $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions
	$(if $(SAMPLES),install -m 644 $(SAMPLES) $(DESTDIR)$(PREFIX)/share/doc/peerd/examples)
	install -m 644 conf/prometheus/alerts.yml conf/grafana/peerd.json $(DESTDIR)$(PREFIX)/share/peerd
	$(foreach u,$(UNITS),sed 's|@PREFIX@|$(PREFIX)|g' $(u) \
	  > $(DESTDIR)$(PREFIX)/lib/systemd/system/$(notdir $(u));)

.PHONY: deb
DEB := $(BUILD)/peerd_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb
deb: ## a Debian package, in $(BUILD)
	$(Q)rm -rf $(BUILD)/deb
	$(Q)$(MAKE) --no-print-directory install DESTDIR=$(BUILD)/deb PREFIX=/usr > $(BUILD)/deb.log 2>&1 \
	  || { cat $(BUILD)/deb.log; exit 1; }
	$(Q)test/lib/make-deb $(BUILD)/deb $(VERSION) $(DEB)
.PHONY: check-deb
check-deb: deb ## install it into a fresh Debian, run it there, remove it (debootstrap, root)
	@test/lib/check-deb $(DEB)

.PHONY: compile_commands.json
compile_commands.json: ## for editors (needs bear)
	rm -rf $(BUILD)/bear && bear -- $(MAKE) BUILD=$(BUILD)/bear all tests

.PHONY: clean help
clean: ## remove all that was built
	rm -rf $(BUILD)
help: ## print this list
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' Makefile

ALL_OBJ += $(foreach v,$(VARIANTS),$(foreach a,$(ARCHIVES),$(call objects,$(v),$(SRC_$(a)))))
-include $(patsubst %.o,%.d,$(sort $(ALL_OBJ))) $(addsuffix .d,$(CLANG_SEEN))
.SECONDARY:
