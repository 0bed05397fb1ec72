/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as the verbs write it. What is NULL for want of memory is an error here,
 * where json-c takes it as JSON's null: calls can stand in each other.
 */
#ifndef HOLM_JSON_H
#define HOLM_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#define JSON_PRETTY	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)
#define JSON_LINE	(JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* Make @val a member of @to, which owns it then; on failure it is freed. 0 or -1. */
int json_add(struct json_object *to, const char *key, struct json_object *val);

/* Make @val the last element of @to; the same. */
int json_append(struct json_object *to, struct json_object *val);

/**
 * json_write() - write a value, and free it
 * @root: the value; NULL: there was no memory for it
 * @flags: JSON_PRETTY or JSON_LINE
 * @out: where to
 *
 * Return: 0, or -1 without memory.
 */
int json_write(struct json_object *root, int flags, FILE *out);

/**
 * json_only_flag() - the arguments of a verb that takes --json and nothing else
 * @argc: as the verb got it
 * @argv: as the verb got it
 * @json: whether it was there
 *
 * Return: 0, or -1 after a message.
 */
int json_only_flag(int argc, char **argv, bool *json);

#endif /* HOLM_JSON_H */
