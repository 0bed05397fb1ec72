/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The state of a vCPU in the interface of /dev/holm: the blocks that HOLM_GET_STATE
 * and HOLM_SET_STATE move. The rules of linux/holm.h hold here, too.
 */
#ifndef _UAPI_LINUX_HOLM_STATE_H
#define _UAPI_LINUX_HOLM_STATE_H

#include <linux/types.h>

#define HOLM_MAX_STATE_BLOCKS	32

/**
 * struct holm_regs - HOLM_STATE_REGS, and in the run page
 * @gpr: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15: the numbers that
 *	instructions use
 */
struct holm_regs {
	__u64 gpr[16];
	__u64 rip;
	__u64 rflags;
};

#define HOLM_RAX	0
#define HOLM_RCX	1
#define HOLM_RDX	2
#define HOLM_RBX	3
#define HOLM_RSP	4
#define HOLM_RBP	5
#define HOLM_RSI	6
#define HOLM_RDI	7

/*
 * struct holm_segment.attrib: the access-rights format of SDM Vol. 3,
 * "Guest Register State": descriptor bits 40..47 in 0..7, 52..55 in 12..15.
 */
#define HOLM_SEG_TYPE		0x0000f
#define HOLM_SEG_S		0x00010
#define HOLM_SEG_DPL_SHIFT	5
#define HOLM_SEG_DPL		0x00060
#define HOLM_SEG_P		0x00080
#define HOLM_SEG_AVL		0x01000
#define HOLM_SEG_L		0x02000
#define HOLM_SEG_DB		0x04000
#define HOLM_SEG_G		0x08000
#define HOLM_SEG_UNUSABLE	0x10000

struct holm_segment {
	__u64 base;
	__u32 limit;		/* in bytes, expanded by the granularity bit */
	__u32 attrib;
	__u16 selector;
	__u16 reserved[3];
};

struct holm_dtable {
	__u64 base;
	__u16 limit;
	__u16 reserved[3];
};

/* struct holm_sregs.seg: ES..GS have the numbers that instructions use. */
#define HOLM_SEG_ES	0
#define HOLM_SEG_CS	1
#define HOLM_SEG_SS	2
#define HOLM_SEG_DS	3
#define HOLM_SEG_FS	4
#define HOLM_SEG_GS	5
#define HOLM_SEG_LDTR	6
#define HOLM_SEG_TR	7

/* HOLM_STATE_SREGS, and in the run page */
struct holm_sregs {
	struct holm_segment seg[8];
	struct holm_dtable gdt;
	struct holm_dtable idt;
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 cr8;
	__u64 efer;
};

/* HOLM_STATE_DEBUGREGS */
struct holm_debugregs {
	__u64 dr[4];
	__u64 dr6;
	__u64 dr7;
};

/* HOLM_STATE_MSRS: an array of these; get fills @value for each @index. */
struct holm_msr {
	__u32 index;
	__u32 reserved;
	__u64 value;
};

/*
 * HOLM_STATE_XSTATE: XCR0, then an XSAVE area in the standard (not compacted)
 * format, SDM Vol. 1, "XSAVE Area". A set whose XSTATE_BV names a component
 * that struct holm_caps.xcr0 lacks, or whose header is malformed, is refused.
 */
struct holm_xstate {
	__u64 xcr0;
	__u64 reserved;
	__extension__ __u8 area[];
};

/* struct holm_event.type: SDM Vol. 3, "VM-Entry Interruption-Information" */
#define HOLM_EVENT_NONE			0xff
#define HOLM_EVENT_INTERRUPT		0
#define HOLM_EVENT_NMI			2
#define HOLM_EVENT_EXCEPTION		3
#define HOLM_EVENT_SOFT_INTERRUPT	4	/* INT n */
#define HOLM_EVENT_PRIV_SOFT_EXCEPTION	5	/* INT1 */
#define HOLM_EVENT_SOFT_EXCEPTION	6	/* INT3, INTO */

/* struct holm_event.flags */
#define HOLM_EVENT_HAS_ERROR_CODE	(1U << 0)
#define HOLM_EVENT_HAS_PAYLOAD		(1U << 1)

/**
 * struct holm_event - an event to be delivered to the guest
 * @type: HOLM_EVENT_*
 * @vector: 0..255
 * @insn_len: length of the instruction that raised a software event
 * @flags: HOLM_EVENT_HAS_*
 * @error_code: pushed with HOLM_EVENT_HAS_ERROR_CODE
 * @payload: CR2 for #PF, bits to set in DR6 for #DB; takes effect on delivery
 */
struct holm_event {
	__u8 type;
	__u8 vector;
	__u8 insn_len;
	__u8 flags;
	__u32 error_code;
	__u64 payload;
};

