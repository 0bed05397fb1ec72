// SPDX-License-Identifier: GPL-2.0-or-later
/* "holm stats" on a terminal: draws what stats.c and stats_text.c have made. */
#include <ncurses.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "stats_screen.h"

#define ESCAPE		27
#define CTRL_L		12	/* draws all anew, as everywhere */
#define ROWS_MIN	6	/* lines of a terminal with which there is something to see */
#define COLUMNS_MIN	30

enum view { VIEW_LIST, VIEW_VM, VIEW_HELP };

/**
 * struct screen - what is shown
 * @ops: where numbers come from
 * @arg: for @ops
 * @interval_ns: between two looks
 * @next_ns: when the next one is due
 * @before: the look before the last one
 * @now: the last one
 * @rows: of them
 * @key: what the rows are sorted by
 * @view: which of the views
 * @back: the view below the help
 * @vm: the virtual machine that is chosen, by its number
 * @reason: the reason that is chosen, by its place
 * @top: the first row that is seen
 * @message: to be told in the last line
 * @done: the user has seen enough
 */
struct screen {
	const struct stats_ops *ops;
	void *arg;
	uint64_t interval_ns;
	uint64_t next_ns;
	struct stats_sample before, now;
	struct stats_row *rows;
	enum stats_key key;
	enum view view, back;
	uint32_t vm;
	size_t reason;
	size_t top;
	struct err message;
	bool done;
};

/* ---- numbers --------------------------------------------------------------------- */

/* Which row is chosen; when its machine is gone, the first one. */
static size_t chosen(struct screen *s)
{
	for (size_t i = 0; i < s->now.n_vms; i++)
		if (s->rows[i].vm == s->vm)
			return i;
	s->vm = s->now.n_vms ? s->rows[0].vm : 0;
	if (s->view == VIEW_VM)
		s->view = VIEW_LIST;
	return 0;
}

static int look(struct screen *s, struct err *e)
{
	struct stats_sample next;
	struct stats_row *rows;
	struct err told;

	if (s->ops->sample(s->arg, &next, &told))
		return err_set(e, "%s", told.msg);
	rows = calloc(next.n_vms + 1, sizeof(*rows));
	if (!rows) {
		stats_clear(&next);
		return err_set(e, "out of memory");
	}
	if (told.msg[0])
		s->message = told;
	stats_clear(&s->before);
	s->before = s->now;
	s->now = next;
	free(s->rows);
	s->rows = rows;
	stats_rows(&s->before, &s->now, rows);
	stats_sort(rows, s->now.n_vms, s->key);
	chosen(s);
	s->next_ns = clock_ns(CLOCK_MONOTONIC) + s->interval_ns;
	return 0;
}

/* ---- drawing --------------------------------------------------------------------- */

static void put(int y, int attributes, const char *text)
{
	if (y < 0 || y >= LINES)
		return;
	attrset(attributes);
	mvaddnstr(y, 0, text, COLS);
	if (attributes != A_NORMAL && (int)strlen(text) < COLS)
		hline(' ' | (chtype)attributes, COLS - (int)strlen(text));
	attrset(A_NORMAL);
}

static void draw_list(struct screen *s)
{
	size_t at = chosen(s), room = (size_t)LINES - 3;
	char line[STATS_LINE];

	stats_header_line(line);
	put(1, A_REVERSE, line);
	s->top = at < s->top ? at : s->top;
	s->top = at >= s->top + room ? at - room + 1 : s->top;
	for (size_t i = s->top; i < s->now.n_vms && i < s->top + room; i++) {
		stats_row_line(&s->rows[i], line);
		put((int)(2 + i - s->top), i == at ? A_BOLD | A_UNDERLINE : A_NORMAL, line);
	}
	if (!s->now.n_vms)
		put(2, A_NORMAL, "there is no virtual machine that you may see");
}

static void draw_vm(struct screen *s)
{
	char lines[HOLM_HISTOGRAM_LEN][STATS_LINE], line[STATS_LINE];
	struct stats_reason reasons[HOLM_EXIT_REASONS];
	size_t at = chosen(s), n, first = 0, table, room;
	int y;

	stats_header_line(line);
	put(1, A_REVERSE, line);
	if (s->now.n_vms) {
		stats_row_line(&s->rows[at], line);
		put(2, A_NORMAL, line);
	}
	n = stats_reasons(&s->before, &s->now, s->vm, reasons);
	if (!n) {
		put(4, A_NORMAL, "no exit was counted by reason");
		return;
	}
	s->reason = s->reason < n ? s->reason : n - 1;
	stats_reason_header_line(line);
	put(3, A_REVERSE, line);

	/* The reasons have at most half of the room, their histogram the rest. */
	room = (size_t)LINES - 5;
	table = n < room / 2 + 1 ? n : room / 2 + 1;
	if (s->reason >= table)
		first = s->reason - table + 1;
	for (size_t i = 0; i < table; i++) {
		stats_reason_line(&reasons[first + i], line);
		put((int)(4 + i), first + i == s->reason ? A_BOLD | A_UNDERLINE : A_NORMAL, line);
	}
	y = (int)(4 + table);
	snprintf(line, sizeof(line), "times of %s", holm_exit_reason_name(reasons[s->reason].reason));
	put(y++, A_REVERSE, line);
	n = stats_histogram_lines(reasons[s->reason].histogram, (unsigned int)COLS, lines);
	for (size_t i = 0; i < n && y < LINES - 1; i++)
		put(y++, A_NORMAL, lines[i]);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"up, down      choose a virtual machine; a reason",
		"Enter         the reasons of its exits, and how long they took",
		"left, right   sort by another column",
		"s             the same as right",
		"p             pause the virtual machine, or have it go on",
		"r             counts by reason begin at 0 again",
		"h             this help",
		"Ctrl-L        draw all anew",
		"q, Escape     back; the end",
		"",
		"GUEST, HALTED: of the time of its vCPUs the part in the guest, and waiting",
		"for an interrupt. TIME: from exits to the next entries, whoever took it.",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put((int)(i + 1), A_NORMAL, lines[i]);
}

