// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The emulator against the CPU: each instruction form runs natively on a
 * buffer, and emulated on guest RAM and on a device, with the same random
 * operands. Registers, flags and memory must be the same.
 */
#include <sys/mman.h>

#include "emul_rig.h"

#define ROUNDS		300
#define WINDOW		256	/* bytes around the operand that are compared */
#define OPERAND		128	/* RDI points here */

#define CF		0x001
#define ALL_FLAGS	0x8d5
#define MUL_FLAGS	0x801	/* CF, OF; the others are undefined */

/* How operands are prepared. */
#define RANDOM		0
#define SMALL_RCX	1	/* RCX is a bit offset near the operand */
#define DIVIDE		2	/* no #DE */
#define SIGNED_DIVIDE	3
#define SOMETIMES_EQUAL	4	/* comparisons that must also succeed */
#define STRING		5	/* RSI points into the window, too; RCX is small */

struct form {
	const char *text;
	const uint8_t *code;
	uint64_t len, flags, how;
};

extern const struct form forms_begin[], forms_end[];

/* One row: its text, assembled by the compiler's assembler. */
#define FORM(text, flags, how)						\
	".pushsection .data.emul_forms,\"aw\"\n"			\
	".quad 771f, 772f, 773f - 772f, " #flags ", " #how "\n"		\
	".popsection\n"							\
	".pushsection .rodata.emul_text,\"a\"\n"			\
	"771: .asciz \"" text "\"\n"					\
	"772: " text "\n"						\
	"773:\n"							\
	".popsection\n"
#define F(text)			FORM(text, 0x8d5, 0)
#define FE(text)		FORM(text, 0x8d5, 4)
#define FBIT(text)		FORM(text, 0x001, 1)
#define FMUL(text)		FORM(text, 0x801, 0)
#define FDIV(text)		FORM(text, 0, 2)
#define FIDIV(text)		FORM(text, 0, 3)
#define FSTR(text)		FORM(text, 0x8d5, 5)

#define BINARY_FORMS(op)						\
	F(op " %bl, (%rdi)") F(op " %bx, (%rdi)")			\
	F(op " %ebx, (%rdi)") F(op " %rbx, (%rdi)")			\
	F(op " (%rdi), %ch") F(op " (%rdi), %r9w")			\
	F(op " 8(%rdi), %eax") F(op " -16(%rdi), %r12")			\
	F(op "b $0x85, (%rdi)") F(op "w $0x1234, (%rdi)")		\
	F(op "l $-3, (%rdi)") F(op "q $0x76543210, (%rdi)")

#define UNARY_FORMS(op)							\
	F(op "b (%rdi)") F(op "w (%rdi)") F(op "l (%rdi)") F(op "q (%rdi)") \
	F("lock " op "l (%rdi)")

#define SHIFT_FORMS(op)							\
	F(op "b (%rdi)") F(op "w $3, (%rdi)") F(op "l %cl, (%rdi)")	\
	F(op "q %cl, (%rdi)") F(op "b %cl, (%rdi)")

#define BIT_FORMS(op)							\
	FBIT(op "w %cx, (%rdi)") FBIT(op "l %ecx, (%rdi)")		\
	FBIT(op "q %rcx, (%rdi)") FBIT(op "l $37, (%rdi)")

#define CC_FORMS(cc)							\
	F("set" cc " (%rdi)") F("cmov" cc " (%rdi), %edx")		\
	F("cmov" cc " (%rdi), %r10w")

