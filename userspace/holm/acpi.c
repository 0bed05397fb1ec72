// SPDX-License-Identifier: GPL-2.0-or-later
/* ACPI tables of the machine (ACPI specification 6.5, chapter 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"
#include "acpi_aml.h"
#include "devices/ioapic.h"
#include "devices/pm.h"
#include "devices/resetctl.h"
#include "devices/rtc.h"
#include "irq.h"

#define OEM_ID		"HOLM  "
#define OEM_TABLE_ID	"HOLMPC  "
#define OEM_REVISION	1
#define CREATOR_ID	"HOLM"
#define CREATOR_REVISION 1

#define PACKED		__attribute__((packed))

struct acpi_header {		/* 5.2.6 */
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} PACKED;
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.5, 5.2.6");

struct acpi_rsdp {		/* 5.2.5.3 */
	char signature[8];
	uint8_t checksum;	/* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t ext_checksum;
	uint8_t reserved[3];
} PACKED;
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.5, 5.2.5.3");

struct acpi_gas {		/* 5.2.3.2 */
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	uint64_t address;
} PACKED;

#define GAS_IO		1
#define GAS_BYTE	1
#define GAS_WORD	2
#define GAS_DWORD	3

struct acpi_fadt {		/* 5.2.9 */
	struct acpi_header h;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved0;
	uint8_t pm_profile;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt;
	uint32_t pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len;
	uint8_t gpe0_len, gpe1_len, gpe1_base, cst_cnt;
	uint16_t p_lvl2_lat, p_lvl3_lat, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, mon_alarm, century;
	uint16_t iapc_boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct acpi_gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt;
	struct acpi_gas x_pm2_cnt, x_pm_tmr, x_gpe0, x_gpe1;
	struct acpi_gas sleep_control, sleep_status;
	char hypervisor[8];
} PACKED;
_Static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 6.5, 5.2.9");

#define FADT_REVISION	6
#define FADT_MINOR	5

/* IAPC_BOOT_ARCH, table 5.11 */
#define BOOT_LEGACY	(1U << 0)
#define BOOT_8042	(1U << 1)
#define BOOT_NO_VGA	(1U << 2)

/* Fixed feature flags, table 5.10 */
#define FADT_WBINVD	(1U << 0)
#define FADT_PROC_C1	(1U << 2)
#define FADT_SLP_BUTTON	(1U << 5)	/* none, or a control method's */
#define FADT_FIX_RTC	(1U << 6)	/* RTC wake is not in PM1 */
#define FADT_TMR_32	(1U << 8)
#define FADT_RESET_REG	(1U << 10)

#define LATENCY_NO_C2	101	/* above 100: the state does not exist */
#define LATENCY_NO_C3	1001	/* above 1000 likewise */

struct acpi_facs {		/* 5.2.10 */
	char signature[4];
	uint32_t length;
	uint32_t hardware_signature;
	uint32_t waking_vector;
	uint32_t global_lock;
	uint32_t flags;
	uint64_t x_waking_vector;
	uint8_t version;
	uint8_t reserved[31];
} PACKED;
_Static_assert(sizeof(struct acpi_facs) == 64, "ACPI 6.5, 5.2.10");

struct madt_header {		/* 5.2.12 */
	struct acpi_header h;
	uint32_t lapic_base;
	uint32_t flags;
} PACKED;

#define MADT_REVISION	5
#define MADT_PCAT_COMPAT 1	/* the PIC pair is there too */

struct madt_lapic {		/* type 0 */
	uint8_t type, length, uid, id;
	uint32_t flags;
} PACKED;

struct madt_ioapic {		/* type 1 */
	uint8_t type, length, id, reserved;
	uint32_t address, gsi_base;
} PACKED;

struct madt_override {		/* type 2 */
	uint8_t type, length, bus, source;
	uint32_t gsi;
	uint16_t flags;
} PACKED;

struct madt_lapic_nmi {		/* type 4 */
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
} PACKED;

