#include "transcoder/media/media.h"

#include <libavutil/cpu.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

/* [bytes] The index of a ten-hour MP4 takes 41 MB; a header that wants more than this lies. */
#define ALLOCATION_BYTES_MAX ((size_t)64 << 20)

/* What every processor of the architecture has. A higher baseline would gain 4-5 % and lose the
 * clusters that run on older machines. */
#if defined(__x86_64__)
#define CPU_BASELINE                                                                               \
    (AV_CPU_FLAG_MMX | AV_CPU_FLAG_MMXEXT | AV_CPU_FLAG_SSE | AV_CPU_FLAG_SSE2 | AV_CPU_FLAG_CMOV)
/* The steps of opus_select_arch() in libopus 1.3.1, celt/x86/x86cpu.c. */
#define CPU_CODEC (AV_CPU_FLAG_SSE | AV_CPU_FLAG_SSE2 | AV_CPU_FLAG_SSE4 | AV_CPU_FLAG_AVX)
#elif defined(__aarch64__)
#define CPU_BASELINE (AV_CPU_FLAG_ARMV8 | AV_CPU_FLAG_NEON | AV_CPU_FLAG_VFP)
#define CPU_CODEC    AV_CPU_FLAG_NEON
#else
#define CPU_BASELINE 0
#define CPU_CODEC    (~0u)
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t cpu_codec;

static void init_once(void) {
    cpu_codec = (uint32_t)av_get_cpu_flags() & CPU_CODEC;
    av_force_cpu_flags(CPU_BASELINE);
    av_log_set_level(AV_LOG_QUIET);
    av_max_alloc(ALLOCATION_BYTES_MAX);
}

void media_init(void) {
    pthread_once(&once, init_once);
}

uint32_t media_cpu_baseline(void) {
    return CPU_BASELINE;
}

uint32_t media_cpu_codec(void) {
    media_init();
    return cpu_codec;
}

void media_whyf(struct media_why *why, const char *format, ...) {
    if (why == NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
}