asm(".pushsection .data.emul_forms,\"aw\"\n"
    ".balign 8\n"
    ".globl forms_begin\nforms_begin:\n"
    ".popsection\n"
    F("mov %al, (%rdi)") F("mov %ah, 1(%rdi)") F("mov %r8w, (%rdi)")
    F("mov %edx, (%rdi)") F("mov %r15, 3(%rdi)")
    F("mov (%rdi), %bl") F("mov (%rdi), %bh") F("mov (%rdi), %cx")
    F("mov (%rdi), %r8d") F("mov 5(%rdi), %rsi")
    F("movb $0x7f, (%rdi)") F("movw $0x8001, (%rdi)") F("movl $-2, (%rdi)")
    F("movq $-5, (%rdi)")
    F("mov %ebx, 4(%rdi,%rax,8)") F("mov (%rdi,%rax,2), %rdx")
    F("movzbw (%rdi), %ax") F("movzbl (%rdi), %r11d") F("movzwl (%rdi), %ebp")
    F("movzwq (%rdi), %rbp") F("movsbw (%rdi), %ax") F("movsbl (%rdi), %ecx")
    F("movsbq (%rdi), %r14") F("movswl (%rdi), %edx") F("movslq (%rdi), %r13")
    F("movbe (%rdi), %ax") F("movbe (%rdi), %ebx") F("movbe %rdx, (%rdi)")
    F("movnti %eax, (%rdi)") F("movnti %r9, (%rdi)")
    F("xchg %al, (%rdi)") F("xchg %dx, (%rdi)") F("xchg %ebx, (%rdi)")
    F("xchg %r11, (%rdi)")
    BINARY_FORMS("add") BINARY_FORMS("or") BINARY_FORMS("adc") BINARY_FORMS("sbb")
    BINARY_FORMS("and") BINARY_FORMS("sub") BINARY_FORMS("xor") BINARY_FORMS("cmp")
    F("lock addl %eax, (%rdi)") F("lock sbbw %cx, (%rdi)") F("lock xorq $1, (%rdi)")
    F("testb $0x41, (%rdi)") F("testw %ax, (%rdi)") F("testl %esi, (%rdi)")
    F("testq $-256, (%rdi)")
    UNARY_FORMS("inc") UNARY_FORMS("dec") UNARY_FORMS("neg") UNARY_FORMS("not")
    SHIFT_FORMS("rol") SHIFT_FORMS("ror") SHIFT_FORMS("rcl") SHIFT_FORMS("rcr")
    SHIFT_FORMS("shl") SHIFT_FORMS("shr") SHIFT_FORMS("sar")
    F("shld $5, %ax, (%rdi)") F("shld %cl, %eax, (%rdi)") F("shld %cl, %r8, (%rdi)")
    F("shrd $9, %bx, (%rdi)") F("shrd %cl, %edx, (%rdi)") F("shrd $63, %rax, (%rdi)")
    F("bsf (%rdi), %ax") F("bsf (%rdi), %ecx") F("bsr (%rdi), %edx") F("bsr (%rdi), %rax")
    F("imul (%rdi), %ax") F("imul (%rdi), %r10d") F("imul (%rdi), %rdx")
    F("imul $-7, (%rdi), %bx") F("imul $0x12345, (%rdi), %ecx") F("imul $3, (%rdi), %r8")
    FMUL("mulb (%rdi)") FMUL("mulw (%rdi)") FMUL("mull (%rdi)") FMUL("mulq (%rdi)")
    FMUL("imulb (%rdi)") FMUL("imulw (%rdi)") FMUL("imull (%rdi)") FMUL("imulq (%rdi)")
    FDIV("divb (%rdi)") FDIV("divw (%rdi)") FDIV("divl (%rdi)") FDIV("divq (%rdi)")
    FIDIV("idivb (%rdi)") FIDIV("idivw (%rdi)") FIDIV("idivl (%rdi)") FIDIV("idivq (%rdi)")
    BIT_FORMS("bt") BIT_FORMS("bts") BIT_FORMS("btr") BIT_FORMS("btc")
    FBIT("lock btsl %ecx, (%rdi)")
    F("xadd %al, (%rdi)") F("xadd %bx, (%rdi)") F("lock xadd %ecx, (%rdi)")
    F("xadd %r8, (%rdi)")
    FE("cmpxchg %bl, (%rdi)") FE("cmpxchg %bx, (%rdi)") FE("lock cmpxchg %ecx, (%rdi)")
    FE("cmpxchg %r9, (%rdi)") FE("cmpxchg8b (%rdi)") FE("lock cmpxchg8b (%rdi)")
    FE("cmpxchg16b (%rdi)") FE("lock cmpxchg16b (%rdi)")
    CC_FORMS("o") CC_FORMS("no") CC_FORMS("b") CC_FORMS("ae") CC_FORMS("e") CC_FORMS("ne")
    CC_FORMS("be") CC_FORMS("a") CC_FORMS("s") CC_FORMS("ns") CC_FORMS("p") CC_FORMS("np")
    CC_FORMS("l") CC_FORMS("ge") CC_FORMS("le") CC_FORMS("g")
    FSTR("movsb") FSTR("movsw") FSTR("movsl") FSTR("movsq") FSTR("rep movsb")
    FSTR("rep movsl") FSTR("stosb") FSTR("stosw") FSTR("rep stosl") FSTR("rep stosq")
    FSTR("lodsb") FSTR("lodsw") FSTR("lodsl") FSTR("lodsq") FSTR("rep lodsb")
    FSTR("cmpsb") FSTR("repe cmpsw") FSTR("repne cmpsl") FSTR("scasb") FSTR("repne scasb")
    FSTR("repe scasq") FSTR(".byte 0xf2; movsb")
    ".pushsection .data.emul_forms,\"aw\"\n"
    ".globl forms_end\nforms_end:\n"
    ".popsection\n");

