/* What makes a page look as it does, and its few lines of script: a line that follows the pointer
 * and says the instant. Everything can be read without the script. */
#ifndef PEERD_SIM_REPORT_STYLE_H
#define PEERD_SIM_REPORT_STYLE_H

extern const char report_style[];
extern const char report_script[];

#endif