struct madt_x2apic {		/* type 9 */
	uint8_t type, length;
	uint16_t reserved;
	uint32_t id, flags, uid;
} PACKED;

struct madt_x2apic_nmi {	/* type 10 */
	uint8_t type, length;
	uint16_t flags;
	uint32_t uid;
	uint8_t lint;
	uint8_t reserved[3];
} PACKED;

#define MADT_ENABLED	1
#define MPS_CONFORMS	0	/* polarity and trigger of the bus */
#define MPS_HIGH_EDGE	0x05
#define MPS_HIGH_LEVEL	0x0d
#define ALL_CPUS	0xff
#define ALL_CPUS_X2	0xffffffffU

/* APIC IDs from 255 on exist in x2APIC entries only (5.2.12.12). */
#define MAX_XAPIC_ID	254
/* Device names are C and three hexadecimal digits. */
#define MAX_CPUS	4096

#define LAPIC_BASE	0xfee00000U

void acpi_config_default(struct acpi_config *cfg, unsigned int cpus)
{
	*cfg = (struct acpi_config){
		.cpus = cpus,
		.lapic_base = LAPIC_BASE,
		.ioapic_base = IOAPIC_BASE,
		.sci_irq = ISA_IRQ_SCI,
		.pm_port = PM_DEFAULT_PORT,
		.slp_typ_s5 = PM_SLP_TYP_S5,
		.reset_port = RESETCTL_CF9_PORT,
		.reset_value = RESETCTL_CF9_VALUE,
		.century_reg = RTC_CENTURY_REG,
		.com1 = true,
		.i8042 = true,
	};
}

static uint32_t apic_id(const struct acpi_config *cfg, unsigned int cpu)
{
	return cfg->apic_ids ? cfg->apic_ids[cpu] : cpu;
}

static uint8_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t sum = 0;

	while (len--)
		sum += *p++;
	return (uint8_t)-sum;
}

static void fill_header(struct acpi_header *h, const char *signature,
			uint8_t revision, size_t length)
{
	memcpy(h->signature, signature, 4);
	h->length = (uint32_t)length;
	h->revision = revision;
	h->checksum = 0;
	memcpy(h->oem_id, OEM_ID, 6);
	memcpy(h->oem_table_id, OEM_TABLE_ID, 8);
	h->oem_revision = OEM_REVISION;
	memcpy(h->creator_id, CREATOR_ID, 4);
	h->creator_revision = CREATOR_REVISION;
}

/* Put the header in front of a table's bytes, and its checksum. */
static void finish_table(struct aml *t, const char *signature, uint8_t revision)
{
	struct acpi_header h;

	if (t->failed)
		return;
	fill_header(&h, signature, revision, t->len);
	memcpy(t->buf, &h, sizeof(h));
	h.checksum = checksum(t->buf, t->len);
	memcpy(t->buf, &h, sizeof(h));
}

/* MADT */

static void madt_cpu(struct aml *t, uint32_t id, uint32_t uid)
{
	if (id <= MAX_XAPIC_ID && uid < ALL_CPUS)
		aml_bytes(t, &(struct madt_lapic){
			.type = 0, .length = sizeof(struct madt_lapic),
			.uid = (uint8_t)uid, .id = (uint8_t)id,
			.flags = MADT_ENABLED,
		}, sizeof(struct madt_lapic));
	else
		aml_bytes(t, &(struct madt_x2apic){
			.type = 9, .length = sizeof(struct madt_x2apic),
			.id = id, .uid = uid, .flags = MADT_ENABLED,
		}, sizeof(struct madt_x2apic));
}

static void madt_override(struct aml *t, uint8_t source, uint32_t gsi,
			  uint16_t flags)
{
	aml_bytes(t, &(struct madt_override){
		.type = 2, .length = sizeof(struct madt_override),
		.source = source, .gsi = gsi, .flags = flags,
	}, sizeof(struct madt_override));
}

