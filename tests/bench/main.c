// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holm-bench: ticks per operation, as a line of JSON; or one operation again
 * and again, to be looked at from outside.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "bench.h"

static const char *const names[BENCH_OPS] = {
	[BENCH_EMPTY] = "empty",
	[BENCH_CPUID] = "cpuid",
	[BENCH_HYPERCALL] = "hypercall",
	[BENCH_MSR] = "msr",
	[BENCH_ICR_SELF] = "icr-self",
	[BENCH_ICR_OTHER] = "icr-other",
	[BENCH_IOEVENTFD] = "ioeventfd",
	[BENCH_PORT] = "port",
	[BENCH_HLT] = "hlt",
	[BENCH_WAKE] = "wake",
	[BENCH_TIMER] = "timer",
	[BENCH_FAULT] = "fault",
	[BENCH_FAULT_2M] = "fault-2m",
	[BENCH_DIRTY_FAULT] = "dirty-fault",
	[BENCH_VM] = "vm",
	[BENCH_SLOT] = "slot",
	[BENCH_SLOT_64] = "slot-64",
};

/* ---- guest memory --------------------------------------------------------- */

#define PTE_P	0x1
#define PTE_W	0x2
#define PTE_PS	0x80

#define GDT_CODE64	0x00af9b000000ffffULL
#define GDT_DATA	0x00cf93000000ffffULL

