#include <limits.h>
#include <stdlib.h>

#include "encoders/skeleton_prep.h"

/* The sizes of a user's array. */
typedef struct {
  int count, frames, persons, joints;
} sizes;

static babel_status check_shape(sizes *s, const char *encoder, const babel_tensor *array, int least) {
  char text[160];
  int rank = array->rank;
  babel_tensor_shape_text(array, text, sizeof text);
  if (rank < 3 || rank > 5)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes an array %s; this one is %s", encoder,
                      BABEL_SKELETON_SAMPLES_TEXT, text);
  int64_t joints = array->shape[rank - 2], persons = rank == 5 ? array->shape[2] : 1;
  int64_t frames = array->shape[rank == 3 ? 0 : 1], count = rank == 3 ? 1 : array->shape[0];
  if (array->shape[rank - 1] != 3 || (joints != 20 && joints != 25 && joints != 32))
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "%s: the last two axes must be 20, 25 or 32 joints and x y z, this array is %s", encoder,
                      text);
  if (persons < 1 || persons > (joints == 25 ? BABEL_SKELETON_SLOTS : 1))
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: 1 to %d persons of %d joints fit, this array is %s", encoder,
                      joints == 25 ? BABEL_SKELETON_SLOTS : 1, (int)joints, text);
  if (frames < least || frames > INT_MAX / 300)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes sequences of %d to %d frames, this array is %s", encoder,
                      least, INT_MAX / 300, text);
  if (count < 1 || count > INT_MAX)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: an empty array, %s", encoder, text);
  *s = (sizes){(int)count, (int)frames, (int)persons, (int)joints};
  return BABEL_OK;
}

babel_status babel_skeleton_samples(const char *encoder, const babel_tensor *array, int least,
                                    babel_sample **samples, int *count) {
  sizes s;
  int64_t all;
  babel_status status = BABEL_OK;
  *samples = NULL;
  *count = 0;
  BABEL_TRY(babel_tensor_count(array, &all));
  BABEL_TRY(check_shape(&s, encoder, array, least));
  babel_sample *list = calloc((size_t)s.count, sizeof *list);
  if (!list) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d sequences", s.count);
  int64_t at = 0;
  for (int n = 0; n < s.count; n++) {
    BABEL_TRY_OR(
        babel_sample_create(&list[n], babel_modality_find("skeleton"), s.frames, s.persons * s.joints * 3),
        fail);
    list[n].persons = s.persons;
    list[n].joints = s.joints == 25 ? BABEL_JOINTS_NTU_25 : s.joints == 32 ? BABEL_JOINTS_AZURE_32 : BABEL_JOINTS_KINECT1_20;
    for (int64_t i = 0; i < (int64_t)list[n].rows * list[n].width; i++)
      list[n].x[i] = babel_tensor_get(array, at++);
  }
  *samples = list;
  *count = s.count;
  return BABEL_OK;
fail:
  for (int n = 0; n < s.count; n++) babel_sample_destroy(&list[n]);
  free(list);
  return status;
}
