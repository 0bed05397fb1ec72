# SPDX-License-Identifier: GPL-2.0-or-later
#
# holm: driver, launcher, tests.  "make help" lists the verbs.
#
#	O=DIR		build there (default: build)
#	KDIR=DIR	build the driver against this kernel (default: the running
#			one, else the newest whose headers are installed)
#
# The driver is built in a mirror of its sources below $(O), so that Kbuild
# leaves nothing in the source tree: $(O)/kmod-RELEASE/holm.ko, and beside it
# holm-kunit.ko for a kernel that has KUnit.

top := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
O ?= $(top)/build
override O := $(abspath $(O))
# Kbuild knows an O= of its own.
MAKEOVERRIDES := $(filter-out O=%,$(MAKEOVERRIDES))
MAKEFLAGS += --no-print-directory

.PHONY: all modules driver driver-kunit driver-locked driver-kunit-locked \
	userspace programs check check-kunit check-user check-amd \
	check-intel bench demo install uninstall dkms-install dkms-uninstall deb \
	rpm docs clean help setup force
all: modules userspace

help:
	@sed -n '/^##/s/^## \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

## all          the driver and the launcher
## modules      the driver, for KDIR
## userspace    the launcher and its library
## check        everything that tests: sets up, builds, runs all suites
## check-kunit  ... the driver's unit tests only
## check-user   ... the launcher's unit tests only
## check-amd    ... the suites on the emulated AMD host only
## check-intel  ... the suites on the emulated Intel host only
## bench        times holm beside KVM on both emulated hosts
## demo         boots Debian as a guest, here or in an emulated host
## setup        installs the packages all this needs (Debian, as root)
## install      the driver (by DKMS), launcher, library and manual pages, below
##              PREFIX (/usr/local); with DESTDIR below that, and nothing is run
## uninstall    removes them
## dkms-install the driver only; DKMS builds it for each kernel
## dkms-uninstall  removes it
## deb          the Debian packages, in build/deb
## rpm          the RPM packages, in build/rpm
## docs         the documentation as HTML
## clean        removes what was built (not the cached host kernels)
## help         this list

# --- the driver

ifneq ($(filter all modules driver%,$(or $(MAKECMDGOALS),all)),)
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(shell ls -dv /usr/src/linux-headers-*-amd64 2>/dev/null | tail -n 1))
ifeq ($(strip $(KDIR)),)
$(error no kernel headers for the running kernel: run "make setup", or name \
	a kernel's build directory with KDIR=)
endif
# Not include/config/kernel.release: that of Debian's headers is upstream's.
KRELEASE := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
ifeq ($(KRELEASE),)
$(error KDIR=$(KDIR) is no kernel build directory: it has no \
	include/generated/utsrelease.h)
endif
HAS_KUNIT := $(shell grep -s '^CONFIG_KUNIT=' $(KDIR)/include/config/auto.conf)
endif

kmod_out := $(O)/kmod-$(KRELEASE)
kunit_out := $(kmod_out)/kunit
kmod_files = $(shell cd $(top) && find Kbuild kmod uapi -type f ! -name '.*')
kunit_files = $(shell cd $(top) && find Kbuild kmod uapi tests/kunit -type f ! -name '.*' \
	2>/dev/null)

modules: driver $(if $(HAS_KUNIT),driver-kunit)
driver: $(kmod_out)/holm.ko
driver-kunit: $(kmod_out)/holm-kunit.ko

# One at a time: beds that start together build for one kernel.
$(kmod_out)/holm.ko: $(addprefix $(top)/,$(kmod_files)) $(kmod_out)/kdir
	@flock $(kmod_out)/lock $(MAKE) driver-locked KDIR=$(KDIR) O=$(O)

driver-locked:
	@$(top)/scripts/mirror $(kmod_out)/src Kbuild kmod uapi
	@$(MAKE) -C $(KDIR) M=$(kmod_out)/src modules
	@cp $(kmod_out)/src/holm.ko $(kmod_out)/

$(kmod_out)/holm-kunit.ko: $(addprefix $(top)/,$(kunit_files)) $(kmod_out)/kdir
	@flock $(kmod_out)/lock $(MAKE) driver-kunit-locked KDIR=$(KDIR) O=$(O)

driver-kunit-locked:
	@$(top)/scripts/mirror $(kunit_out) Kbuild kmod uapi tests/kunit
	@$(MAKE) -C $(KDIR) M=$(kunit_out) HOLM_KUNIT=1 modules
	@cp $(kunit_out)/holm-kunit.ko $(kmod_out)/

# Two kernels may be of one release: another KDIR builds anew.
$(kmod_out)/kdir: force
	@mkdir -p $(@D)
	@echo $(realpath $(KDIR)) | cmp -s - $@ || { \
		rm -rf $(kmod_out)/src $(kunit_out); echo $(realpath $(KDIR)) >$@; }

# --- the launcher and the tests' programs

userspace:
	@$(MAKE) -C userspace O=$(O)

programs: userspace
	@$(MAKE) -C tests O=$(O)

# --- checks

setup:
	@scripts/setup

check: setup
	@tests/run-all --build $(O)

check-kunit check-user check-amd check-intel: setup
	@tests/run-all --build $(O) --group $(@:check-%=%)

bench: setup
	@$(MAKE) programs
	@tests/bench/run --build $(O)

demo: setup
	@O=$(O) scripts/demo

# --- installation and documentation

install: userspace
	@$(MAKE) -C userspace O=$(O) install
	@$(MAKE) -C Documentation O=$(O) install
	@$(MAKE) -C dist install
	@scripts/install-module

dkms-install:
	@$(MAKE) -C dist install-driver
	@scripts/install-module

dkms-uninstall:
	@scripts/install-module --remove
	@$(MAKE) -C dist uninstall-driver

uninstall:
	@scripts/install-module --remove
	@$(MAKE) -C dist uninstall
	@$(MAKE) -C userspace O=$(O) uninstall
	@$(MAKE) -C Documentation O=$(O) uninstall

deb:
	@scripts/make-deb $(O)/deb

rpm:
	@scripts/make-rpm $(O)/rpm

docs:
	@$(MAKE) -C Documentation O=$(O) html

clean:
	rm -rf $(O)
