#include "peerd/sim/scenario_text_private.h"

/* What a scenario expects, for people. */

static void put_verdict(struct text *t, const struct scenario_verdict *v) {
    text_putf(t, "  expects   %s%s of %s ",
              v->never ? "never "
              : v->may ? "perhaps "
                       : "",
              v->verdict.text, v->of.text);
    if (name_is_empty(&v->location)) {
        text_putf(t, "by ");
        put_names(t, v->by_names, v->by_count);
        text_putf(t, "%s", v->by_count == 0 ? "anybody" : "");
    } else {
        text_putf(t, "for %s by itself", v->location.text);
    }
    if (v->from.us > 0) {
        text_putf(t, ", from ");
        put_duration(t, v->from);
    }
    if (v->until.us < DURATION_ENDLESS.us) {
        text_putf(t, ", until ");
        put_duration(t, v->until);
    }
    text_putf(t, "\n");
}

static void put_hearing(struct text *t, const struct scenario_hearing *h) {
    const char *joint = ":"; /* before what comes next */
    text_putf(t, "  expects   of %s", h->of.text);
    if (h->frames_lost_max_given) {
        text_putf(t, "%s at most %u frames lost", joint, (unsigned)h->frames_lost_max);
        joint = ";";
    }
    if (h->gap_max_given) {
        text_putf(t, "%s no gap over ", joint);
        put_duration(t, h->gap_max);
        joint = ";";
    }
    if (h->all_served_by_given) {
        text_putf(t, "%s served from ", joint);
        put_duration(t, h->all_served_by);
        joint = ";";
    }
    if (h->served_at_end_count > 0) {
        text_putf(t, "%s at the end at ", joint);
        put_names(t, h->served_at_end, h->served_at_end_count);
    }
    const char *than = h->loses_at_most.text;
    text_putf(t, "%s%s\n", than[0] != '\0' ? "; loses no more than " : "", than);
}

void put_expectations(struct text *t, const struct scenario_expectations *e) {
    if (e->frames_lost_max_given)
        text_putf(t, "  expects   at most %u frames lost\n", (unsigned)e->frames_lost_max);
    if (e->gap_max_given) {
        text_putf(t, "  expects   no gap over ");
        put_duration(t, e->gap_max);
        text_putf(t, "\n");
    }
    if (e->detect_max_given) {
        text_putf(t, "  expects   failures noticed within ");
        put_duration(t, e->detect_max);
        text_putf(t, "\n");
    }
    if (e->all_served_by_given) {
        text_putf(t, "  expects   everybody served from ");
        put_duration(t, e->all_served_by);
        text_putf(t, "\n");
    }
    if (e->hedges_max_given)
        text_putf(t, "  expects   at most %u hedges\n", (unsigned)e->hedges_max);
    if (e->reordered_max_given)
        text_putf(t, "  expects   at most %u frames reordered\n", (unsigned)e->reordered_max);
    if (e->duplicates_apart_max_given)
        text_putf(t, "  expects   at most %u frames twice outside of an overlap\n",
                  (unsigned)e->duplicates_apart_max);
    if (e->whole)
        text_putf(t, "  expects   everything whole at the end\n");
    for (uint32_t i = 0; i < e->move_count; i++) {
        const struct scenario_moves *m = &e->moves[i];
        text_putf(t, "  expects   %u", (unsigned)m->min);
        text_putf(t, m->max == UINT32_MAX ? " or more" : " to %u", (unsigned)m->max);
        text_putf(t, " moves, cause %s, of %s%s%s%s%s", scenario_cause_name(m->cause),
                  m->of_index == SCENARIO_ALL ? "all" : m->of.text,
                  name_is_empty(&m->from) ? "" : ", from ", m->from.text,
                  name_is_empty(&m->to) ? "" : ", to ", m->to.text);
        if (m->by_given) {
            text_putf(t, ", by ");
            put_duration(t, m->by);
        }
        text_putf(t, "\n");
    }
    for (uint32_t i = 0; i < e->entered_count; i++) {
        const struct scenario_moves *m = &e->entered[i];
        text_putf(t, "  expects   %u", (unsigned)m->min);
        text_putf(t, m->max == UINT32_MAX ? " or more" : " to %u", (unsigned)m->max);
        text_putf(t, " arrivals in ledgers, cause %s\n", scenario_cause_name(m->cause));
    }
    for (uint32_t i = 0; i < e->verdict_count; i++)
        put_verdict(t, &e->verdicts[i]);
    if (e->verdicts_only)
        text_putf(t, "  expects   no other verdict\n");
    for (uint32_t i = 0; i < e->hearing_count; i++)
        put_hearing(t, &e->clients[i]);
    for (uint32_t i = 0; i < e->must_not_move_count; i++)
        text_putf(t, "  expects   no move of %s\n", e->must_not_move_names[i].text);
}
