/*
 * Rendering: facts on the terminal, one a line, with a progress bar below them where one can be.
 *
 * No colour and no bar unless standard output is a terminal that wants them (NO_COLOR is obeyed).
 */
#ifndef TEST_LIVE_RENDER_H
#define TEST_LIVE_RENDER_H

#include "test/live/runner.h"

enum render_style {
    RENDER_PLAIN,  /* every fact */
    RENDER_PRETTY, /* with colours and a bar, if it is a terminal */
    RENDER_QUIET   /* trouble only */
};

struct render {
    const struct runner *runner;
    enum render_style style;
    bool colour;
    bool bar;       /* is wanted */
    bool bar_shown; /* stands on the last line */
    bool wide;      /* the terminal shows UTF-8 */
};

void render_init(struct render *x, const struct runner *runner, enum render_style style);
struct narrator render_narrator(struct render *x);

/* Takes the bar away: what follows is the summary. */
void render_end(struct render *x);

/* What reached one listener around the newest kill: who sent each packet, and what the player got.
 * Nothing without a tap. */
void render_arrivals(const struct render *x, const struct episode *episode);

/* Escape sequences, or "" without colours. */
const char *render_bold(const struct render *x);
const char *render_dim(const struct render *x);
const char *render_good(const struct render *x);
const char *render_bad(const struct render *x);
const char *render_plain(const struct render *x);

#endif
