/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of the paravirtual interface. */
#ifndef GUEST_PV_H
#define GUEST_PV_H

void test_pv_async(void);

#endif
