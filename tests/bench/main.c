// SPDX-License-Identifier: GPL-2.0-or-later
/* holm-bench: ticks per operation, as a line of JSON. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

static const char *const names[BENCH_OPS] = {
	[BENCH_EMPTY] = "empty",
	[BENCH_CPUID] = "cpuid",
	[BENCH_HYPERCALL] = "hypercall",
	[BENCH_MSR] = "msr",
	[BENCH_PORT] = "port",
	[BENCH_HLT] = "hlt",
	[BENCH_FAULT] = "fault",
};

#define PTE_P	0x1
#define PTE_W	0x2
#define PTE_PS	0x80

#define GDT_CODE64	0x00af9b000000ffffULL
#define GDT_DATA	0x00cf93000000ffffULL

/* SDM vol. 3, "64-Bit Mode IDT": a present interrupt gate for CS 8. */
static void set_gate(uint8_t *idt, unsigned int vector, uint64_t handler)
{
	uint64_t low = (handler & 0xffff) | 8ULL << 16 | 0x8e00ULL << 32 |
		       (handler >> 16 & 0xffff) << 48;
	uint64_t high = handler >> 32;

	memcpy(idt + 16 * vector, &low, 8);
	memcpy(idt + 16 * vector + 8, &high, 8);
}

/* VMCALL and VMMCALL: each vendor has its own opcode. */
static bool is_amd(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[4096];
	bool amd = false;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "AuthenticAMD"))
			amd = true;
	if (f)
		fclose(f);
	return amd;
}

int bench_memory(struct bench *b)
{
	uint64_t entry;
	unsigned int i;

	b->ram = mmap(NULL, BENCH_RAM_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	b->fresh = mmap(NULL, BENCH_FRESH_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->ram == MAP_FAILED || b->fresh == MAP_FAILED) {
		perror("mmap");
		return -1;
	}
	madvise(b->fresh, BENCH_FRESH_SIZE, MADV_NOHUGEPAGE);

	entry = BENCH_PDPT | PTE_P | PTE_W;
	memcpy(b->ram + BENCH_PML4, &entry, 8);
	entry = BENCH_PD | PTE_P | PTE_W;
	memcpy(b->ram + BENCH_PDPT, &entry, 8);
	for (i = 0; i < 512; i++) {
		entry = (uint64_t)i << 21 | PTE_P | PTE_W | PTE_PS;
		memcpy(b->ram + BENCH_PD + 8 * i, &entry, 8);
	}
	entry = GDT_CODE64;
	memcpy(b->ram + BENCH_GDT + 8, &entry, 8);
	entry = GDT_DATA;
	memcpy(b->ram + BENCH_GDT + 16, &entry, 8);
	memcpy(b->ram + BENCH_CODE, bench_guest, bench_guest_end - bench_guest);
	if (is_amd())	/* 0F 01 D9 instead of 0F 01 C1 */
		b->ram[BENCH_CODE + (bench_guest_vmcall - bench_guest) + 2] = 0xd9;
	set_gate(b->ram + BENCH_IDT, BENCH_VECTOR,
		 BENCH_CODE + (bench_guest_isr - bench_guest));
	return 0;
}

bool bench_out(struct bench *b, uint16_t port, uint32_t value)
{
	switch (port) {
	case BENCH_PORT_ID:
		b->id = value < BENCH_OPS ? value : 0;
		break;
	case BENCH_PORT_COUNT:
		b->pending_count = value;
		break;
	case BENCH_PORT_TICKS:
		b->ticks[b->id] = value;
		b->count[b->id] = b->pending_count;
		break;
	case BENCH_PORT_END:
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	double empty;
	int i, err;

	if (argc != 2 || (strcmp(argv[1], "holm") && strcmp(argv[1], "kvm"))) {
		fprintf(stderr, "usage: holm-bench holm|kvm\n");
		return 2;
	}
	if (bench_memory(&b))
		return 1;
	err = strcmp(argv[1], "kvm") ? bench_run_holm(&b) : bench_run_kvm(&b);
	if (err)
		return 1;

	empty = (double)b.ticks[BENCH_EMPTY] / b.count[BENCH_EMPTY];
	printf("{");
	for (i = 1; i < BENCH_OPS; i++) {
		if (!b.count[i]) {
			fprintf(stderr, "holm-bench: %s was not measured\n", names[i]);
			return 1;
		}
		printf("%s\"%s\": %.1f", i > 1 ? ", " : "", names[i],
		       (double)b.ticks[i] / b.count[i] - empty);
	}
	printf("}\n");
	return 0;
}
