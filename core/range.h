/* Named stretches of the program's time for a profiler: NVTX ranges in a domain of their own, "babel". Nested as the blocks that they stand in;
 * of the calling thread. Without a listening tool a range costs two tests of a pointer; in a program without CUDA it is nothing at all, and no
 * header of CUDA is read. docs/profiling.md.
 *
 *   BABEL_RANGE("forward");   from here to the end of the block, by whatever way it is left
 *
 * A name is a text that lives on until then. Names of what is recorded (kernels/record.h) stand around the recording, not around each replay. */
#ifndef BABEL_CORE_RANGE_H
#define BABEL_CORE_RANGE_H

#ifdef BABEL_NVTX
#ifdef __cplusplus
extern "C" {
#endif
int babel_range_begin(const char *name); /* 0 */
void babel_range_end(const int *begun);
#ifdef __cplusplus
}
#endif
#define BABEL_RANGE_OF_LINE(line) babel_range_##line
#define BABEL_RANGE_AT(line, name) __attribute__((cleanup(babel_range_end), unused)) const int BABEL_RANGE_OF_LINE(line) = babel_range_begin(name)
#define BABEL_RANGE(name) BABEL_RANGE_AT(__LINE__, name)
#else
#define BABEL_RANGE(name) (void)(name)
#endif

#endif
