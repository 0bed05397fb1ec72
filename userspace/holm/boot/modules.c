// SPDX-License-Identifier: GPL-2.0-or-later
/* Modules of multiboot and PVH kernels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"

static int boot_load_module(struct boot_ctx *ctx, const char *arg, struct boot_module *mod,
			    struct err *err)
{
	char what[BOOT_CLAIM_NAME];
	struct boot_file file;
	char *path;
	int ret = -1;
	void *to;

	path = strdup(arg);
	if (!path)
		return err_set(err, "no memory to load the module %s", arg);
	if (access(path, F_OK))
		path[strcspn(path, " \t")] = '\0';

	if (boot_file_open(&file, path, err))
		goto out_free;
	snprintf(what, sizeof(what), "the module %s", path);
	to = boot_alloc_top(ctx, file.size, GMEM_PAGE_SIZE, BOOT_LIMIT_4G, what, &mod->start,
			    err);
	if (!to || boot_file_copy(&file, to, err))
		goto out_close;
	mod->size = file.size;
	snprintf(what, sizeof(what), "the string of the module %s", path);
	ret = boot_put_string(ctx, arg, what, &mod->cmdline, err);

out_close:
	boot_file_close(&file);
out_free:
	free(path);
	return ret;
}

int boot_load_modules(struct boot_ctx *ctx, struct boot_module *mods, struct err *err)
{
	for (size_t i = 0; i < ctx->in->nr_initrds; i++) {
		if (boot_load_module(ctx, ctx->in->initrds[i], &mods[i], err))
			return -1;
	}
	return 0;
}
