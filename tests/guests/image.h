/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image of all micro-guests, as guest.lds linked it. */
#ifndef GUEST_IMAGE_H
#define GUEST_IMAGE_H

#include <stdint.h>

#define IMAGE_START	0x1000

extern const uint8_t image[], image_end[];

#endif
