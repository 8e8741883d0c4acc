# What can be done with libetcd; `make help` tells it in short.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/libetcd
CARGO      ?= cargo
# A Cargo that is named by its path has its compiler beside it.
RUSTC      ?= $(if $(findstring /,$(CARGO)),$(dir $(CARGO))rustc,rustc)
export CARGO RUSTC

# The version's home is Cargo.toml, the soname's is build.rs.
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
ABI     := $(shell sed -n 's/^const ABI_VERSION: &str = "\(.*\)";$$/\1/p' build.rs)

# Both names are Cargo's own. They are set here, too, so that no file of the user's moves what `install` looks for.
CARGO_TARGET_DIR ?= target
RELEASE = $(CARGO_TARGET_DIR)/$(addsuffix /,$(CARGO_BUILD_TARGET))release

# Written last when the libraries are made, so it is as old as they are.
BUILT = $(RELEASE)/lib/native-static-libs
SOURCES := $(shell find Cargo.toml Cargo.lock build.rs src include/preamble.h include/etcd.h examples/migrate.c \
    scripts/build.sh scripts/libraries.sh abi/libetcd.map tools/manual -type f)

# The manual is made of the header by a tool that needs nothing but the compiler. One page stands for all.
MANUAL = $(CARGO_TARGET_DIR)/manual
MAN    = $(CARGO_TARGET_DIR)/man
DOC    = $(CARGO_TARGET_DIR)/doc/html

.PHONY: all demo demo-v3 test check fresh tsan miri header abi man doc symbols third-party install uninstall deb rpm \
    torture lies chaos soak npm wheel packages reproducible bench fuzz clean help

all: man
	scripts/build.sh "$(CARGO_TARGET_DIR)"
	@scripts/libraries.sh "$(RELEASE)"

demo:
	@examples/demo.sh

demo-v3:
	@examples/demo.sh c 3.6

demo-%:
	@examples/demo.sh $*

