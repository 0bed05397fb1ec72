// SPDX-License-Identifier: GPL-2.0-or-later
/* The manual pages holm(5) and holm-run(1), and the help, beside the table of options. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_options.h"

#define MANUAL	TEST_SRCDIR "/../../Documentation/man/"

static char *read_page(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		fail_msg("%s cannot be read", path);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	fclose(f);
	return text;
}

/* From @heading, a line of its own, to @end, a line that begins so; allocated. */
static char *part(const char *text, const char *heading, const char *end)
{
	const char *from, *to;
	char *line;

	assert_true(asprintf(&line, "\n%s\n", heading) > 0);
	from = strstr(text, line);
	if (!from)
		fail_msg("%s is no heading", heading);
	free(line);
	from++;
	assert_true(asprintf(&line, "\n%s", end) > 0);
	to = strstr(from, line);
	if (!to)
		fail_msg("nothing comes behind %s", heading);
	free(line);
	return strndup(from, (size_t)(to - from) + 1);
}

/* The entry whose term starts with @start: what it says, in one line; allocated, or NULL. */
static char *entry(const char *text, const char *start)
{
	char *line, *body, *to;
	const char *from;

	assert_true(asprintf(&line, "\n``%s", start) > 0);
	from = strstr(text, line);
	free(line);
	if (!from)
		return NULL;
	from = strchr(from + 1, '\n');
	assert_non_null(from);
	to = strstr(from, "\n\n");
	body = to ? strndup(from, (size_t)(to - from)) : strdup(from);
	for (to = body; *to; to++)
		if (*to == '\n')
			*to = ' ';
	/* The indentation of a line that went on. */
	while ((to = strstr(body, "  ")))
		memmove(to, to + 1, strlen(to));
	return body;
}

static void assert_says(const char *body, const char *key, const char *what)
{
	if (!strstr(body, what))
		fail_msg("%s: \"%s\" is expected in \"%s\"", key, what, body);
}

/* Each key is described, with its flag and its default. */
static void test_keys(void **state)
{
	char *page = read_page(MANUAL "holm.5.rst"), *keys = part(page, "[vm]", "Values");
	char *section, *sections, *body, *value;
	struct vm_config cfg;
	unsigned int n = 0;
	char start[80];

	(void)state;
	/* Each ends where the next one begins, the last one too; the first is a line, too. */
	assert_true(asprintf(&sections, "\n%s\n[", keys) > 0);
	vm_config_init(&cfg);
	for (const struct vm_option *o = vm_options; o->flag; o++) {
		if (!o->section)
			continue;
		snprintf(start, sizeof(start), "[%s]", o->section);
		section = part(sections, start, "[");
		snprintf(start, sizeof(start), "%s = ", o->key);
		body = entry(section, start);
		if (!body)
			fail_msg("holm(5) does not have %s of [%s]", o->key, o->section);
		snprintf(start, sizeof(start), "Flag: ``--%s``.", o->flag);
		assert_says(body, o->key, start);
		value = o->get(&cfg, 0);
		snprintf(start, sizeof(start), value ? "Default: ``%s``." : "Default: none", value);
		assert_says(body, o->key, start);
		if (!!strstr(body, "May be repeated.") != o->list)
			fail_msg("%s may%s be repeated", o->key, o->list ? "" : " not");
		free(value);
		free(body);
		free(section);
		n++;
	}
	assert_true(n > 10);
	vm_config_deinit(&cfg);
	free(sections);
	free(keys);
	free(page);
}

static bool is_key(const char *section, const char *key)
{
	for (const struct vm_option *o = vm_options; o->flag; o++)
		if (o->section && !strcmp(o->section, section) && !strcmp(o->key, key))
			return true;
	return false;
}

/* What is described is a key. */
static void test_no_other_keys(void **state)
{
	char *page = read_page(MANUAL "holm.5.rst"), *keys = part(page, "[vm]", "Values");
	char section[32] = "", key[32], *save = NULL;
	unsigned int n = 0;

	(void)state;
	for (char *line = strtok_r(keys, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "[%31[a-z]]", section) == 1 ||
		    sscanf(line, "``%31[a-z-] = ", key) != 1)
			continue;
		if (!is_key(section, key))
			fail_msg("holm(5) has %s of [%s], which is none", key, section);
		n++;
	}
	assert_true(n > 10);
	free(keys);
	free(page);
}

/* Each flag of holm run is described, and listed by its help, from which completions are. */
static void test_flags(void **state)
{
	char *page = read_page(MANUAL "holm-run.1.rst"), *flags = part(page, "Flags", "Console");
	char *help = read_page(TEST_SRCDIR "/../../userspace/holm/main.c");
	char start[80], *body;

	(void)state;
	for (const struct vm_option *o = vm_options; o->flag; o++) {
		snprintf(start, sizeof(start), "--%s%s", o->flag, o->takes_value ? " " : "``\n");
		body = entry(flags, start);
		if (!body)
			fail_msg("holm-run(1) does not have --%s", o->flag);
		free(body);
		snprintf(start, sizeof(start), "\n\"  --%s ", o->flag);
		if (!strstr(help, start))
			fail_msg("\"holm help run\" does not have --%s", o->flag);
	}
	free(help);
	free(flags);
	free(page);
}

/* Config files that holm(5) shows are right. */
static void test_examples(void **state)
{
	char *page = read_page(MANUAL "holm.5.rst"), *text = part(page, "Examples", "See also");
	unsigned int n = 0;
	char *from = text;

	(void)state;
	while ((from = strstr(from, "\n::\n\n"))) {
		int fd = memfd_create("example", MFD_CLOEXEC);
		struct err err = { "" };
		struct vm_config cfg;
		char path[32];

		assert_true(fd >= 0);
		from += strlen("\n::\n\n");
		/* A blank line, or one of the example. */
		while (*from == '\n' || !strncmp(from, "    ", 4)) {
			const char *line = *from == '\n' ? from : from + 4;
			size_t len = strcspn(line, "\n") + 1;

			assert_int_equal(write(fd, line, len), (ssize_t)len);
			from = (char *)line + len;
		}
		from--;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		vm_config_init(&cfg);
		if (vm_config_load_file(&cfg, path, &err) || vm_config_check(&cfg, &err))
			fail_msg("example %u: %s", n + 1, err.msg);
		vm_config_deinit(&cfg);
		close(fd);
		n++;
	}
	assert_true(n >= 2);
	free(text);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_no_other_keys),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
