#include "eval/predictions.h"

#include <math.h>
#include <string.h>

babel_status babel_predictions_create(babel_predictions *out, const char *path) {
  static const char header[] =
      "dataset,protocol,modalities,features,preset,head,fusion,scoring,seed,draw,key,true,predicted,score,credit\n";
  memset(out, 0, sizeof *out);
  BABEL_TRY(babel_file_create(&out->writer, path));
  babel_status status = babel_file_write(&out->writer, header, sizeof header - 1);
  if (status != BABEL_OK) babel_file_abort(&out->writer);
  return status;
}

/* A comma, a quote or a line's end inside a text would shift the columns of its line. */
static babel_status check_text(const char *text) {
  if (!strpbrk(text, ",\"\r\n")) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_ARG, "'%.60s': a text with a comma, a quote or a line's end cannot stand in a table of predictions", text);
}

babel_status babel_predictions_add(babel_predictions *out, const babel_result *row, int seed, int draw, const char *const *keys,
                                   const babel_oneshot *result) {
  const char *texts[] = {row->dataset, row->protocol, row->features, row->preset, row->head, row->fusion, row->scoring};
  char modalities[BABEL_MAX_NAMES * 33], score[32], credit[32];
  babel_names_join(&row->modalities, "+", modalities, sizeof modalities);
  BABEL_TRY(check_text(modalities));
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) BABEL_TRY(check_text(texts[i]));
  for (int i = 0; i < result->count; i++) {
    const babel_prediction *p = &result->predictions[i];
    BABEL_TRY(check_text(keys[p->row]));
    babel_format_double(round(1e6 * (double)p->score) / 1e6, score);
    babel_format_double(round(1e6 * (double)p->credit) / 1e6, credit);
    if (fprintf(out->writer.stream, "%s,%s,%s,%s,%s,%s,%s,%s,%d,%d,%s,%d,%d,%s,%s\n", row->dataset, row->protocol, modalities,
                row->features, row->preset, row->head, row->fusion, row->scoring, seed, draw, keys[p->row], p->truth, p->predicted,
                score, credit) < 0)
      return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written", out->writer.path);
  }
  return BABEL_OK;
}

babel_status babel_predictions_commit(babel_predictions *out) {
  return babel_file_commit(&out->writer);
}

void babel_predictions_abort(babel_predictions *out) {
  if (out) babel_file_abort(&out->writer);
}
