// SPDX-License-Identifier: GPL-2.0-or-later
/* What people call virtual machines, and what is printed of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control.h"
#include "json.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const struct holm_vm_info vms[] = {
	{ .id = 1, .pid = 100, .name = "web", .uuid = { 0x11, [15] = 0xff } },
	{ .id = 2, .pid = 200, .name = "db", .uuid = { 0xab, 0xcd, [15] = 0x01 } },
	{ .id = 3, .pid = 300, .name = "twin" },
	{ .id = 4, .pid = 400, .name = "twin" },
	{ .id = 5, .pid = 0, .name = "" },
	{ .id = 6, .pid = 600, .name = "100" },
	{ .id = 7, .pid = 700, .name = "11000000-0000-0000-0000-0000000000ff" },
};

static void test_match(void **state)
{
	const struct {
		const char *what;
		uint32_t id;		/* 0: none */
		const char *msg;
	} rows[] = {
		{ "web", 1, NULL },
		{ "db", 2, NULL },
		{ "200", 2, NULL },
		{ "abcd0000-0000-0000-0000-000000000001", 2, NULL },
		{ "ABCD0000-0000-0000-0000-000000000001", 2, NULL },
		/* Names go first. */
		{ "100", 6, NULL },
		{ "11000000-0000-0000-0000-0000000000ff", 7, NULL },
		{ "twin", 0, "more than one virtual machine is called \"twin\"" },
		{ "300", 3, NULL },
		/* What is empty by mistake, and pids that are none. */
		{ "", 0, "there is no virtual machine" },
		{ "0", 0, "there is no virtual machine \"0\"" },
		{ "200x", 0, "there is no virtual machine" },
		{ " 200", 0, "there is no virtual machine" },
		{ "+200", 0, "there is no virtual machine" },
		{ "-200", 0, "there is no virtual machine" },
		{ "4294967496", 0, "there is no virtual machine" },
		{ "99999999999999999999999", 0, "there is no virtual machine" },
		{ "WEB", 0, "there is no virtual machine" },
		{ "abcd0000", 0, "there is no virtual machine" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { "" };
		const struct holm_vm_info *vm = control_match(vms, ARRAY_SIZE(vms), rows[i].what,
							      &e);

		assert_int_equal(vm ? vm->id : 0, rows[i].id);
		if (rows[i].msg)
			assert_non_null(strstr(e.msg, rows[i].msg));
	}
	assert_null(control_match(NULL, 0, "web", NULL));
}

static void test_text(void **state)
{
	const struct {
		uint64_t ns;
		const char *text;
	} durations[] = {
		{ 0, "0s" }, { 999999999, "0s" }, { 59999999999ULL, "59s" },
		{ 60000000000ULL, "1m 0s" }, { 3599000000000ULL, "59m 59s" },
		{ 3600000000000ULL, "1h 0m" }, { 86399000000000ULL, "23h 59m" },
		{ 86400000000000ULL, "1d 0h" }, { UINT64_MAX, "213503d 23h" },
	};
	const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0B" }, { 1023, "1023B" }, { 1024, "1K" }, { 1536, "1.5K" },
		{ 102400, "100K" }, { 134217728, "128M" }, { 1610612736, "1.5G" },
		{ UINT64_MAX, "15.9E" },
	};
	const uint8_t uuid[HOLM_UUID_LEN] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
					      0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	char buf[HOLM_UUID_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
		assert_string_equal(control_duration(durations[i].ns, buf, sizeof(buf)),
				    durations[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_string_equal(control_size(sizes[i].bytes, buf, sizeof(buf)), sizes[i].text);
	holm_uuid_text(uuid, buf);
	assert_string_equal(buf, "00112233-4455-6677-8899-aabbccddeeff");
	assert_string_equal(control_user(0, buf, sizeof(buf)), "root");
	assert_string_equal(control_user(4000000000U, buf, sizeof(buf)), "4000000000");
}

/* Each value has a name, and what a newer driver may say has one, too. */
static void test_names(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n <= HOLM_VM_STATE_FAILED; n++)
		assert_string_not_equal(holm_vm_state_name(n), "?");
	for (n = 0; n <= HOLM_VCPU_STATE_DYING; n++)
		assert_string_not_equal(holm_vcpu_state_name(n), "?");
	for (n = 0; n <= HOLM_VM_EVENT_MEMORY_FAULT; n++)
		assert_string_not_equal(holm_vm_event_name(n), "?");
	assert_string_equal(holm_vm_state_name(HOLM_VM_STATE_FAILED + 1), "?");
	assert_string_equal(holm_vcpu_state_name(UINT32_MAX), "?");
	assert_string_equal(holm_vm_event_name(HOLM_VM_EVENT_MEMORY_FAULT + 1), "?");
	for (n = 0; holm_vcpu_counter_name(n); n++)
		;
	assert_int_equal(n, HOLM_A_VCPU_TLB_FLUSHES - HOLM_A_VCPU_EXITS + 1);
}

static void test_json(void **state)
{
	struct holm_vm_info vm = vms[1];
	struct json_object *o, *member;

	(void)state;
	vm.memory = UINT64_MAX;
	vm.state = HOLM_VM_STATE_SHUTDOWN;
	snprintf(vm.name, sizeof(vm.name), "a \"quoted\" \\ name");
	o = control_vm_json(&vm);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "memory", &member));
	assert_true(json_object_get_uint64(member) == UINT64_MAX);
	assert_true(json_object_object_get_ex(o, "state", &member));
	assert_string_equal(json_object_get_string(member), "shutdown");
	assert_true(json_object_object_get_ex(o, "uuid", &member));
	assert_string_equal(json_object_get_string(member), "abcd0000-0000-0000-0000-000000000001");
	assert_non_null(strstr(json_object_to_json_string(o), "a \\\"quoted\\\" \\\\ name"));
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
