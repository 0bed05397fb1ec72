/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM with one vCPU on the fake backend, driven through the file operations
 * that the ioctls use. Test threads borrow the address space of the process
 * that loads the module, so that user pointers work.
 */
#ifndef HOLM_KUNIT_ENV_H
#define HOLM_KUNIT_ENV_H

#include <kunit/test.h>

#include "../../kmod/fake/fake.h"
#include "../../kmod/holm.h"

#define ENV_SCRATCH	(64UL << 10)	/* bytes of user memory for arguments */
#define ENV_RAM		(4UL << 20)	/* bytes of guest memory, at 0 */

/**
 * struct holm_env - a VM under test
 * @test: for assertions
 * @vm_file, @vcpu_file: descriptors' files, referenced
 * @vm_fd, @vcpu_fd: descriptors
 * @vm, @vcpu, @fake, @run: the objects behind them
 * @scratch: user address of ENV_SCRATCH bytes
 * @ram: user address of ENV_RAM bytes, slot 0
 */
struct holm_env {
	struct kunit *test;
	struct file *vm_file, *vcpu_file;
	int vm_fd, vcpu_fd;
	struct holm_vm *vm;
	struct holm_vcpu *vcpu;
	struct holm_fake_vcpu *fake;
	struct holm_run *run;
	unsigned long scratch;
	unsigned long ram;
};

/*
 * At load, before the suites run: while init_module() of this process is under
 * way, it has an address space to lend.
 */
void holm_env_setup(void);
void holm_env_teardown(void);

/* Borrow the address space; undone by holm_env_leave() in the same thread. */
void holm_env_enter(struct kunit *test, struct holm_env *env);
void holm_env_leave(struct holm_env *env);

/* A VM with slot 0 and one vCPU with the supported CPUID table: 0 or -errno. */
int holm_env_create_vm(struct holm_env *env);
int holm_env_create(struct holm_env *env);

/* A vCPU gets the supported CPUID table: 0 or -errno. */
int holm_env_set_cpuid(struct holm_env *env, struct file *vcpu_file);

void holm_env_destroy(struct holm_env *env);

/* An ioctl on @file with a copy of @arg in user memory, copied back. */
long holm_env_ioctl(struct holm_env *env, struct file *file, unsigned int cmd,
		    void *arg, size_t size);

/* An ioctl with a plain argument. */
long holm_env_ioctl_raw(struct file *file, unsigned int cmd, unsigned long arg);

/* One state block. */
long holm_env_state(struct holm_env *env, bool set, u32 type, void *data, size_t size);

/* Give the vCPU a script and rewind it. */
void holm_env_script(struct holm_env *env, const struct holm_fake_step *script, unsigned int n);

/* A row of a parameterized test. */
struct holm_env_case {
	const char *name;
	void (*fn)(struct kunit *test, struct holm_env *env);
};

static inline void holm_env_case_desc(const struct holm_env_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

/* @test's row, with a VM and a vCPU of its own. */
void holm_env_run_case(struct kunit *test);

#endif /* HOLM_KUNIT_ENV_H */
