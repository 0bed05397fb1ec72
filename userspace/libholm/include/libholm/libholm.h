/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libholm: the ABI of /dev/holm as a C library.
 *
 * Functions return a non-negative value, or a negative errno. Descriptors
 * belong to the caller. Nothing here locks: a vCPU is used by one thread at a
 * time, except for holm_vcpu_inject(), which any thread may call.
 */
#ifndef LIBHOLM_H
#define LIBHOLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/holm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOLM_DEVICE_PATH "/dev/holm"

/* ---- /dev/holm ------------------------------------------------------------ */

/**
 * holm_open() - open the device and check the version of its interface
 * @path: NULL for HOLM_DEVICE_PATH
 *
 * Return: a descriptor, or a negative errno of open(2); -EPROTO when the
 * driver speaks another version.
 */
int holm_open(const char *path);

/* HOLM_GET_CAPS. Return: 0 or a negative errno. */
int holm_get_caps(int dev, struct holm_caps *caps);

/**
 * holm_get_supported_cpuid() - what a guest may be shown
 * @dev: device
 * @nent: set to the number of entries
 *
 * Return: entries to be freed by free(), or NULL with errno set.
 */
struct holm_cpuid_entry *holm_get_supported_cpuid(int dev, unsigned int *nent);

/**
 * holm_vm_create() - HOLM_CREATE_VM
 * @dev: device
 * @name: up to HOLM_NAME_LEN - 1 letters, digits and, but for the first, - _ .
 *
 * Return: the VM's descriptor, or a negative errno: -EBUSY when another
 * hypervisor has virtualization switched on.
 */
int holm_vm_create(int dev, const char *name);

/**
 * holm_vm_create_uuid() - HOLM_CREATE_VM of a virtual machine with a given UUID
 * @dev: device
 * @name: as for holm_vm_create()
 * @uuid: 16 bytes in the order of RFC 9562; NULL or all 0: the driver makes one
 *
 * The driver does not look whether others have the same.
 *
 * Return: as holm_vm_create().
 */
int holm_vm_create_uuid(int dev, const char *name, const uint8_t uuid[16]);

/* ---- VM ------------------------------------------------------------------- */

/* HOLM_SET_SLOT; @size 0 removes it. Return: 0 or a negative errno. */
int holm_vm_set_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		     uint64_t size, void *addr);

/* HOLM_GET_DIRTY_LOG. Return: 0 or a negative errno. */
int holm_vm_get_dirty_log(int vm, uint32_t slot, uint64_t first_page,
			  uint64_t num_pages, uint64_t *bitmap);

/*
 * HOLM_GET_CLOCK, HOLM_SET_CLOCK: the VM's paravirtual clock. What a get said
 * cannot be set as it is: a set has other flags, and zero for the rest.
 */
int holm_vm_get_clock(int vm, struct holm_clock *clock);
int holm_vm_set_clock(int vm, const struct holm_clock *clock);

/*
 * HOLM_REPORT: tell who listens to events what happened to the guest, HOLM_REPORT_*.
 * Return: 0 or a negative errno.
 */
int holm_vm_report(int vm, uint32_t event);

/* HOLM_SIGNAL_MSI. Return: vCPUs that accepted it, or a negative errno. */
int holm_vm_signal_msi(int vm, uint64_t address, uint32_t data);

/**
 * holm_vm_set_ioeventfd() - HOLM_SET_IOEVENTFD
 * @vm: VM
 * @flags: HOLM_IOEVENTFD_*
 * @addr: port or guest-physical address
 * @size: 1, 2, 4, 8, or 0 for any
 * @datamatch: with HOLM_IOEVENTFD_DATAMATCH, otherwise 0
 * @fd: eventfd
 *
 * Return: 0 or a negative errno.
 */
int holm_vm_set_ioeventfd(int vm, uint32_t flags, uint64_t addr, uint32_t size,
			  uint64_t datamatch, int fd);

/**
 * struct holm_ioeventfds - ioeventfds that the library remembers
 *
 * The driver signals an eventfd for port writes and for plain stores; other
 * instructions that write to memory leave as HOLM_EXIT_MMIO. A launcher with
 * ioeventfds at memory addresses assigns them through this list and asks it
 * first when a write reaches its bus. These functions lock the list: any
 * thread may call them.
 */
struct holm_ioeventfds;

/* For the VM @vm. Return: a list, or NULL with errno set. */
struct holm_ioeventfds *holm_ioeventfds_new(int vm);
/* Forget them, which removes none; @list may be NULL. */
void holm_ioeventfds_free(struct holm_ioeventfds *list);

/*
 * As holm_vm_set_ioeventfd(), without and with HOLM_IOEVENTFD_DEASSIGN. The
 * descriptor stays the caller's, open until its removal.
 */
int holm_ioeventfds_add(struct holm_ioeventfds *list, uint32_t flags, uint64_t addr,
			uint32_t size, uint64_t datamatch, int fd);
