# What can be done with libetcd; `make help` tells it in short.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CARGO      ?= cargo
RUSTC      ?= rustc

# The version's home is Cargo.toml, the soname's is build.rs.
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
ABI     := $(shell sed -n 's/^const ABI_VERSION: &str = "\(.*\)";$$/\1/p' build.rs)

# Both names are Cargo's own. They are set here, too, so that no file of the user's moves what `install` looks for.
CARGO_TARGET_DIR ?= target
RELEASE = $(CARGO_TARGET_DIR)/$(addsuffix /,$(CARGO_BUILD_TARGET))release

# The libraries that a program needs besides libetcd.a. Not -lgcc_s: a C compiler adds it by itself, or what takes its
# place when it links with -static. Each build writes the list, so it tells when the last build was.
NATIVE_LIBS = $(RELEASE)/native-static-libs
SOURCES := $(shell find Cargo.toml Cargo.lock build.rs src include/preamble.h -type f)

PKGCONFIG = $(DESTDIR)$(LIBDIR)/pkgconfig
INSTALLED = $(DESTDIR)$(LIBDIR)/libetcd.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libetcd.so.$(ABI) \
            $(DESTDIR)$(LIBDIR)/libetcd.so $(DESTDIR)$(LIBDIR)/libetcd.a \
            $(DESTDIR)$(INCLUDEDIR)/etcd.h $(DESTDIR)$(INCLUDEDIR)/etcd.hpp $(PKGCONFIG)/etcd.pc

.PHONY: all demo test check tsan header install uninstall bench clean help

all:
	$(CARGO) build --release --lib --target-dir $(CARGO_TARGET_DIR)
	@part=$$(mktemp -d $(NATIVE_LIBS).XXXXXX) && trap 'rm -rf "$$part"' EXIT; \
	printf '' | $(RUSTC) $(addprefix --target ,$(CARGO_BUILD_TARGET)) --crate-type staticlib \
	    --print native-static-libs -o $$part/empty.a - 2> $$part/log || { cat $$part/log >&2; exit 1; }; \
	sed -n 's/^note: native-static-libs: //p' $$part/log | sed 's/-lgcc_s *//' > $$part/list && \
	mv $$part/list $(NATIVE_LIBS)

demo:
	@examples/demo.sh

demo-%:
	@examples/demo.sh $*

test:
	tests/setup.sh
	$(CARGO) test --no-fail-fast

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(MAKE) test

tsan:
	tests/setup.sh
	$(CARGO) test --test tsan -- --ignored

# The build script has Cargo tell where it put the header.
header:
	@made=$$($(CARGO) build --lib --message-format=json-render-diagnostics \
	    | sed -n '/"reason":"build-script-executed"/s/.*libetcd[#@].*"out_dir":"\([^"]*\)".*/\1/p') && cp "$$made/etcd.h" include/etcd.h

# Only what is older than its sources is built, so that `sudo make install` after `make` needs no Rust of root's own.
$(NATIVE_LIBS): $(SOURCES)
	$(MAKE) all

install: $(NATIVE_LIBS)
	install -d '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(INCLUDEDIR)' '$(PKGCONFIG)'
	install -m 755 $(RELEASE)/libetcd.so '$(DESTDIR)$(LIBDIR)/libetcd.so.$(VERSION)'
	ln -sf libetcd.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/libetcd.so.$(ABI)'
	ln -sf libetcd.so.$(ABI) '$(DESTDIR)$(LIBDIR)/libetcd.so'
	install -m 644 $(RELEASE)/libetcd.a '$(DESTDIR)$(LIBDIR)/libetcd.a'
	install -m 644 include/etcd.h include/etcd.hpp '$(DESTDIR)$(INCLUDEDIR)'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e "s|@NATIVE_LIBS@|$$(cat $(NATIVE_LIBS))|" \
	    -e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|' \
	    -e 's|@INCLUDEDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))|' etcd.pc.in > '$(PKGCONFIG)/etcd.pc'
	chmod 644 '$(PKGCONFIG)/etcd.pc'
	$(REFRESH_LINKER)

uninstall:
	rm -f $(foreach file,$(INSTALLED),'$(file)')
	$(REFRESH_LINKER)

# So that programs find the library, or no longer do, from now on and not after the next boot.
REFRESH_LINKER = @if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

bench:
	benches/run.sh

clean:
	$(CARGO) clean --target-dir $(CARGO_TARGET_DIR)

help:
	@echo 'make            builds libetcd.so and libetcd.a in $(RELEASE)'
	@echo 'make demo       a tour of the library with a private etcd; ETCD_ENDPOINT=http://host:port uses a running one'
	@echo 'make demo-ruby  a tour in another language: $(shell examples/language.sh list | tr '\n' ' ')'
	@echo 'make install    installs library, header and etcd.pc; PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) DESTDIR=$(DESTDIR)'
	@echo 'make uninstall  removes just that; give it the same PREFIX, LIBDIR and DESTDIR'
	@echo 'make test       gets what the tests need and runs them all'
	@echo 'make check      format, lints and tests: what must pass before a change goes in'
	@echo 'make tsan       has the thread sanitizer look at the C programs with threads'
	@echo 'make header     renews include/etcd.h from the doc comments'
	@echo 'make bench      measures the library beside a bare socket and libcurl'
	@echo 'make clean      removes all that was built'
