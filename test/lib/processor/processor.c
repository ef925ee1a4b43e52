/* What libraries take for this machine's processor, made older: see README.md. */
#include <dlfcn.h>
#include <libavcodec/avcodec.h>
#include <libavutil/cpu.h>
#include <string.h>

__attribute__((constructor)) static void make_older(void) {
    av_force_cpu_flags(0);
}

/* x264 looks for itself, unless it is told. */
int avcodec_open2(AVCodecContext *context, const AVCodec *codec, AVDictionary **options) {
    int (*real)(AVCodecContext *, const AVCodec *, AVDictionary **);
    *(void **)&real = dlsym(RTLD_NEXT, "avcodec_open2");
    if (codec != NULL && options != NULL && strcmp(codec->name, "libx264") == 0)
        av_dict_set(options, "x264-params", ":asm=SSE2", AV_DICT_APPEND);
    return real(context, codec, options);
}
