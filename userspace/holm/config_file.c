// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Config files: INI, read with libinih.
 *
 * What libinih leaves open is settled here. A value that starts with a double
 * quote ends with one, and has the escapes \" \\ \n \t \xHH in between. A line
 * that ends with a backslash goes on in the next one, which is indented; the
 * blanks in front of it are dropped. Every other indented line after a key is
 * an error, because libinih would add it to the key above it. libinih cuts a
 * comment off before it looks at quotes: a ; after a blank is written \x3b.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_options.h"

#define CONFIG_MAX_FILE		(1U << 20)
#define PRINT_LINE_MAX		120	/* characters of a value on one line */

/**
 * struct config_reader - one run over a config file
 * @cfg: to fill
 * @path: for messages
 * @text: what is left to read, NUL-terminated
 * @line: number of the line handed out last
 * @indented: it starts with a blank
 * @in_section: a key has been seen since the last section header
 * @value: joined lines of a value that is not complete yet, or NULL
 * @failed: @err is set, nothing is read any more
 * @seen: options that this file has named
 * @err: the first error
 */
struct config_reader {
	struct vm_config *cfg;
	const char *path;
	const char *text;
	unsigned int line;
	bool indented;
	bool in_section;
	char *value;
	bool failed;
	bool seen[VM_OPTIONS_MAX];
	struct err *err;
};

static int reader_fail(struct config_reader *r)
{
	err_prefix(r->err, "%s:%u", r->path, r->line);
	r->failed = true;
	return 0;		/* an error, for libinih */
}

static bool section_exists(const char *name, size_t len)
{
	for (const struct vm_option *o = vm_options; o->flag; o++) {
		if (o->section && strlen(o->section) == len && !strncmp(o->section, name, len))
			return true;
	}
	return false;
}

