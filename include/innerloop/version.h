/* The version of the library, as text and as a number (major·10000 + minor·100 + patch). */
#ifndef INNERLOOP_VERSION_H
#define INNERLOOP_VERSION_H
/* "major.minor.patch" */
#define INNERLOOP_VERSION "0.1.0"
/* To compare with. */
#define INNERLOOP_VERSION_NUMBER 100
#endif