static void build_madt(struct aml *t, const struct acpi_config *cfg)
{
	bool x2apic = false;
	unsigned int i;

	aml_bytes(t, &(struct madt_header){
		.lapic_base = cfg->lapic_base,
		.flags = MADT_PCAT_COMPAT,
	}, sizeof(struct madt_header));

	for (i = 0; i < cfg->cpus; i++) {
		madt_cpu(t, apic_id(cfg, i), i);
		if (apic_id(cfg, i) > MAX_XAPIC_ID || i >= ALL_CPUS)
			x2apic = true;
	}
	aml_bytes(t, &(struct madt_ioapic){
		.type = 1, .length = sizeof(struct madt_ioapic),
		.id = cfg->ioapic_id, .address = cfg->ioapic_base,
	}, sizeof(struct madt_ioapic));
	madt_override(t, ISA_IRQ_PIT, 2, MPS_CONFORMS);
	madt_override(t, cfg->sci_irq, cfg->sci_irq, MPS_HIGH_LEVEL);
	aml_bytes(t, &(struct madt_lapic_nmi){
		.type = 4, .length = sizeof(struct madt_lapic_nmi),
		.uid = ALL_CPUS, .flags = MPS_HIGH_EDGE, .lint = 1,
	}, sizeof(struct madt_lapic_nmi));
	if (x2apic)
		aml_bytes(t, &(struct madt_x2apic_nmi){
			.type = 10, .length = sizeof(struct madt_x2apic_nmi),
			.uid = ALL_CPUS_X2, .flags = MPS_HIGH_EDGE, .lint = 1,
		}, sizeof(struct madt_x2apic_nmi));
	finish_table(t, "APIC", MADT_REVISION);
}

/* DSDT */

static void isa_device(struct aml *t, const char *name, const char *hid,
		       const struct aml_resources *res)
{
	aml_device_begin(t, name);
	aml_name(t, "_HID");
	aml_eisaid(t, hid);
	aml_name(t, "_UID");
	aml_integer(t, 1);
	aml_name(t, "_STA");
	aml_integer(t, 0x0f);
	aml_name_crs(t, res);
	aml_end(t);
}

static void build_dsdt(struct aml *t, const struct acpi_config *cfg)
{
	static const uint8_t header[sizeof(struct acpi_header)];
	struct aml_resources res;
	char name[8];
	unsigned int i;

	aml_bytes(t, header, sizeof(header));

	/* \_S5: SLP_TYP for PM1a and PM1b, two reserved (7.4.2). */
	aml_name(t, "_S5_");
	aml_package_begin(t, 4);
	aml_integer(t, cfg->slp_typ_s5);
	aml_integer(t, cfg->slp_typ_s5);
	aml_integer(t, 0);
	aml_integer(t, 0);
	aml_end(t);

	aml_scope_begin(t, "_SB_");
	for (i = 0; i < cfg->cpus; i++) {
		snprintf(name, sizeof(name), "C%03X", i & 0xfff);
		aml_device_begin(t, name);
		aml_name(t, "_HID");
		aml_string(t, "ACPI0007");
		aml_name(t, "_UID");
		aml_integer(t, i);
		aml_end(t);
	}
	if (cfg->com1) {
		res.len = 0;
		aml_resource_io(&res, 0x3f8, 8);
		aml_resource_irq(&res, ISA_IRQ_COM1);
		isa_device(t, "COM1", "PNP0501", &res);
	}
	res.len = 0;
	aml_resource_io(&res, 0x70, 2);
	aml_resource_irq(&res, ISA_IRQ_RTC);
	isa_device(t, "RTC_", "PNP0B00", &res);
	if (cfg->i8042) {
		res.len = 0;
		aml_resource_io(&res, 0x60, 1);
		aml_resource_io(&res, 0x64, 1);
		aml_resource_irq(&res, ISA_IRQ_KBD);
		isa_device(t, "KBD_", "PNP0303", &res);
	}
	aml_end(t);
	/* Revision 2: 64-bit integers. */
	finish_table(t, "DSDT", 2);
}