int holm_ioeventfds_remove(struct holm_ioeventfds *list, uint32_t flags, uint64_t addr,
			   uint32_t size, uint64_t datamatch, int fd);

/**
 * holm_ioeventfds_write() - a write has reached the launcher
 * @list: the list
 * @port: to a port, otherwise to memory
 * @addr: first byte
 * @size: 1, 2, 4 or 8
 * @value: what is written
 *
 * Return: true when an eventfd was signalled: the write is done.
 */
bool holm_ioeventfds_write(struct holm_ioeventfds *list, bool port, uint64_t addr,
			   unsigned int size, uint64_t value);

/* HOLM_SET_IRQFD, HOLM_GET_IRQFD. Return: 0 or a negative errno. */
int holm_vm_set_irqfd(int vm, const struct holm_irqfd *irqfd);
int holm_vm_get_irqfd(int vm, struct holm_irqfd *irqfd);

/* HOLM_SET_IRQFD: edge-triggered, or no more. Return: 0 or a negative errno. */
int holm_vm_assign_irqfd(int vm, int fd, uint64_t address, uint32_t data);
int holm_vm_deassign_irqfd(int vm, int fd);

/* HOLM_SET_PARAM, HOLM_GET_PARAM: HOLM_PARAM_*. Return: 0 or a negative errno. */
int holm_vm_set_param(int vm, uint32_t param, uint64_t value);
int holm_vm_get_param(int vm, uint32_t param, uint64_t *value);

/* ---- vCPU ----------------------------------------------------------------- */

/**
 * struct holm_vcpu_handle - a vCPU and its run page
 * @fd: descriptor
 * @run: mapped run page
 * @run_size: bytes mapped
 */
struct holm_vcpu_handle {
	int fd;
	struct holm_run *run;
	size_t run_size;
};

/**
 * holm_vcpu_create() - HOLM_CREATE_VCPU and the mapping of its run page
 * @vm: VM
 * @apic_id: APIC ID; 0 is the bootstrap processor
 * @vcpu: filled in; closed by holm_vcpu_close()
 *
 * Return: 0 or a negative errno.
 */
int holm_vcpu_create(int vm, uint32_t apic_id, struct holm_vcpu_handle *vcpu);
void holm_vcpu_close(struct holm_vcpu_handle *vcpu);

/* HOLM_SET_CPUID. Return: 0 or a negative errno. */
int holm_vcpu_set_cpuid(const struct holm_vcpu_handle *vcpu,
			const struct holm_cpuid_entry *entries, unsigned int nent);

/**
 * holm_vcpu_run() - HOLM_RUN
 * @vcpu: vCPU
 *
 * Return: 0 with run->exit_reason set, or a negative errno; -EINTR: a signal
 * or run->immediate_exit, run again.
 */
int holm_vcpu_run(const struct holm_vcpu_handle *vcpu);

/* One state block. Return: 0 or a negative errno. */
int holm_vcpu_get_state(const struct holm_vcpu_handle *vcpu, uint32_t type,
			void *data, uint32_t size);
int holm_vcpu_set_state(const struct holm_vcpu_handle *vcpu, uint32_t type,
			const void *data, uint32_t size);

/* HOLM_INJECT, any thread. Return: 0 or a negative errno. */
int holm_vcpu_inject(const struct holm_vcpu_handle *vcpu, uint32_t kind, uint32_t vector);

/**
 * holm_vcpu_translate() - HOLM_TRANSLATE
 * @vcpu: vCPU, not running
 * @gva: linear address
 * @flags: HOLM_TRANSLATE_*
 * @gpa: result
 *
 * Return: 0, 1 when the guest's page tables refuse the access, or a negative
 * errno.
 */
int holm_vcpu_translate(const struct holm_vcpu_handle *vcpu, uint64_t gva,
			uint32_t flags, uint64_t *gpa);

/**
 * holm_vcpu_lapic_access() - an access to the xAPIC page by MMIO
 * @vcpu: vCPU
 * @offset: register
 * @write: write @value, otherwise read it
 * @value: in or out
 *
 * Return: the vector of a level-triggered interrupt whose EOI this was, to be
 * told to the IOAPIC; -1 when there is none; below -1 a negative errno minus 1.
 */
int holm_vcpu_lapic_access(const struct holm_vcpu_handle *vcpu, uint32_t offset,
			   bool write, uint32_t *value);

/* ---- instruction emulation (MMIO, string I/O) ------------------------------ */

/**
 * struct holm_emul_ops - what an emulated instruction touches
 * @read_phys: copy guest RAM; false when a byte of the range is no RAM
 * @write_phys: copy into guest RAM; false when a byte of the range is no RAM
 *	(or is read-only)
 * @mmio_read: device read of 1, 2, 4 or 8 bytes at a guest-physical address
 * @mmio_write: device write
 * @pio_read: port read of 1, 2 or 4 bytes
 * @pio_write: port write
 * @compare_exchange: atomic compare-and-exchange of @size (1, 2, 4, 8, 16)
 *	bytes of guest RAM, for page-table accessed and dirty bits and locked
 *	instructions; false when it is no RAM, read-only or not aligned
 *	(*@expected stays), or when *@expected did not match (then *@expected is
 *	what was found)
 * @paging: what the guest's CPUID says of page tables: bits of a physical
 *	address, and whether it has 1-GByte pages. NULL: 52 bits, it has
 *
 * All but @paging must be there: the guest chooses the instruction.
 */
