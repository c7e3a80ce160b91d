/** What the program ends with. 78 is EX_CONFIG of sysexits.h, 130 what shells give a program ended by Ctrl-C. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
export const EXIT_CONFIG = 78;
export const EXIT_INTERRUPTED = 130;