/* SDM vol. 3, "64-Bit Mode IDT": a present interrupt gate for CS 8. */
static void set_gate(uint8_t *idt, unsigned int vector, const char *handler)
{
	uint64_t address = BENCH_CODE + (handler - bench_guest);
	uint64_t low = (address & 0xffff) | 8ULL << 16 | 0x8e00ULL << 32 |
		       (address >> 16 & 0xffff) << 48;
	uint64_t high = address >> 32;

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

static uint8_t *map(size_t size, int flags)
{
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (memory == MAP_FAILED) {
		perror(flags & MAP_HUGETLB ?
		       "holm-bench: mmap of huge pages (/proc/sys/vm/nr_hugepages)" :
		       "holm-bench: mmap");
		return NULL;
	}
	if (!(flags & MAP_HUGETLB))
		madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

static int make_memory(struct bench *b)
{
	uint64_t entry;
	unsigned int i;

	b->ram = map(BENCH_RAM_SIZE, 0);
	b->fresh = map(BENCH_FRESH_SIZE, 0);
	b->dirty = map(BENCH_DIRTY_SIZE, 0);
	b->huge = map(BENCH_HUGE_SIZE, MAP_HUGETLB | MAP_POPULATE);
	if (!b->ram || !b->fresh || !b->dirty || !b->huge)
		return -1;

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
	set_gate(b->ram + BENCH_IDT, BENCH_VECTOR, bench_guest_isr);
	set_gate(b->ram + BENCH_IDT, BENCH_VECTOR_AP, bench_guest_ap_isr);
	set_gate(b->ram + BENCH_IDT, BENCH_VECTOR_NULL, bench_guest_null_isr);
	return 0;
}

static int set_slots(struct bench *b)
{
	const struct bench_client *c = b->client;

	return c->slot(b->vm, BENCH_SLOT_RAM, false, 0, BENCH_RAM_SIZE, b->ram) ||
	       c->slot(b->vm, BENCH_SLOT_FRESH, false, BENCH_FRESH, BENCH_FRESH_SIZE, b->fresh) ||
	       c->slot(b->vm, BENCH_SLOT_DIRTY, false, BENCH_DIRTY, BENCH_DIRTY_SIZE, b->dirty) ||
	       c->slot(b->vm, BENCH_SLOT_HUGE, false, BENCH_HUGE, BENCH_HUGE_SIZE, b->huge);
}

/* ---- ports ---------------------------------------------------------------- */

static int reset(struct bench *b)
{
	madvise(b->fresh, BENCH_FRESH_SIZE, MADV_DONTNEED);
	return b->client->slot(b->vm, BENCH_SLOT_HUGE, false, BENCH_HUGE, 0, b->huge) ||
	       b->client->slot(b->vm, BENCH_SLOT_HUGE, false, BENCH_HUGE, BENCH_HUGE_SIZE,
			       b->huge);
}

static int protect(struct bench *b)
{
	uint64_t bitmap[BENCH_DIRTY_SIZE / 4096 / 64];

	if (b->logging)
		return b->client->dirty_log(b->vm, BENCH_SLOT_DIRTY, BENCH_DIRTY_SIZE / 4096,
					    bitmap);
	b->logging = true;
	return b->client->slot(b->vm, BENCH_SLOT_DIRTY, true, BENCH_DIRTY, BENCH_DIRTY_SIZE,
			       b->dirty);
}

/* The round in which nothing else happened on the host. */
static void keep_least(struct bench *b, uint32_t ticks)
{
	double before = b->count[b->id] ? b->ticks[b->id] / b->count[b->id] : 0;

	if (b->count[b->id] && before <= (double)ticks / b->pending_count)
		return;
	b->ticks[b->id] = ticks;
	b->count[b->id] = b->pending_count;
}

/* 0, 1 at the end, or -1. */
static int port_write(struct bench *b, uint16_t port, uint32_t value)
{
	switch (port) {
	case BENCH_PORT_ID:
		b->id = value < BENCH_OPS ? value : 0;
		break;
	case BENCH_PORT_COUNT:
		b->pending_count = value;
		if (b->only)	/* Bochs' debugger takes over here */
			asm volatile("xchg %bx, %bx");
		break;
	case BENCH_PORT_TICKS:
		keep_least(b, value);
		break;
	case BENCH_PORT_RESET:
		return reset(b) ? -1 : 0;
	case BENCH_PORT_PROTECT:
		return protect(b) ? -1 : 0;
	case BENCH_PORT_READY:
		sem_post(&b->ready);
		sem_wait(&b->go);
		break;
	case BENCH_PORT_GO:
		sem_post(&b->go);
		break;
	case BENCH_PORT_DOORBELL:
		fprintf(stderr, "holm-bench: the eventfd did not take a port write\n");
		return -1;
	case BENCH_PORT_END:
		return 1;
	default:
		fprintf(stderr, "holm-bench: the guest writes to port 0x%x\n", port);
		return -1;
	}
	return 0;
}

/* 0 at the guest's end, or -1. */
static int run(struct bench *b, struct bench_vcpu *vcpu)
{
	uint32_t value;
	uint16_t port;
	int ret;

	do {
		ret = b->client->run(vcpu, &port, &value);
		if (!ret)
			ret = port_write(b, port, value);
	} while (!ret);
	return ret < 0 ? -1 : 0;
}

/* ---- the run -------------------------------------------------------------- */

/* Ends with the process: its guest never does. */
static void *ap_thread(void *arg)
{
	struct bench *b = arg;

	run(b, &b->ap);
	exit(1);
}

static int start(struct bench *b)
{
	struct bench_state bsp = { .rip = BENCH_CODE, .rsp = BENCH_STACK, .rdi = b->only };
	struct bench_state ap = {
		.rip = BENCH_CODE + (bench_guest_ap - bench_guest), .rsp = BENCH_STACK_AP,
	};
	const struct bench_client *c = b->client;
	pthread_t thread;
	int doorbell;

	if (set_slots(b) || c->vcpu(b->dev, b->vm, 0, &b->bsp) ||
	    c->vcpu(b->dev, b->vm, 1, &b->ap) || c->vcpu_start(b->dev, &b->bsp, &bsp) ||
	    c->vcpu_start(b->dev, &b->ap, &ap))
		return -1;
	doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (doorbell < 0 || c->doorbell(b->vm, BENCH_PORT_DOORBELL, doorbell))
		return -1;
	sem_init(&b->ready, 0, 0);
	sem_init(&b->go, 0, 0);
	if (pthread_create(&thread, NULL, ap_thread, b)) {
		fprintf(stderr, "holm-bench: no second thread\n");
		return -1;
	}
	sem_wait(&b->ready);
	return 0;
}

static int report(const struct bench *b)
{
	double empty = b->ticks[BENCH_EMPTY] / b->count[BENCH_EMPTY];
	const char *comma = "";
	int i;

	printf("{");
	for (i = 1; i < BENCH_OPS; i++) {
		if (!b->count[i]) {
			fprintf(stderr, "holm-bench: %s was not measured\n", names[i]);
			return -1;
		}
		printf("%s\"%s\": %.1f", comma, names[i],
		       b->ticks[i] / b->count[i] - (i < BENCH_VM ? empty : 0));
		comma = ", ";
	}
	printf("}\n");
	return 0;
}

static int usage(void)
{
	int i;

	fprintf(stderr, "usage: holm-bench holm|kvm [OPERATION]\n"
		"OPERATION is done for ever:");
	for (i = 1; i < BENCH_VM; i++)
		fprintf(stderr, " %s", names[i]);
	fprintf(stderr, "\n");
	return 2;
}

static bool parse(struct bench *b, int argc, char **argv)
{
	unsigned int i;

	if (argc < 2 || argc > 3)
		return false;
	if (!strcmp(argv[1], "holm"))
		b->client = &bench_holm;
	else if (!strcmp(argv[1], "kvm"))
		b->client = &bench_kvm;
	for (i = 1; argc == 3 && i < BENCH_VM; i++)
		if (!strcmp(argv[2], names[i]))
			b->only = i;
	return b->client && (argc == 2 || b->only);
}

int main(int argc, char **argv)
{
	static struct bench b;

	if (!parse(&b, argc, argv))
		return usage();
	if (make_memory(&b))
		return 1;
	b.dev = b.client->open();
	if (b.dev < 0)
		return 1;
	b.vm = b.client->vm(b.dev);
	if (b.vm < 0 || start(&b))
		return 1;
	if (b.only)		/* somebody waits for it */
		printf("running %s under %s\n", names[b.only], b.client->name);
	fflush(stdout);
	if (run(&b, &b.bsp) || bench_vms(&b) || bench_slots(&b))
		return 1;
	return report(&b) ? 1 : 0;
}