/* FADT */

static struct acpi_gas gas_io(uint64_t port, uint8_t bytes, uint8_t access)
{
	return (struct acpi_gas){
		.space = GAS_IO,
		.bit_width = bytes * 8,
		.access_size = access,
		.address = port,
	};
}

static void build_fadt(struct aml *t, const struct acpi_config *cfg,
		       uint64_t facs, uint64_t dsdt)
{
	uint16_t evt = cfg->pm_port + PM1_EVT_OFFSET;
	uint16_t cnt = cfg->pm_port + PM1_CNT_OFFSET;
	uint16_t tmr = cfg->pm_port + PM_TMR_OFFSET;
	struct acpi_fadt f = {
		.facs = (uint32_t)facs,
		.dsdt = (uint32_t)dsdt,
		.sci_int = cfg->sci_irq,
		/* No SMI_CMD: the machine is always in ACPI mode (4.8.2.4). */
		.pm1a_evt = evt,
		.pm1a_cnt = cnt,
		.pm_tmr = tmr,
		.pm1_evt_len = PM1_EVT_LEN,
		.pm1_cnt_len = PM1_CNT_LEN,
		.pm_tmr_len = PM_TMR_LEN,
		.p_lvl2_lat = LATENCY_NO_C2,
		.p_lvl3_lat = LATENCY_NO_C3,
		.century = cfg->century_reg,
		.iapc_boot_arch = BOOT_LEGACY | BOOT_NO_VGA,
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON |
			 FADT_FIX_RTC | FADT_TMR_32 | FADT_RESET_REG,
		.reset_reg = gas_io(cfg->reset_port, 1, GAS_BYTE),
		.reset_value = cfg->reset_value,
		.minor = FADT_MINOR,
		.x_dsdt = dsdt,
		.x_pm1a_evt = gas_io(evt, PM1_EVT_LEN, GAS_WORD),
		.x_pm1a_cnt = gas_io(cnt, PM1_CNT_LEN, GAS_WORD),
		.x_pm_tmr = gas_io(tmr, PM_TMR_LEN, GAS_DWORD),
		.hypervisor = "HOLM",
	};

	if (cfg->i8042)
		f.iapc_boot_arch |= BOOT_8042;
	aml_bytes(t, &f, sizeof(f));
	finish_table(t, "FACP", FADT_REVISION);
}

/* Layout */

enum { /* in the order in which they lie in memory */
	T_RSDP, T_RSDT, T_XSDT, T_FACS, T_DSDT, T_MADT, T_FADT, TABLES
};

static void build_tables(struct aml t[TABLES], const uint64_t addr[TABLES],
			 const struct acpi_config *cfg)
{
	const uint64_t list[] = { addr[T_FADT], addr[T_MADT] };
	static const uint8_t header[sizeof(struct acpi_header)];
	struct acpi_rsdp rsdp = {
		.revision = 2,
		.rsdt = (uint32_t)addr[T_RSDT],
		.length = sizeof(rsdp),
		.xsdt = addr[T_XSDT],
	};
	struct acpi_facs facs = {
		.length = sizeof(facs),
		.version = 2,
	};
	unsigned int i;

	memcpy(rsdp.signature, "RSD PTR ", 8);
	memcpy(rsdp.oem_id, OEM_ID, 6);
	rsdp.checksum = checksum(&rsdp, 20);
	rsdp.ext_checksum = checksum(&rsdp, sizeof(rsdp));
	aml_bytes(&t[T_RSDP], &rsdp, sizeof(rsdp));

	aml_bytes(&t[T_RSDT], header, sizeof(header));
	aml_bytes(&t[T_XSDT], header, sizeof(header));
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		uint32_t low = (uint32_t)list[i];

		aml_bytes(&t[T_RSDT], &low, sizeof(low));
		aml_bytes(&t[T_XSDT], &list[i], sizeof(list[i]));
	}
	finish_table(&t[T_RSDT], "RSDT", 1);
	finish_table(&t[T_XSDT], "XSDT", 1);

	memcpy(facs.signature, "FACS", 4);
	aml_bytes(&t[T_FACS], &facs, sizeof(facs));
	build_dsdt(&t[T_DSDT], cfg);
	build_madt(&t[T_MADT], cfg);
	build_fadt(&t[T_FADT], cfg, addr[T_FACS], addr[T_DSDT]);
}