/* struct holm_events.flags */
#define HOLM_EVENTS_NMI_PENDING		(1U << 0)	/* latched, not yet delivered */
#define HOLM_EVENTS_NMI_MASKED		(1U << 1)	/* until IRET */
#define HOLM_EVENTS_SHADOW_STI		(1U << 2)
#define HOLM_EVENTS_SHADOW_MOVSS	(1U << 3)
#define HOLM_EVENTS_EXTINT		(1U << 4)	/* the INTR line of the PIC */
#define HOLM_EVENTS_SHUTDOWN		(1U << 5)	/* triple fault, until reset */
#define HOLM_EVENTS_NMI_PENDING_2	(1U << 6)	/* one more, behind NMI_PENDING */
#define HOLM_EVENTS_UNHALT		(1U << 7)	/* a paravirtual wake-up, for the next HLT */

/**
 * struct holm_events - HOLM_STATE_EVENTS
 * @exception: raised, not yet delivered (HOLM_EVENT_NONE: none)
 * @interrupted: interrupt, NMI or software event whose delivery an exit
 *	interrupted and that is delivered again (HOLM_EVENT_NONE: none)
 * @flags: HOLM_EVENTS_*
 * @reserved: zero
 */
struct holm_events {
	struct holm_event exception;
	struct holm_event interrupted;
	__u32 flags;
	__u32 reserved;
};

/* struct holm_lapic.pending: messages accepted that the vCPU has not acted on. */
#define HOLM_LAPIC_PENDING_INIT		(1U << 0)
#define HOLM_LAPIC_PENDING_SIPI		(1U << 1)	/* with @sipi_vector */
#define HOLM_LAPIC_PENDING_EXTINT	(1U << 2)	/* an ExtINT message */

/**
 * struct holm_lapic - HOLM_STATE_LAPIC
 * @apic_base: IA32_APIC_BASE
 * @tsc_deadline: IA32_TSC_DEADLINE, 0 when not armed
 * @timer_remaining: nanoseconds until a one-shot or periodic timer fires, 0
 *	when it does not run
 * @pending: HOLM_LAPIC_PENDING_*
 * @sipi_vector: of the pending start-up IPI, otherwise 0
 * @esr_pending: errors that the next write of ESR makes visible
 * @reserved: zero
 * @regs: the registers at offset 16 i; ICR's high half is at 0x310/16. A set
 *	derives PPR and the current count from the rest, and refuses reserved
 *	bits and a foreign ID or version.
 */
struct holm_lapic {
	__u64 apic_base;
	__u64 tsc_deadline;
	__u64 timer_remaining;
	__u32 pending;
	__u8 sipi_vector;
	__u8 esr_pending;
	__u16 reserved;
	__u32 regs[64];
};

#define HOLM_MP_RUNNABLE	0
#define HOLM_MP_HALTED		1
#define HOLM_MP_WAIT_FOR_SIPI	2

/* HOLM_STATE_MP */
struct holm_mp_state {
	__u32 state;
	__u32 reserved;
};

/**
 * struct holm_tsc - HOLM_STATE_TSC
 * @offset: guest TSC minus host TSC, which is scaled first where @khz is another
 * @adjust: IA32_TSC_ADJUST
 * @khz: frequency the guest sees; a set accepts the host's frequency and those
 *	less than 250 ppm from it (which become it), or with HOLM_CAP_TSC_SCALING
 *	those from 1 MHz to 100 GHz that the CPU has a ratio for
 */
struct holm_tsc {
	__u64 offset;
	__u64 adjust;
	__u32 khz;
	__u32 reserved;
};

/* struct holm_state_block.type */
#define HOLM_STATE_REGS		1	/* struct holm_regs */
#define HOLM_STATE_SREGS	2	/* struct holm_sregs */
#define HOLM_STATE_DEBUGREGS	3	/* struct holm_debugregs */
#define HOLM_STATE_MSRS		4	/* struct holm_msr[] */
#define HOLM_STATE_XSTATE	5	/* struct holm_xstate */
#define HOLM_STATE_EVENTS	6	/* struct holm_events */
#define HOLM_STATE_LAPIC	7	/* struct holm_lapic */
#define HOLM_STATE_MP		8	/* struct holm_mp_state */
#define HOLM_STATE_TSC		9	/* struct holm_tsc */

/**
 * struct holm_state_block - one block of HOLM_GET_STATE, HOLM_SET_STATE
 * @type: HOLM_STATE_*
 * @size: in: bytes at @data; out (get): bytes written
 * @data: address of the block
 */
struct holm_state_block {
	__u32 type;
	__u32 size;
	__aligned_u64 data;
};

/**
 * struct holm_state - HOLM_GET_STATE, HOLM_SET_STATE
 * @nblocks: blocks in the list, at most HOLM_MAX_STATE_BLOCKS
 * @flags: must be zero
 * @blocks: address of an array of struct holm_state_block
 * @done: out: blocks moved; on an error, the index of the offending block
 *
 * A set checks each block whole before it takes effect; blocks before the
 * offending one have been set.
 */
struct holm_state {
	__u32 nblocks;
	__u32 flags;
	__aligned_u64 blocks;
	__u32 done;
	__u32 reserved;
};

#endif /* _UAPI_LINUX_HOLM_STATE_H */