static void draw(struct screen *s)
{
	char line[STATS_LINE];

	erase();
	if (LINES < ROWS_MIN || COLS < COLUMNS_MIN) {
		put(0, A_NORMAL, "too small (q: end)");
		refresh();
		return;
	}
	snprintf(line, sizeof(line), "holm stats: %zu virtual machine%s, every %.1f s, by %s",
		 s->now.n_vms, s->now.n_vms == 1 ? "" : "s",
		 (double)s->interval_ns / NSEC_PER_SEC,
		 stats_key_name(s->key));
	put(0, A_BOLD, line);
	if (s->view == VIEW_HELP)
		draw_help();
	else if (s->view == VIEW_VM)
		draw_vm(s);
	else
		draw_list(s);
	put(LINES - 1, s->message.msg[0] ? A_BOLD : A_NORMAL,
	    s->message.msg[0] ? s->message.msg : "q quit  h help  Enter reasons  s sort  p pause");
	refresh();
}

/* ---- keys ------------------------------------------------------------------------ */

static void move_by(struct screen *s, int by)
{
	size_t at = chosen(s);

	if (s->view == VIEW_VM) {
		if (by > 0 || s->reason)
			s->reason += (size_t)by;	/* drawing knows the last one */
	} else if (s->view == VIEW_LIST && s->now.n_vms) {
		if (by > 0 ? at + 1 < s->now.n_vms : at > 0)
			s->vm = s->rows[at + (size_t)by].vm;
	}
}

static void sort_by(struct screen *s, int by)
{
	s->key = (enum stats_key)(((int)s->key + by + STATS_KEYS) % STATS_KEYS);
	stats_sort(s->rows, s->now.n_vms, s->key);
}

static void pause_chosen(struct screen *s)
{
	size_t at = chosen(s);
	bool pause;

	if (!s->now.n_vms)
		return;
	pause = s->rows[at].state != HOLM_VM_STATE_PAUSED;
	if (!s->ops->pause(s->arg, s->rows[at].vm, pause, &s->message)) {
		err_set(&s->message, "%s is %s", s->rows[at].name, pause ? "paused" : "resumed");
		s->next_ns = 0;
	}
}

static void back(struct screen *s)
{
	if (s->view == VIEW_LIST)
		s->done = true;
	s->view = s->view == VIEW_HELP ? s->back : VIEW_LIST;
}

static void on_key(struct screen *s, int key)
{
	if (key == CTRL_L) {
		clearok(curscr, true);
		return;
	}
	s->message.msg[0] = '\0';
	switch (key) {
	case 'q':
	case ESCAPE:
		back(s);
		break;
	case 'h':
	case '?':
		if (s->view != VIEW_HELP)
			s->back = s->view;
		s->view = VIEW_HELP;
		break;
	case '\n':
	case '\r':
	case KEY_ENTER:
		if (s->view == VIEW_LIST && s->now.n_vms) {
			s->view = VIEW_VM;
			s->reason = 0;
		}
		break;
	case KEY_UP:
	case 'k':
		move_by(s, -1);
		break;
	case KEY_DOWN:
	case 'j':
		move_by(s, 1);
		break;
	case KEY_LEFT:
		sort_by(s, -1);
		break;
	case KEY_RIGHT:
	case 's':
		sort_by(s, 1);
		break;
	case 'p':
		pause_chosen(s);
		break;
	case 'r':
		if (!s->ops->reset(s->arg, &s->message))
			err_set(&s->message, "counts by reason begin at 0");
		s->next_ns = 0;
		break;
	default:
		break;		/* KEY_RESIZE: is drawn anew */
	}
}

/* The terminal is gone; keys never come any more, and getch() does not wait. */
static bool hung_up(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO };

	return poll(&fd, 1, 0) > 0;
}

static int watch(struct screen *s, const volatile sig_atomic_t *stop, struct err *e)
{
	while (!s->done && !*stop) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		int key;

		if (now >= s->next_ns) {
			if (look(s, e))
				return -1;
			now = clock_ns(CLOCK_MONOTONIC);
		}
		draw(s);
		timeout(s->next_ns > now ? (int)((s->next_ns - now) / 1000000) + 1 : 0);
		key = getch();
		if (key != ERR)
			on_key(s, key);
		else if (hung_up())
			return 0;
	}
	return 0;
}

int stats_screen(const struct stats_ops *ops, void *arg, uint64_t interval_ns,
		 enum stats_key key, const volatile sig_atomic_t *stop, struct err *e)
{
	struct screen s = { .ops = ops, .arg = arg, .interval_ns = interval_ns, .key = key };
	const char *type = getenv("TERM");
	SCREEN *terminal;
	int ret;

	/* Not initscr(), which ends the process. */
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return err_set(e, "the terminal's type \"%s\" is not known: try --once",
			       type ? type : "");
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, true);
	set_escdelay(25);
	curs_set(0);
	ret = watch(&s, stop, e);
	endwin();
	delscreen(terminal);
	stats_clear(&s.before);
	stats_clear(&s.now);
	free(s.rows);
	return ret;
}