static void free_tables(struct aml t[TABLES])
{
	int i;

	for (i = 0; i < TABLES; i++)
		aml_free(&t[i]);
}

static int check_config(const struct acpi_config *cfg,
			const struct acpi_window *win, struct err *e)
{
	unsigned int i, j;

	if (!cfg->cpus || cfg->cpus > MAX_CPUS)
		return err_set(e, "ACPI tables: %u processors, expected 1 to %u",
			       cfg->cpus, MAX_CPUS);
	for (i = 0; cfg->apic_ids && i < cfg->cpus; i++) {
		for (j = 0; j < i; j++)
			if (cfg->apic_ids[i] == cfg->apic_ids[j])
				return err_set(e, "ACPI tables: processors %u and %u have the same APIC ID %u",
					       j, i, cfg->apic_ids[i]);
		/* 255 is the xAPIC broadcast ID, 0xffffffff that of x2APIC. */
		if (cfg->apic_ids[i] == UINT32_MAX)
			return err_set(e, "ACPI tables: processor %u has the broadcast ID",
				       i);
	}
	if (!cfg->sci_irq || cfg->sci_irq >= ISA_IRQS ||
	    cfg->sci_irq == ISA_IRQ_CASCADE)
		return err_set(e, "ACPI tables: interrupt %u cannot be the SCI",
			       cfg->sci_irq);
	if (cfg->slp_typ_s5 > 7)
		return err_set(e, "ACPI tables: SLP_TYP %u has more than 3 bits",
			       cfg->slp_typ_s5);
	if (win->gpa % 16 || win->size > 1ULL << 32 ||
	    win->gpa > (1ULL << 32) - win->size)
		return err_set(e, "ACPI tables: the window 0x%llx+0x%zx is not 16-byte aligned below 4 GiB",
			       (unsigned long long)win->gpa, win->size);
	return 0;
}

int acpi_build(const struct acpi_config *cfg, const struct acpi_window *win,
	       size_t *used, struct err *e)
{
	uint64_t addr[TABLES] = { 0 };
	struct aml t[TABLES] = { 0 };
	uint64_t end = win->gpa;
	int i, pass;

	if (check_config(cfg, win, e) < 0)
		return -1;

	/* Sizes do not depend on addresses: build once to place, once to keep. */
	for (pass = 0; pass < 2; pass++) {
		free_tables(t);
		build_tables(t, addr, cfg);
		end = win->gpa;
		for (i = 0; i < TABLES; i++) {
			if (t[i].failed) {
				free_tables(t);
				return err_set(e, "ACPI tables: out of memory");
			}
			/* The FACS wants 64 bytes; it does the others no harm. */
			if (i)
				end = (end + 63) & ~63ULL;
			addr[i] = end;
			end += t[i].len;
		}
	}
	if (end - win->gpa > win->size) {
		free_tables(t);
		return err_set(e, "ACPI tables for %u processors need %llu bytes, the window at 0x%llx has %zu",
			       cfg->cpus, (unsigned long long)(end - win->gpa),
			       (unsigned long long)win->gpa, win->size);
	}
	memset(win->host, 0, end - win->gpa);
	for (i = 0; i < TABLES; i++)
		memcpy((uint8_t *)win->host + (addr[i] - win->gpa), t[i].buf,
		       t[i].len);
	if (used)
		*used = end - win->gpa;
	free_tables(t);
	return 0;
}
