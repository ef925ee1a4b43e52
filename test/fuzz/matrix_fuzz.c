/*
 * Matrices of round-trip times as text: any bytes give either one fault and the matrix as before,
 * or as many values as its size says, each of them a time.
 */
#include "peerd/sim/scenario_private.h"

#include <stdlib.h>

static struct faults faults;

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct scenario_matrix m = {.size = 0};
    faults_init(&faults, "f");
    bool good = scenario_matrix_parse((const char *)data, len, &m, &faults);
    require(good == !faults_any(&faults) && good == (m.size > 0) && good == (m.rtt_us != NULL));
    for (size_t i = 0; i < (size_t)m.size * m.size; i++)
        require(m.rtt_us[i] <= 60000000);
    free(m.rtt_us);
    return 0;
}
