/* What a switch costs in pictures and sound: segments made one by one beside one long encode. */
#include "test/lib/joint.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SEGMENTS 4
#define AIM_DB   0.5

static char folder[] = "/tmp/peerd-joint-XXXXXX";
static char film[64];

static void make_film(void) {
    char command[768];
    cr_assert_neq(sodium_init(), -1);
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(film, sizeof(film), "%s/film.mp4", folder);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25,noise=alls=6:"
             "allf=t:all_seed=7 -f lavfi -i 'aevalsrc=sin(2*PI*t*(300+90*sin(t)))*0.3+"
             "sin(2*PI*t*1250)*0.1*sin(3*t)+(random(0)-0.5)*0.02:s=48000,aformat="
             "channel_layouts=stereo' -t %.1f -c:v libx264 -preset ultrafast -crf 12 -g 80 "
             "-pix_fmt yuv420p -c:a aac -aac_pns 0 -b:a 256k %s",
             3.2 * SEGMENTS, film);
    cr_assert_eq(system(command), 0, "ffmpeg makes no film");
}

static void remove_film(void) {
    char command[96];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

Test(segment_joint, is_as_good_as_where_an_encoder_went_on, .init = make_film,
     .fini = remove_film) {
    static const struct rendition renditions[] = {
        {{"180p"}, RENDITION_H264, 400000, 180, 25, 0},
        {{"aac"}, RENDITION_AAC, 128000, 0, 0, 2},
        {{"opus"}, RENDITION_OPUS, 64000, 0, 0, 2},
    };
    for (size_t i = 0; i < sizeof(renditions) / sizeof(renditions[0]); i++) {
        struct joint j;
        cr_assert(joint_measure(&j, film, folder, &renditions[i]));
        cr_expect_eq(j.count, SEGMENTS - 1);
        cr_expect_gt(j.steady_db, 15, "%s: that measures nothing", renditions[i].name.text);
        cr_expect_geq(j.ours_db, j.steady_db - AIM_DB, "%s: %.2f dB, %.2f of one encoder",
                      renditions[i].name.text, j.ours_db, j.steady_db);
        cr_expect_geq(j.worst_db, -3 * AIM_DB, "%s: %.2f dB worse at one joint",
                      renditions[i].name.text, -j.worst_db);
    }
}
