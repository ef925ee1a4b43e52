#include "transcoder/timeline/servo.h"

static int64_t clamp(int64_t v, int64_t max) {
    return v < -max ? -max : v > max ? max : v;
}

void servo_init(struct servo *s) {
    *s = (struct servo){.integral_ppb = 0};
}

/* What is to be taken back of a lag. */
static int64_t error_us(int32_t lag_us) {
    if (lag_us > SERVO_LATE_US)
        return (int64_t)lag_us - SERVO_LATE_US;
    return lag_us < -SERVO_EARLY_US ? (int64_t)lag_us + SERVO_EARLY_US : 0;
}

bool servo_is_content(int32_t lag_us) {
    return error_us(lag_us) == 0;
}

int32_t servo_report(struct servo *s, int32_t lag_us) {
    int64_t error = error_us(lag_us);
    int64_t direct_ppb = error * 1000 / SERVO_KP_INV;
    /* Rounded away from zero: the least error is learnt from until it is none. */
    int64_t more = error * SERVO_REPORT_MS;
    more += more > 0 ? SERVO_KI_INV - 1 : more < 0 ? 1 - SERVO_KI_INV : 0;
    int64_t learnt_ppb = s->integral_ppb + more / SERVO_KI_INV;
    if (error == 0 && clamp(learnt_ppb, SERVO_SAME_PPB) == learnt_ppb)
        learnt_ppb = 0;
    int64_t rate_ppb = clamp(direct_ppb + learnt_ppb, SERVO_RATE_PPB_MAX);
    if (rate_ppb == direct_ppb + learnt_ppb)
        s->integral_ppb = clamp(learnt_ppb, SERVO_RATE_PPB_MAX);
    return (int32_t)rate_ppb;
}
