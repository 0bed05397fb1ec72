// SPDX-License-Identifier: GPL-2.0-or-later
/* "VM:KIND=VALUE" */
#include <string.h>

#include "libholm/control.h"
#include "size.h"
#include "watch.h"

static int kind_parse(const char *text, size_t len, uint32_t *kind)
{
	for (*kind = 0; *kind <= HOLM_WATCH_KIND_NO_PROGRESS; ++*kind) {
		const char *name = holm_watch_kind_name(*kind);

		if (strlen(name) == len && !memcmp(text, name, len))
			return 0;
	}
	return -1;
}

int watch_parse(const char *text, struct watch_spec *spec, struct err *e)
{
	const char *value = strrchr(text, '=');
	const char *kind, *wrong;

	for (kind = value; kind && kind > text && *kind != ':'; kind--)
		;
	if (!kind || kind == text)
		return err_set(e, "\"%s\": expected VM:KIND=VALUE", text);
	if (kind_parse(kind + 1, (size_t)(value - kind - 1), &spec->kind))
		return err_set(e, "\"%s\": expected exit-rate, resident or no-progress before the =",
			       text);
	wrong = spec->kind == HOLM_WATCH_KIND_RESIDENT ?
		size_parse(value + 1, &spec->threshold) :
		number_parse(value + 1, UINT64_MAX, &spec->threshold);
	if (wrong)
		return err_set(e, "\"%s\": %s", text, wrong);
	if (!spec->threshold)
		return err_set(e, "\"%s\": expected a threshold above 0", text);
	spec->vm = strndup(text, (size_t)(kind - text));
	return spec->vm ? 0 : err_set(e, "out of memory");
}
