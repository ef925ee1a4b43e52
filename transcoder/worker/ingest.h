/*
 * `transcoderd ingest FROM TO`: makes of a recording one of class exact
 * (transcoder/media/ingest.h), and says what came of it. Nothing else of transcoderd runs
 * meanwhile.
 */
#ifndef TRANSCODER_WORKER_INGEST_H
#define TRANSCODER_WORKER_INGEST_H

/* argv[0] is "ingest". An exit status: 0; 1: it cannot be made; 2: the command line is wrong. */
int ingest_main(int argc, char **argv);

#endif
