/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes on around guests of several vCPUs in holm-torture. */
#ifndef GUEST_TORTURE_H
#define GUEST_TORTURE_H

#include <stdbool.h>

/* Start to disturb, for so many seconds. 0, or -1 with a message printed. */
int torture_begin(unsigned long seconds);
bool torture_goes_on(void);
/* Stop, and print how often each thing happened. */
void torture_end(void);

#endif