struct holm_emul_ops {
	bool (*read_phys)(void *opaque, uint64_t gpa, void *buf, size_t len);
	bool (*write_phys)(void *opaque, uint64_t gpa, const void *buf, size_t len);
	uint64_t (*mmio_read)(void *opaque, uint64_t gpa, unsigned int size);
	void (*mmio_write)(void *opaque, uint64_t gpa, unsigned int size, uint64_t value);
	uint64_t (*pio_read)(void *opaque, uint16_t port, unsigned int size);
	void (*pio_write)(void *opaque, uint16_t port, unsigned int size, uint64_t value);
	bool (*compare_exchange)(void *opaque, uint64_t gpa, unsigned int size,
				 void *expected, const void *desired);
	void (*paging)(void *opaque, unsigned int *phys_bits, bool *page_1g);
};

enum holm_emul_result {
	HOLM_EMUL_DONE,		/* run->in_flags, regs, next_rip are set: enter */
	HOLM_EMUL_EXCEPTION,	/* run->exception is set: enter */
	HOLM_EMUL_UNHANDLED,	/* not an instruction that is emulated */
};

/**
 * holm_emulate() - do the instruction at RIP in place of the CPU
 * @vcpu: vCPU after HOLM_EXIT_MMIO, HOLM_EXIT_EMULATE, or a HOLM_EXIT_IO with
 *	HOLM_IO_STRING: regs and sregs are in the run page
 * @ops: memory and devices
 * @opaque: handed to @ops
 *
 * Fetches and decodes the instruction (any mode and paging, Zydis), walks the
 * guest's page tables for each memory operand with the CPU's checks, sets
 * accessed and dirty bits, does the accesses in order, computes flags, and
 * prepares the run page for the next entry. Vector registers are moved through
 * the vCPU's xstate block; moves under a mask (AVX-512) are not emulated. A REP
 * string instruction does at least one iteration; it completes, or leaves RCX,
 * RSI and RDI for the next one.
 *
 * An instruction that is not emulated raises #UD at CPL 3: a guest's process
 * must not end the guest.
 *
 * Return: enum holm_emul_result, or a negative errno of a state ioctl.
 */
int holm_emulate(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
		 void *opaque);

/**
 * holm_emulate_task_switch() - switch tasks in place of the CPU
 * @vcpu: vCPU after HOLM_EXIT_TASK_SWITCH: regs and sregs are in the run page
 * @ops: memory
 * @opaque: handed to @ops
 *
 * SDM vol. 3, 8.3 "Task Switching", with 32-bit and 16-bit TSSs. Saves the old
 * task, loads the new one with the checks of its segments, and prepares the
 * run page; a fault found after the new task's state was loaded is raised in
 * the new task.
 *
 * Return: HOLM_EMUL_DONE or HOLM_EMUL_EXCEPTION; HOLM_EMUL_UNHANDLED when the
 * instruction cannot be decoded or the vCPU is in long mode, which has no task
 * switches; or a negative errno of a state ioctl.
 */
int holm_emulate_task_switch(const struct holm_vcpu_handle *vcpu,
			     const struct holm_emul_ops *ops, void *opaque);

/**
 * holm_emul_disassemble() - text of the instruction at RIP, for messages
 * @vcpu: as for holm_emulate()
 * @ops: for reading memory
 * @opaque: handed to @ops
 * @buf: gets a NUL-terminated text, "(bytes not readable)" when that is so
 * @len: its size
 */
void holm_emul_disassemble(const struct holm_vcpu_handle *vcpu, const struct holm_emul_ops *ops,
			   void *opaque, char *buf, size_t len);

/**
 * holm_guest_translate() - walk the guest's page tables in userspace
 * @sregs: control registers
 * @rflags: for SMAP (AC)
 * @gva: linear address
 * @flags: HOLM_TRANSLATE_WRITE, _FETCH, _USER
 * @set_ad: set accessed and dirty bits as the CPU would
 * @ops: for reading (and, with @set_ad, changing) tables
 * @opaque: handed to @ops
 * @gpa: result
 * @error_code: #PF error code when refused
 *
 * Return: 0, or 1 when the access faults.
 */
int holm_guest_translate(const struct holm_sregs *sregs, uint64_t rflags, uint64_t gva,
			 uint32_t flags, bool set_ad, const struct holm_emul_ops *ops,
			 void *opaque, uint64_t *gpa, uint32_t *error_code);

#ifdef __cplusplus
}
#endif

#endif /* LIBHOLM_H */
