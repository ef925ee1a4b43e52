#include "peerd/base/utc.h"

/* Years are counted from March, so that the leap day is the last of its year and a month begins at
 * a fixed day of it; 400 years always have 146,097 days. */

#define DAYS_400      146097
#define DAYS_TO_1970  719468 /* from 0000-03-01 */
#define SECONDS_A_DAY 86400

struct date {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;   /* 1..31 */
};

/* Day of the March year on which a month begins; March is month 0. */
static int64_t month_start(int64_t month) {
    return (153 * month + 2) / 5;
}

static int64_t days_from_date(struct date d) {
    int64_t month = (d.month + 9) % 12;
    int64_t year = d.year - (d.month <= 2);
    return year * 365 + year / 4 - year / 100 + year / 400 + month_start(month) + d.day - 1 -
           DAYS_TO_1970;
}

static struct date date_from_days(int64_t days) {
    days += DAYS_TO_1970;
    int64_t in_era = days % DAYS_400;
    /* Less the leap days before it, the day tells the year directly. */
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (year * 365 + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153;
    year += days / DAYS_400 * 400 + (month >= 10);
    return (struct date){year, month < 10 ? month + 3 : month - 9,
                         in_year - month_start(month) + 1};
}

static void put(char *at, int64_t v, int digits) {
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        at[i] = (char)('0' + v % 10);
}

static const char form[UTC_TEXT_LEN + 1] = "0000-00-00T00:00:00Z";

bool utc_to_text(int64_t unix_s, char out[UTC_TEXT_LEN + 1]) {
    out[0] = '\0';
    if (unix_s < 0 || unix_s > UTC_SECOND_MAX)
        return false;
    struct date d = date_from_days(unix_s / SECONDS_A_DAY);
    int64_t second = unix_s % SECONDS_A_DAY;
    for (int i = 0; i <= UTC_TEXT_LEN; i++)
        out[i] = form[i];
    put(out, d.year, 4);
    put(out + 5, d.month, 2);
    put(out + 8, d.day, 2);
    put(out + 11, second / 3600, 2);
    put(out + 14, second / 60 % 60, 2);
    put(out + 17, second % 60, 2);
    return true;
}

static int64_t get(const char *at, int digits) {
    int64_t v = 0;
    for (int i = 0; i < digits; i++)
        v = v * 10 + (at[i] - '0');
    return v;
}

static bool has_form(const char *text, size_t len) {
    if (len != UTC_TEXT_LEN)
        return false;
    for (int i = 0; i < UTC_TEXT_LEN; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

bool utc_from_text(int64_t *out, const char *text, size_t len) {
    if (!has_form(text, len))
        return false;
    struct date d = {get(text, 4), get(text + 5, 2), get(text + 8, 2)};
    int64_t hour = get(text + 11, 2), minute = get(text + 14, 2), second = get(text + 17, 2);
    if (d.year < 1970 || d.month < 1 || d.month > 12 || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t days = days_from_date(d);
    struct date back = date_from_days(days);
    if (back.month != d.month || back.day != d.day)
        return false; /* such as February 30th, or day 0 */
    *out = days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second;
    return true;
}