/*
 * native_run(regs, code): @regs as struct holm_regs into the CPU, call @code,
 * and back. RSP and RIP are left out.
 */
void native_run(struct holm_regs *regs, const void *code);

asm(".pushsection .bss\n.balign 8\n"
    "native_regs: .skip 8\nnative_code: .skip 8\nnative_rdi: .skip 8\n"
    ".popsection\n"
    ".text\n.globl native_run\n.type native_run, @function\n"
    "native_run:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rdi, native_regs(%rip)\n"
    "mov %rsi, native_code(%rip)\n"
    "pushq 136(%rdi); popfq\n"
    "mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
    "mov 40(%rdi), %rbp; mov 48(%rdi), %rsi; mov 64(%rdi), %r8; mov 72(%rdi), %r9\n"
    "mov 80(%rdi), %r10; mov 88(%rdi), %r11; mov 96(%rdi), %r12; mov 104(%rdi), %r13\n"
    "mov 112(%rdi), %r14; mov 120(%rdi), %r15; mov 56(%rdi), %rdi\n"
    "call *native_code(%rip)\n"
    "mov %rdi, native_rdi(%rip)\n"
    "mov native_regs(%rip), %rdi\n"
    "pushfq; popq 136(%rdi)\n"
    "cld\n"
    "mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi); mov %rbx, 24(%rdi)\n"
    "mov %rbp, 40(%rdi); mov %rsi, 48(%rdi); mov %r8, 64(%rdi); mov %r9, 72(%rdi)\n"
    "mov %r10, 80(%rdi); mov %r11, 88(%rdi); mov %r12, 96(%rdi); mov %r13, 104(%rdi)\n"
    "mov %r14, 112(%rdi); mov %r15, 120(%rdi)\n"
    "mov native_rdi(%rip), %rax; mov %rax, 56(%rdi)\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n"
    ".size native_run, . - native_run\n");

struct world {
	struct rig r;
	uint64_t seed;
	uint8_t *jit;
	/* Aligned for CMPXCHG16B. */
	uint8_t native[WINDOW] __attribute__((aligned(64)));
};

static int setup(void **state)
{
	static struct world w;

	w.seed = 0x1234567;
	w.jit = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	assert_ptr_not_equal(w.jit, MAP_FAILED);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	return munmap(w->jit, 4096);
}

/* Values that make carries, signs and zeros likely. */
static uint64_t interesting(struct world *w)
{
	static const uint64_t edge[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
	};
	uint64_t n = rig_random(&w->seed);

	return n & 0x300 ? rig_random(&w->seed) : edge[n % (sizeof(edge) / sizeof(edge[0]))];
}

static void prepare(struct world *w, const struct form *f, struct holm_regs *regs)
{
	uint64_t mem[2] = { interesting(w), interesting(w) };
	unsigned int i;

	for (i = 0; i < 16; i++)
		regs->gpr[i] = interesting(w);
	regs->rflags = 0x202 | (rig_random(&w->seed) & ALL_FLAGS);
	for (i = 0; i < WINDOW; i++)
		w->native[i] = rig_random(&w->seed);
	memcpy(w->native + OPERAND, mem, sizeof(mem));

	/* Forms with an index use RAX, others do not mind. */
	if (strstr(f->text, ",%rax,"))
		regs->gpr[HOLM_RAX] &= 7;
	switch (f->how) {
	case SMALL_RCX:
		regs->gpr[HOLM_RCX] = (int64_t)(rig_random(&w->seed) % 1024) - 512;
		break;
	case DIVIDE:
		for (i = 0; i < 16; i++)
			w->native[OPERAND + i] |= 0x80;
		regs->gpr[HOLM_RDX] &= 0x7f7f7f7f7f7f7f7f;
		if (f->code[0] == 0xf6)
			regs->gpr[HOLM_RAX] &= 0x7fff;
		break;
	case SIGNED_DIVIDE:
		for (i = 0; i < 16; i++)
			w->native[OPERAND + i] = (w->native[OPERAND + i] & 0x3f) |
						 (rig_random(&w->seed) & 1 ? 0x40 : 0x80);
		regs->gpr[HOLM_RDX] = rig_random(&w->seed) & 1 ? 5 : -5;
		if (f->code[0] == 0xf6)
			regs->gpr[HOLM_RAX] = rig_random(&w->seed) & 1 ? 0x0712 : 0xf812;
		break;
	case SOMETIMES_EQUAL:
		if (rig_random(&w->seed) & 1)
			break;
		memcpy(&regs->gpr[HOLM_RAX], w->native + OPERAND, 8);
		memcpy(&regs->gpr[HOLM_RDX], w->native + OPERAND + 8, 8);
		if (strstr(f->text, "cmpxchg8b"))
			regs->gpr[HOLM_RDX] = regs->gpr[HOLM_RAX] >> 32;
		break;
	case STRING:
		regs->gpr[HOLM_RCX] = rig_random(&w->seed) % 7;
		if (rig_random(&w->seed) & 1)
			regs->rflags |= RFLAGS_DF;
		/* Often the same, so that repetitions go on. */
		if (rig_random(&w->seed) & 1)
			memset(w->native, regs->gpr[HOLM_RAX] & 0xff, WINDOW);
		break;
	}
}

