// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flat binaries: loaded at 0x7C00 and started there in real mode, where a BIOS
 * puts a boot sector. There is no BIOS behind them: the interrupt vectors and
 * the BIOS data area are zero.
 */
#include <inttypes.h>
#include <string.h>

#include "loader.h"

int flat_load(struct boot_ctx *ctx, const struct boot_file *file, struct err *err)
{
	uint64_t room = GMEM_EBDA_START - BOOT_FLAT_GPA;
	void *to;

	if (file->size > room)
		return err_set(err, "its format is unknown (not a bzImage, ELF or multiboot image), and as a flat binary it is too large: %"
			       PRIu64 " bytes, %" PRIu64 " fit at 0x7c00",
			       file->size, room);
	if (ctx->in->nr_initrds)
		return err_set(err, "its format is unknown, and a flat binary takes no --initrd (use --raw FILE@ADDR to place a file)");
	if (ctx->in->cmdline && *ctx->in->cmdline)
		return err_set(err, "its format is unknown, and a flat binary takes no --cmdline");

	to = boot_claim(ctx, BOOT_FLAT_GPA, file->size, "the flat binary", err);
	if (!to)
		return -1;
	memcpy(to, file->data, file->size);
	ctx->out->format = BOOT_FORMAT_FLAT;
	boot_entry_real16(ctx->out, 0, (uint16_t)BOOT_FLAT_GPA);
	return 0;
}
