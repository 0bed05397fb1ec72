/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each boot protocol tells, in one form; and the console. */
#ifndef TESTS_BOOT_H
#define TESTS_BOOT_H

#include <stdint.h>

#define MAX_MODULES	64
#define MAX_RANGES	32

struct boot_module {
	uint64_t start;
	uint64_t size;
	const char *string;
};

struct boot_range {
	uint64_t start;
	uint64_t size;
	uint32_t type;		/* as in the e820 map */
};

struct boot_info {
	const char *protocol;
	const char *cmdline;
	uint64_t rsdp;		/* 0: look for it */
	unsigned int nr_modules;
	unsigned int nr_ranges;
	struct boot_module modules[MAX_MODULES];
	struct boot_range ranges[MAX_RANGES];
};

/* start.S enters here with the registers as the loader left them. */
void boot(uint32_t eax, uint32_t ebx);

/* Prints all that @bi has and does what the command line asks for. */
void run(const struct boot_info *bi) __attribute__((noreturn));

void put(const char *s);
void die(const char *why) __attribute__((noreturn));

static inline const void *at(uint64_t paddr)
{
	return (const void *)(uintptr_t)paddr;
}

#endif
