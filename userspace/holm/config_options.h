/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of options; only config*.c include this. */
#ifndef HOLM_CONFIG_OPTIONS_H
#define HOLM_CONFIG_OPTIONS_H

#include "config.h"

/**
 * struct vm_option - one option of a VM
 * @flag: without the leading "--"
 * @section: in the config file, NULL when it can only be a flag
 * @key: in the section
 * @list: may be given more than once
 * @takes_value: false for a switch
 * @clear: put the option back to its default
 * @set: read a value (add it to a list); the error does not name the option
 * @get: the value with this index as @set reads it; allocated, freed by the
 *	caller; NULL when there is none
 */
struct vm_option {
	const char *flag;
	const char *section;
	const char *key;
	bool list;
	bool takes_value;
	void (*clear)(struct vm_config *cfg);
	int (*set)(struct vm_config *cfg, const char *value, struct err *err);
	char *(*get)(const struct vm_config *cfg, size_t index);
};

#define VM_OPTIONS_MAX	32

/* Ordered by section, ended by an entry without a flag. */
extern const struct vm_option vm_options[];

#endif /* HOLM_CONFIG_OPTIONS_H */