# What `make test` leaves to `make check`: test programs that take minutes, and all languages but C, Rust and Python.
SLOW_TESTS = chaos demo failover install large network recipes tls torture tsan v3 watch
SLOW_LANGUAGES = $(filter-out python rust,$(shell examples/language.sh list))
TESTS = $(patsubst tests/%.rs,%,$(wildcard tests/*.rs)) $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs))

test:
	tests/setup.sh core
	$(CARGO) test --no-fail-fast --lib $(addprefix --test ,$(filter-out $(SLOW_TESTS),$(TESTS))) -- \
	    $(addprefix --skip languages::,$(SLOW_LANGUAGES)) --skip languages::the_readmes_lines_run \
	    --skip languages::make_demo_runs_one --skip cpp::
	@echo 'These were the tests of the core; "make check" runs all.'

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps
	tests/setup.sh
	$(CARGO) test --workspace --no-fail-fast

# The two commands of a newcomer, on systems with nothing installed.
fresh:
	tests/fresh.sh

tsan:
	tests/setup.sh
	$(CARGO) test --test tsan -- --ignored

miri:
	tests/miri.sh

torture lies:
	tests/setup.sh
	$(CARGO) test --test torture -- --ignored --nocapture --test-threads 1 $(if $(filter lies,$@),lies::,misuse::)

chaos:
	tests/setup.sh
	$(CARGO) test --test chaos results_are_true_for_long -- --ignored --nocapture

soak:
	tests/setup.sh
	$(CARGO) test --release --test chaos memory_descriptors_and_threads -- --ignored --nocapture

# The build script has Cargo tell where it put the header.
header:
	@made=$$($(CARGO) build --lib --message-format=json-render-diagnostics \
	    | sed -n '/"reason":"build-script-executed"/s/.*libetcd[#@].*"out_dir":"\([^"]*\)".*/\1/p') && cp "$$made/etcd.h" include/etcd.h

abi:
	@scripts/abi.sh renew
	tests/setup.sh core
	ETCD_ABI_RENEW=1 $(CARGO) test --test shapes

man: $(MAN)/man7/libetcd.7

doc: $(DOC)/index.html

$(MANUAL): $(wildcard tools/manual/*.rs)
	@mkdir -p $(CARGO_TARGET_DIR)
	@part=$$(mktemp -d $@.XXXXXX) && trap 'rm -rf "$$part"' EXIT && \
	    $(RUSTC) --edition 2024 -o "$$part/manual" tools/manual/main.rs && mv -f "$$part/manual" $@

$(MAN)/man7/libetcd.7: $(MANUAL) include/etcd.h
	$(MANUAL) man include/etcd.h $(MAN)

$(DOC)/index.html: $(MANUAL) include/etcd.h
	$(MANUAL) html include/etcd.h $(DOC)

symbols:
	packaging/debian/symbols.sh

third-party:
	$(CARGO) about --version || $(CARGO) install --locked cargo-about@0.8.4
	$(CARGO) about generate --locked --fail -c packaging/about.toml -o THIRD-PARTY.md packaging/about.hbs

# `sudo make install` after `make` needs no Rust of root's own, and leaves no files of root's in target/.
$(BUILT): $(SOURCES)
	@if [ -n "$$SUDO_USER" ] || ! command -v $(CARGO) >/dev/null; then \
	    echo 'The library is not built, or older than its sources: run "make" as yourself first, then "make install".' >&2; \
	    exit 1; \
	fi
	$(MAKE) all

# Any of them may hold spaces, so they go by the environment.
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export LIBDIR := $(LIBDIR)
install uninstall: export INCLUDEDIR := $(INCLUDEDIR)
install uninstall: export MANDIR := $(MANDIR)
install uninstall: export MAN := $(MAN)
install uninstall: export DOCDIR := $(DOCDIR)
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export VERSION := $(VERSION)
install uninstall: export ABI := $(ABI)
install uninstall: export RELEASE := $(RELEASE)

install: $(BUILT)
	@scripts/install.sh install

uninstall:
	@scripts/install.sh uninstall

deb rpm:
	packaging/$@.sh

npm:
	examples/language.sh setup node
	packaging/node.sh

# Of the library that is built here: the oldest system that it runs on is the one that the wheel's tag names.
wheel: $(BUILT)
	LIBRARY="$(RELEASE)/lib/libetcd.so" packaging/python.sh

# With Debian's own Rust, which is older than others', and not with this machine's.
packages:
	COMMANDS='PATH=/usr/sbin:/usr/bin:/sbin:/bin packaging/deb.sh check' tests/fresh.sh bookworm trixie
	packaging/rpm.sh check

reproducible:
	scripts/reproducible.sh

bench:
	benches/run.sh

fuzz:
	fuzz/run.sh

clean:
	$(CARGO) clean --target-dir $(CARGO_TARGET_DIR)

help:
	@echo 'make            builds libetcd.so and libetcd.a in $(RELEASE)'
	@echo 'make demo       a tour of the library with a private etcd; ETCD_ENDPOINT=http://host:port uses a running one'
	@echo 'make demo-v3    the same with a private etcd 3.6, which has no v2 API and which is built if it is not there yet'
	@echo 'make demo-ruby  a tour in another language: $(shell examples/language.sh list | tr '\n' ' ')'
	@echo 'make install    installs library, header, etcd.pc, manual pages and etcd-v2-to-v3; PREFIX=$(PREFIX) LIBDIR=$(LIBDIR)'
	@echo '                MANDIR=$(MANDIR) DOCDIR=$(DOCDIR) DESTDIR=$(DESTDIR)'
	@echo 'make uninstall  removes just that; give it the same PREFIX, LIBDIR, MANDIR, DOCDIR and DESTDIR'
	@echo 'make test       gets what the tests of the core need and runs them: C, Rust and Python'
	@echo 'make check      format, lints and all tests, in all languages: what must pass before a change goes in'
	@echo 'make fresh      make demo and make test on a bare Debian 12 and 13, made by debootstrap'
	@echo 'make tsan       has the thread sanitizer look at the C programs with threads'
	@echo 'make miri       has Miri look for undefined behaviour in what asks no server; it wants a nightly Rust'
	@echo 'make torture    misuses all functions for TORTURE_SECONDS (300), plainly, under the address sanitizer and valgrind; TORTURE_SEED'
	@echo 'make lies       has servers that lie answer so often: LIES_ANSWERS (100000), under the address sanitizer and valgrind; LIES_SEED'
	@echo 'make chaos      looks for a result that is false while members of clusters are killed, frozen, cut off and wiped;'
	@echo '                CHAOS_SECONDS=600 CHAOS_SEED=number'
	@echo 'make soak       does everything for hours and looks whether memory, descriptors and threads grow; SOAK_SECONDS=7200'
	@echo 'make header     renews include/etcd.h from the doc comments'
	@echo 'make man        makes the manual pages in $(MAN); make doc the same as HTML in $(DOC)'
	@echo 'make abi        renews the baseline of the ABI in abi/, with which the tests compare: see ABI.md'
	@echo 'make symbols    renews the list of functions in the Debian packages'
	@echo 'make third-party   renews THIRD-PARTY.md, the licences of what is linked in, by cargo-about'
	@echo 'make deb        builds Debian packages; make rpm builds RPM packages: into target/packages'
	@echo 'make packages   builds both, on bare Debian 12 and 13, and tries what they install'
	@echo 'make npm        builds the package for npm, of examples/node'
	@echo 'make wheel      builds wheels for Python: one with the library in it, and one that takes the system'"'"'s'
	@echo 'make reproducible   builds twice in two folders and compares'
	@echo 'make bench      measures the library beside a bare socket and other clients'
	@echo 'make fuzz       tries inputs that nobody thought of on all that reads what others write; FUZZ_SECONDS=600'
	@echo 'make clean      removes all that was built'
