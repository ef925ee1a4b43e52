/*
 * The real programs for tests: started from $PEERD_BIN, their output kept in files, never left
 * behind. A program dies with the test that started it, whatever way that ends.
 */
#ifndef TEST_LIB_PROGRAM_H
#define TEST_LIB_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_WORDS_MAX 40

/* [ms] far longer than anything here takes, also under a sanitizer on a busy machine. */
#define PROGRAM_PATIENCE_MS 30000

struct program {
    pid_t pid; /* 0: not running */
    char out_path[160];
    char err_path[160];
};

/* What a program that has ended left: to be freed with program_result_free. */
struct program_result {
    int status; /* exit status; 128 + signal; -1: it had to be killed for taking too long */
    char *out;  /* terminated */
    char *err;
};

/* Full path of a program; false if there is none such: skip the test. */
bool program_find(const char *name, char *path, size_t size);

/* Starts it in the present folder. `words` ends with NULL; standard output and error go to files
 * in `dir` named after the program and `tag`. Fails the test (assert) if it cannot. */
void program_start(struct program *p, const char *dir, const char *tag, const char *name,
                   const char *const words[]);

/* Waits for its end: exit status, 128 + signal, or -1 if it runs still. */
int program_wait(struct program *p, int64_t ms);

/* Sends a signal; SIGKILL also waits. Fine on one that has ended. */
void program_signal(struct program *p, int number);

/* A whole file as text from malloc, "" if there is none. */
char *program_read(const char *path);

/* True as soon as its standard error holds a text. */
bool program_await_error(const struct program *p, const char *text, int64_t ms);

/* From start to end. */
struct program_result program_run(const char *dir, const char *name, const char *const words[]);
struct program_result program_finish(struct program *p, int64_t ms);
void program_result_free(struct program_result *r);

#endif