static void place(struct holm_regs *regs, const struct form *f, uint64_t operand)
{
	regs->gpr[HOLM_RDI] = operand;
	if (f->how == STRING)
		regs->gpr[HOLM_RSI] = operand - 60;
}

static void compare(const struct form *f, const char *where, const struct holm_regs *expected,
		    const struct holm_regs *found, const uint8_t *memory, const uint8_t *native)
{
	bool same = !memcmp(memory, native, WINDOW) &&
		    !((expected->rflags ^ found->rflags) & (f->flags | RFLAGS_DF));
	unsigned int i;

	for (i = 0; i < 16; i++)
		same &= i == HOLM_RSP || expected->gpr[i] == found->gpr[i];
	if (same)
		return;
	print_error("'%s' on %s\n", f->text, where);
	for (i = 0; i < 16; i++)
		if (i != HOLM_RSP && expected->gpr[i] != found->gpr[i])
			print_error("  register %u: CPU %016llx, emulated %016llx\n", i,
				    (unsigned long long)expected->gpr[i],
				    (unsigned long long)found->gpr[i]);
	print_error("  flags: CPU %03llx, emulated %03llx\n",
		    (unsigned long long)expected->rflags, (unsigned long long)found->rflags);
	for (i = 0; i < WINDOW; i++)
		if (memory[i] != native[i])
			print_error("  byte %d: CPU %02x, emulated %02x\n", (int)i - OPERAND,
				    native[i], memory[i]);
	fail();
}

/* Emulate on @memory, which the guest has at @base; registers relative to the operand. */
static void emulate(struct world *w, const struct form *f, struct holm_regs *regs,
		    uint64_t base)
{
	int ret;

	place(regs, f, base + OPERAND);
	regs->rip = CODE;
	w->r.run.regs = *regs;
	ret = rig_emulate(&w->r, f->code, f->len);
	if (ret != HOLM_EMUL_DONE || w->r.run.in_flags != (HOLM_RUN_REGS | HOLM_RUN_COMPLETE) ||
	    w->r.run.next_rip != CODE + f->len) {
		print_error("'%s' is not emulated: %d, vector %u\n", f->text, ret,
			    w->r.run.exception.vector);
		fail();
	}
	*regs = w->r.run.regs;
	regs->gpr[HOLM_RDI] -= base + OPERAND;
	if (f->how == STRING)
		regs->gpr[HOLM_RSI] -= base + OPERAND;
}

static void one_round(struct world *w, const struct form *f)
{
	struct holm_regs regs, native, ram, dev;
	uint64_t operand = (uintptr_t)w->native + OPERAND;

	prepare(w, f, &regs);
	native = ram = dev = regs;
	memcpy(w->r.ram + DATA, w->native, WINDOW);
	memcpy(w->r.dev, w->native, WINDOW);

	place(&native, f, operand);
	native_run(&native, w->jit);
	native.gpr[HOLM_RDI] -= operand;
	if (f->how == STRING)
		native.gpr[HOLM_RSI] -= operand;

	emulate(w, f, &ram, DATA);
	assert_int_equal(w->r.naccesses, 0);
	compare(f, "RAM", &native, &ram, w->r.ram + DATA, w->native);
	emulate(w, f, &dev, DEV);
	compare(f, "a device", &native, &dev, w->r.dev, w->native);
}

static void test_forms(void **state)
{
	struct world *w = *state;
	const struct form *f;
	unsigned int i;

	assert_true(forms_end - forms_begin >= 200);
	for (f = forms_begin; f < forms_end; f++) {
		rig_init64(&w->r, 0);
		memcpy(w->jit, f->code, f->len);
		w->jit[f->len] = 0xc3;
		for (i = 0; i < ROUNDS; i++)
			one_round(w, f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
