/*
 * Completion: what bash and zsh need to complete commands, their options, files and the names of
 * peers. Printed from the tables of commands.c, so that it knows what peerctl knows; names of peers
 * come from the policy file alone, since a key pressed must not ask a peerd.
 */
#include "peerd/ctl/ctl.h"

#include <string.h>

/* A command may have several rows; the first one counts. */
static bool is_first_row(size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(ctl_commands[i].name, ctl_commands[index].name) == 0)
            return false;
    return true;
}

static void print_names(void) {
    for (size_t i = 0; i < ctl_command_count; i++)
        if (is_first_row(i))
            printf("%s%s", i == 0 ? "" : " ", ctl_commands[i].name);
}

static void print_options_of(const char *command) {
    const char *between = "";
    for (size_t i = 0; i < ctl_option_count; i++) {
        if (!ctl_option_fits(&ctl_option_list[i], command))
            continue;
        printf("%s--%s", between, ctl_option_list[i].name);
        between = " ";
    }
}

static const char *const bash_words[] = {
    [CTL_WORD_NONE] = "",
    [CTL_WORD_ANY] = "",
    [CTL_WORD_FILE] = "COMPREPLY+=($(compgen -f -- \"$cur\"))",
    [CTL_WORD_PEER] = ("COMPREPLY+=($(compgen -W \"$(_peerctl_peers \"${COMP_WORDS[@]}\")\" -- "
                       "\"$cur\"))"),
    [CTL_WORD_SHELL] = "COMPREPLY+=($(compgen -W 'bash zsh' -- \"$cur\"))",
};

/* Both shells: the names under `peers:` of the policy that would be asked. */
static void print_peers_function(void) {
    puts("_peerctl_peers() {\n"
         "    local i file=${PEERD_POLICY:-/etc/peerd/policy.yaml}\n"
         "    for ((i = 1; i < $#; i++)); do\n"
         "        [ \"${@:i:1}\" != --policy ] || file=${@:i+1:1}\n"
         "    done\n"
         "    awk '/^[a-z_]+:/ { inside = /^peers:/ }\n"
         "        inside && match($0, /name: *[^,} ]+/) {\n"
         "            print substr($0, RSTART + 5, RLENGTH - 5) }' \"$file\" 2>/dev/null\n"
         "}");
}

static void print_bash(void) {
    puts("# bash completion for peerctl, made by `peerctl completion bash`");
    print_peers_function();
    puts("_peerctl() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= i\n"
         "    COMPREPLY=()\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in");
    printf("            ");
    for (size_t i = 0; i < ctl_option_count; i++)
        if (ctl_option_list[i].argument != NULL)
            printf("%s--%s", i == 0 ? "" : " | ", ctl_option_list[i].name);
    puts(") ((i++)) ;;\n"
         "            -*) ;;\n"
         "            *) command=${COMP_WORDS[i]} && break ;;\n"
         "        esac\n"
         "    done\n"
         "    case $prev in\n"
         "        --policy | --key) COMPREPLY=($(compgen -f -- \"$cur\")) && return ;;\n"
         "        --to) COMPREPLY=($(compgen -W \"$(_peerctl_peers \"${COMP_WORDS[@]}\")\" -- "
         "\"$cur\")) && return ;;\n"
         "        --cause) COMPREPLY=($(compgen -W 'drain degraded crashed partitioned return' -- "
         "\"$cur\")) && return ;;\n"
         "    esac\n"
         "    case $command in");
    printf("        '') COMPREPLY=($(compgen -W '");
    print_names();
    puts(" --help --version --policy' -- \"$cur\")) ;;");
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (!is_first_row(i))
            continue;
        printf("        %s)\n            COMPREPLY=($(compgen -W '", ctl_commands[i].name);
        print_options_of(ctl_commands[i].name);
        puts("' -- \"$cur\"))");
        if (bash_words[ctl_commands[i].takes][0] != '\0')
            printf("            %s\n", bash_words[ctl_commands[i].takes]);
        puts("            ;;");
    }
    puts("    esac\n}\ncomplete -o filenames -o bashdefault -F _peerctl peerctl");
}

/* In single quotes of the shell, inside [ ] or after a colon of _arguments. */
static void print_quoted(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr(":[]", *text) != NULL)
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static const char *const zsh_words[] = {
    [CTL_WORD_NONE] = "",
    [CTL_WORD_ANY] = "'*:word: '",
    [CTL_WORD_FILE] = "'*:file:_files'",
    [CTL_WORD_PEER] = "'*:cluster:($(_peerctl_peers \"$words[@]\"))'",
    [CTL_WORD_SHELL] = "'2:shell:(bash zsh)'",
};

static void print_zsh_option(const struct ctl_option *o) {
    printf(" \\\n                '--%s[", o->name);
    print_quoted(o->help);
    putchar(']');
    if (o->argument != NULL) {
        putchar(':');
        print_quoted(o->argument);
        fputs(strcmp(o->argument, "FILE") == 0 ? ":_files" : ": ", stdout);
    }
    putchar('\'');
}

static void print_zsh(void) {
    puts("#compdef peerctl\n# zsh completion for peerctl, made by `peerctl completion zsh`");
    print_peers_function();
    puts("_peerctl() {\n    local -a commands=(");
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (!is_first_row(i))
            continue;
        printf("        '%s:", ctl_commands[i].name);
        print_quoted(ctl_commands[i].help);
        puts("'");
    }
    puts("    )\n"
         "    local i command=\n"
         "    for ((i = 2; i < CURRENT; i++)); do\n"
         "        (( ${commands[(I)$words[i]:*]} )) && command=$words[i] && break\n"
         "    done\n"
         "    case $command in\n"
         "        '') _describe command commands ;;");
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (!is_first_row(i))
            continue;
        printf("        %s)\n            _arguments '1:command: '", ctl_commands[i].name);
        for (size_t k = 0; k < ctl_option_count; k++)
            if (ctl_option_fits(&ctl_option_list[k], ctl_commands[i].name))
                print_zsh_option(&ctl_option_list[k]);
        if (zsh_words[ctl_commands[i].takes][0] != '\0')
            printf(" \\\n                %s", zsh_words[ctl_commands[i].takes]);
        puts("\n            ;;");
    }
    puts("    esac\n}\n_peerctl \"$@\"");
}

int ctl_completion(const struct ctl_options *o) {
    if (o->word_count == 1 && strcmp(o->words[0], "bash") == 0) {
        print_bash();
    } else if (o->word_count == 1 && strcmp(o->words[0], "zsh") == 0) {
        print_zsh();
    } else {
        fputs("peerctl completion: expected `bash` or `zsh`\n", stderr);
        return CTL_USAGE;
    }
    return CTL_DONE;
}