/* libinih reports keys only, so a section without any is looked at here. */
static int reader_check_section(struct config_reader *r, const char *line, size_t len)
{
	const char *end;

	while (len && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	if (!len || *line != '[' || (r->indented && r->in_section))
		return 0;
	r->in_section = false;
	line++;
	end = memchr(line, ']', len - 1);
	if (!end || section_exists(line, (size_t)(end - line)))
		return 0;
	err_set(r->err, "unknown section [%.*s]", (int)(end - line), line);
	return -1;
}

/* Hands the next line to libinih, as fgets() would. */
static char *reader_line(char *buf, int size, void *stream)
{
	struct config_reader *r = stream;
	size_t len, copy;

	if (r->failed || !*r->text)
		return NULL;
	r->line++;
	r->indented = *r->text == ' ' || *r->text == '\t';
	len = strcspn(r->text, "\n");
	copy = len + (r->text[len] == '\n');
	if (copy >= (size_t)size) {
		err_set(r->err, "the line has %zu characters, the limit is %d: split the value with a backslash at the end of the line and an indented next line",
			len, size - 2);
		reader_fail(r);
		return NULL;
	}
	if (reader_check_section(r, r->text, len)) {
		reader_fail(r);
		return NULL;
	}
	memcpy(buf, r->text, copy);
	buf[copy] = '\0';
	r->text += copy;
	return buf;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undoes the quotes and escapes of a value in place. */
static int unquote(char *value, struct err *err)
{
	const char *from = value + 1;
	char *to = value;
	int hi, lo;

	if (*value != '"')
		return 0;
	while (*from && *from != '"') {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		switch (from[1]) {
		case '\\':
		case '"':
			*to++ = from[1];
			from += 2;
			break;
		case 'n':
			*to++ = '\n';
			from += 2;
			break;
		case 't':
			*to++ = '\t';
			from += 2;
			break;
		case 'x':
			hi = hex_digit(from[2]);
			lo = hi < 0 ? -1 : hex_digit(from[3]);
			if (lo < 0 || (hi == 0 && lo == 0))
				return err_set(err, "after \\x two hexadecimal digits are expected, not 00");
			*to++ = (char)(hi << 4 | lo);
			from += 4;
			break;
		default:
			return err_set(err, "unknown escape \\%c: known are \\\\ \\\" \\n \\t \\xHH",
				       from[1] ? from[1] : ' ');
		}
	}
	if (*from != '"')
		return err_set(err, "the closing quote is missing (a ; after a blank starts a comment in quotes too: write \\x3b)");
	if (from[1])
		return err_set(err, "unexpected text after the closing quote: %s", from + 1);
	*to = '\0';
	return 0;
}

static int reader_set(struct config_reader *r, const struct vm_option *o, char *value)
{
	if (r->seen[o - vm_options] && !o->list)
		return err_set(r->err, "given more than once");
	if (!r->seen[o - vm_options])
		o->clear(r->cfg);
	r->seen[o - vm_options] = true;
	if (unquote(value, r->err))
		return -1;
	return o->set(r->cfg, value, r->err);
}

static int reader_key(void *user, const char *section, const char *name, const char *value)
{
	struct config_reader *r = user;
	const struct vm_option *o;
	bool more;
	char *str;
	int ret;

	if (r->failed)
		return 0;
	if (!*section) {
		err_set(r->err, "%s stands before the first [section]", name);
		return reader_fail(r);
	}
	if (!section_exists(section, strlen(section))) {
		err_set(r->err, "unknown section [%s]", section);
		return reader_fail(r);
	}
	for (o = vm_options; o->flag; o++) {
		if (o->section && !strcmp(o->section, section) && !strcmp(o->key, name))
			break;
	}
	if (!o->flag) {
		err_set(r->err, "[%s] %s: unknown key", section, name);
		return reader_fail(r);
	}
	if (!!r->value != (r->indented && r->in_section)) {
		err_set(r->err, r->value ?
			"[%s] %s: the line before ends with a backslash, an indented line is expected" :
			"[%s] %s: this line is indented, but the line before does not end with a backslash",
			section, name);
		return reader_fail(r);
	}
	r->in_section = true;

	if (asprintf(&str, "%s%s", r->value ? r->value : "", value) < 0) {
		err_set(r->err, "out of memory");
		return reader_fail(r);
	}
	free(r->value);
	r->value = NULL;
	more = *value && value[strlen(value) - 1] == '\\';
	if (more) {
		str[strlen(str) - 1] = '\0';
		r->value = str;
		return 1;
	}
	ret = reader_set(r, o, str);
	free(str);
	if (ret) {
		err_prefix(r->err, "[%s] %s", section, name);
		return reader_fail(r);
	}
	return 1;
}

static char *read_text(const char *path, struct err *err)
{
	size_t size = 0;
	struct stat st;
	char *text;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_set_errno(err, "cannot open the config file %s", path);
		return NULL;
	}
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		err_set(err, "the config file %s is a directory", path);
		close(fd);
		return NULL;
	}
	text = malloc(CONFIG_MAX_FILE + 1);
	if (!text) {
		err_set(err, "out of memory");
		close(fd);
		return NULL;
	}
	do {
		n = read(fd, text + size, CONFIG_MAX_FILE + 1 - size);
		if (n > 0)
			size += (size_t)n;
	} while ((n > 0 && size <= CONFIG_MAX_FILE) || (n < 0 && errno == EINTR));
	if (n < 0)
		err_set_errno(err, "cannot read the config file %s", path);
	close(fd);
	if (n >= 0 && size > CONFIG_MAX_FILE)
		err_set(err, "the config file %s is larger than %u bytes", path,
			CONFIG_MAX_FILE);
	else if (n >= 0 && memchr(text, '\0', size))
		err_set(err, "the config file %s is not a text file: it has a NUL byte", path);
	else if (n >= 0) {
		text[size] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

int vm_config_load_file(struct vm_config *cfg, const char *path, struct err *err)
{
	struct err first = { "" };
	struct config_reader r = {
		.cfg = cfg,
		.path = path,
		.err = &first,
	};
	char *text;
	int ret;

	text = read_text(path, err);
	if (!text)
		return -1;
	r.text = text;
	ret = ini_parse_stream(reader_line, &r, reader_key, &r);
	free(text);
	if (r.value && !r.failed) {
		err_set(&first, "the file ends in the middle of a value");
		reader_fail(&r);
	}
	free(r.value);

	/* libinih goes on after an error and returns the line of the first. */
	if (ret > 0 && (!r.failed || (unsigned int)ret < r.line))
		return err_set(err, "%s:%d: expected [section], key = value or a comment", path,
			       ret);
	if (ret < 0)
		return err_set(err, "out of memory");
	if (r.failed)
		return err_set(err, "%s", first.msg);
	return 0;
}

/* What would not survive as it is: see the top of this file and libinih. */
static bool needs_quotes(const char *value)
{
	size_t len = strlen(value);

	if (!len)
		return false;
	if (value[0] == '"' || value[0] == ' ' || value[len - 1] == ' ' ||
	    value[len - 1] == '\\' || len > PRINT_LINE_MAX)
		return true;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c < 0x20 || c == 0x7f || c == ';' || c == '#')
			return true;
	}
	return false;
}

static void print_value(const char *value, FILE *out)
{
	unsigned int column = 0;

	if (!needs_quotes(value)) {
		fputs(value, out);
		return;
	}
	fputc('"', out);
	for (const char *p = value; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool wrap = column > PRINT_LINE_MAX;

		if (wrap) {
			fputs("\\\n\t", out);
			column = 0;
		}
		/* A blank next to the line break would be lost. */
		if (c < 0x20 || c == 0x7f || c == ';' || c == '#' || (c == ' ' && wrap) ||
		    (c == '[' && wrap))
			column += (unsigned int)fprintf(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			column += (unsigned int)fprintf(out, "\\%c", c);
		else
			column += (unsigned int)fprintf(out, "%c", c);
	}
	fputc('"', out);
}

void vm_config_print(const struct vm_config *cfg, FILE *out)
{
	const char *section = NULL;

	for (const struct vm_option *o = vm_options; o->flag; o++) {
		char *value;

		if (!o->section)
			continue;
		for (size_t i = 0; (value = o->get(cfg, i)) != NULL; i++) {
			if (!section || strcmp(section, o->section)) {
				fprintf(out, "%s[%s]\n", section ? "\n" : "", o->section);
				section = o->section;
			}
			fprintf(out, "%s = ", o->key);
			print_value(value, out);
			fputc('\n', out);
			free(value);
		}
	}
}
