/* The known name that a mistyped one was probably meant to be. */
#ifndef BABEL_CORE_NEAREST_H
#define BABEL_CORE_NEAREST_H

/* Number of single-character changes (insert, delete, replace) from a to b. */
int babel_edit_distance(const char *a, const char *b);
/* The name with the smallest distance (the first of equals), or NULL when even that is more than half the text's length. */
const char *babel_nearest(const char *text, const char *const *names, int count);

#endif
