/*
 * peerctl: makes keys, checks policies, asks a running peerd and steers it.
 */
#include "peerd/base/id.h"
#include "peerd/ctl/ctl.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 32
#define LONG_BASE   256 /* beyond any letter */
#define SHIELDED    4   /* ids that look like options, as many as mean anything */
#define SHIELD      '\001'

/* What getopt wants, made from the one table. */
static void fill_getopt(struct option list[OPTIONS_MAX + 1], char letters[OPTIONS_MAX + 2]) {
    size_t n = 0;
    letters[n++] = ':';
    memset(list, 0, (OPTIONS_MAX + 1) * sizeof(*list));
    for (size_t i = 0; i < ctl_option_count && i < OPTIONS_MAX; i++) {
        const struct ctl_option *o = &ctl_option_list[i];
        list[i] = (struct option){o->name, o->argument != NULL ? required_argument : no_argument,
                                  NULL, LONG_BASE + (int)i};
        if (o->letter != 0)
            letters[n++] = o->letter;
    }
    letters[n] = '\0';
}

static size_t index_of(int c) {
    if (c >= LONG_BASE)
        return (size_t)(c - LONG_BASE);
    for (size_t i = 0; i < ctl_option_count; i++)
        if (ctl_option_list[i].letter == c)
            return i;
    return ctl_option_count;
}

/* One id in 64 begins with a dash: getopt is not to take it for an option. */
static void shield_ids(int argc, char **argv) {
    static char texts[SHIELDED][SESSION_ID_TEXT_LEN + 2];
    struct session_id id;
    size_t count = 0;
    for (int i = 1; i < argc && count < SHIELDED; i++)
        if (argv[i][0] == '-' && session_id_from_text(&id, argv[i], strlen(argv[i]))) {
            snprintf(texts[count], sizeof(texts[count]), "%c%s", SHIELD, argv[i]);
            argv[i] = texts[count++];
        }
}

static char *unshielded(char *word) {
    return word[0] == SHIELD ? word + 1 : word;
}

/* False: said on standard error what is wrong. `given` gets a bit for each option that stood there.
 */
static bool parse(int argc, char **argv, struct ctl_options *o, uint32_t *given) {
    struct option list[OPTIONS_MAX + 1];
    char letters[OPTIONS_MAX + 2];
    int c;
    fill_getopt(list, letters);
    shield_ids(argc, argv);
    opterr = 0;
    while ((c = getopt_long(argc, argv, letters, list, NULL)) != -1) {
        size_t i = index_of(c);
        if (i >= ctl_option_count) { /* ':' and '?' */
            fprintf(stderr, "peerctl: %s %s; try --help\n",
                    c == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
            return false;
        }
        char *at = (char *)o + ctl_option_list[i].at;
        if (ctl_option_list[i].argument != NULL)
            *(const char **)(void *)at = unshielded(optarg);
        else
            *(bool *)at = true;
        *given |= UINT32_C(1) << i;
    }
    for (int i = optind; i < argc; i++)
        argv[i] = unshielded(argv[i]);
    return true;
}

static bool options_fit(const char *command, uint32_t given) {
    for (size_t i = 0; i < ctl_option_count; i++)
        if ((given >> i & 1) != 0 && !ctl_option_fits(&ctl_option_list[i], command)) {
            fprintf(stderr, "peerctl %s: --%s means nothing there; try --help\n", command,
                    ctl_option_list[i].name);
            return false;
        }
    return true;
}

static int run(const struct ctl_options *o, const char *name, uint32_t given) {
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (strcmp(ctl_commands[i].name, name) != 0)
            continue;
        if (!options_fit(name, given))
            return CTL_USAGE;
        if (o->word_count == 0 || ctl_commands[i].takes != CTL_WORD_NONE)
            return ctl_commands[i].run(o);
        fprintf(stderr, "peerctl %s: unexpected argument `%s`; try --help\n", name, o->words[0]);
        return CTL_USAGE;
    }
    fprintf(stderr, "peerctl: no command `%s`; try --help\n", name);
    return CTL_USAGE;
}

/* Who reads an answer from a file must not take an empty one for it. */
static int told(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fputs("peerctl: standard output could not be written\n", stderr);
    return status == CTL_DONE ? CTL_REFUSED : status;
}

int main(int argc, char **argv) {
    struct ctl_options o = {0};
    uint32_t given = 0;
    if (!parse(argc, argv, &o, &given))
        return CTL_USAGE;
    if (o.help)
        ctl_print_usage(stdout);
    else if (o.version)
        puts("peerctl " PEERD_VERSION);
    if (o.help || o.version)
        return told(CTL_DONE);
    if (sodium_init() < 0) {
        fputs("peerctl: libsodium cannot start\n", stderr);
        return CTL_REFUSED;
    }
    if (optind == argc) {
        ctl_print_usage(stderr);
        return CTL_USAGE;
    }
    o.words = argv + optind + 1;
    o.word_count = argc - optind - 1;
    return told(run(&o, argv[optind], given));
}
