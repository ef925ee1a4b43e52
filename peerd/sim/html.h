/*
 * HTML, escaped. Whatever comes from a scenario, a policy or a peer goes through html_text().
 *
 * What is written is XML as well: every element is closed, every attribute quoted.
 */
#ifndef PEERD_SIM_HTML_H
#define PEERD_SIM_HTML_H

#include <stdint.h>
#include <stdio.h>

/* Text or the value of an attribute: markup is escaped; control characters and what is not UTF-8
 * become U+FFFD. */
void html_text(FILE *out, const char *text);

/* `<tag class="c">text</tag>`; without a class if `c` is NULL. */
void html_element(FILE *out, const char *tag, const char *c, const char *text);

/* `text` is formatted first, then escaped; cut after 1000 bytes. */
__attribute__((format(printf, 2, 3))) void html_textf(FILE *out, const char *format, ...);

/* 1234567 as 1 234 567, with narrow spaces. */
void html_number(FILE *out, uint64_t n);

/* Seconds with three decimals, `4.255 s`. */
void html_instant(FILE *out, int64_t ms);

/* `85 ms`, `1.25 s`, `3 min 20 s`. */
void html_duration(FILE *out, int64_t ms);

#endif
