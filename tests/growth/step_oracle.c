#include "tests/growth/step_oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *zeros(size_t n) {
  double *x = calloc(n ? n : 1, sizeof *x);
  if (!x) abort();
  return x;
}

/* Layers k0.. of one MLP, whose parameters begin at `at`; where they end. */
static size_t append(step_oracle *o, int side, int k0, int layers, int in, int hidden, int out, size_t at) {
  for (int k = 0; k < layers; k++) {
    int from = k ? hidden : in, to = k + 1 < layers ? hidden : out;
    o->widths[side][k0 + k] = from;
    o->widths[side][k0 + k + 1] = to;
    o->relu[k0 + k] = k + 1 < layers;
    o->weight_at[side][k0 + k] = at;
    o->bias_at[side][k0 + k] = at + (size_t)from * to;
    at += (size_t)from * to + to;
  }
  return at;
}

void oracle_lay_out(step_oracle *o) {
  size_t at = 0;
  for (int s = 0; s < 2; s++) {
    o->module_at[s] = at;
    at = append(o, s, 0, o->concept_layers, o->in[s], o->hidden, o->embed, at);
    o->module_count[s] = at - o->module_at[s];
  }
  o->layers = o->concept_layers + o->proto_layers + (o->post ? 1 : 0);
  for (int s = 0; s < 2; s++) {
    o->post_at[s] = at;
    if (o->post) at = append(o, s, o->layers - 1, 1, o->embed, 0, o->embed, at);
  }
  o->prototype_at = at;
  for (int s = 0; s < 2; s++) at = append(o, s, o->concept_layers, o->proto_layers, o->embed, o->hidden, o->embed, o->prototype_at);
  o->prototype_count = at - o->prototype_at;
  o->scale_at = at;
  o->count = at + 1;
}

static int rows_of(const step_oracle *o, int side) {
  return o->m * o->steps[side];
}

static int length_of(const step_oracle *o, int side, int i) {
  return o->lengths[side] ? o->lengths[side][i] : o->steps[side];
}

/* act[0..layers]: act[0] borrowed. */
static void run_layers(const step_oracle *o, int side, const double *params, double *act[ORACLE_CHAIN + 1]) {
  int rows = rows_of(o, side);
  act[0] = (double *)o->x[side];
  for (int k = 0; k < o->layers; k++) {
    int in = o->widths[side][k], out = o->widths[side][k + 1];
    const double *w = params + o->weight_at[side][k], *b = params + o->bias_at[side][k];
    double *turned = zeros((size_t)in * out);
    for (int u = 0; u < out; u++)
      for (int c = 0; c < in; c++) turned[(size_t)c * out + u] = w[(size_t)u * in + c];
    act[k + 1] = zeros((size_t)rows * out);
    for (int i = 0; i < rows; i++) {
      double *y = act[k + 1] + (size_t)i * out;
      memcpy(y, b, (size_t)out * sizeof *y);
      for (int c = 0; c < in; c++)
        for (int u = 0; u < out; u++) y[u] += act[k][(size_t)i * in + c] * turned[(size_t)c * out + u];
      for (int u = 0; u < out && o->relu[k]; u++) y[u] = y[u] > 0 ? y[u] : 0;
    }
    free(turned);
  }
}

static void free_layers(const step_oracle *o, double *act[ORACLE_CHAIN + 1]) {
  for (int k = 1; k <= o->layers; k++) free(act[k]);
}

static void pool(const step_oracle *o, int side, const double *top, double *e) {
  for (int i = 0; i < o->m; i++) {
    int length = length_of(o, side, i);
    for (int c = 0; c < o->embed; c++) {
      double sum = 0;
      for (int t = 0; t < length; t++) sum += top[((size_t)i * o->steps[side] + t) * o->embed + c];
      e[(size_t)i * o->embed + c] = sum / length;
    }
  }
}

void oracle_embed(const step_oracle *o, int side, const double *params, double *e) {
  double *act[ORACLE_CHAIN + 1];
  run_layers(o, side, params, act);
  pool(o, side, act[o->layers], e);
  free_layers(o, act);
}

static double dot(const double *x, const double *y, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* n = e / ||e|| in place; the norms. */
static void normalise(double *e, double *norm, int m, int d) {
  for (int i = 0; i < m; i++) {
    norm[i] = sqrt(dot(e + (size_t)i * d, e + (size_t)i * d, d));
    for (int c = 0; c < d; c++) e[(size_t)i * d + c] /= norm[i];
  }
}

/* What anchor i should find: its partner, or by the share graph_weight its neighbours in the batch where it has any. */
static void aim(const step_oracle *o, int i, double *t) {
  double sum = 0;
  for (int j = 0; j < o->m; j++) t[j] = i == j;
  if (!o->graph || o->graph_masks) return;
  for (int j = 0; j < o->m; j++) sum += o->graph[i * o->m + j];
  for (int j = 0; j < o->m && sum > 0; j++) t[j] = (1 - o->graph_weight) * (i == j) + o->graph_weight * o->graph[i * o->m + j] / sum;
}

static bool is_candidate(const step_oracle *o, int i, int j) {
  if (i == j) return !o->negatives_only;
  if (o->overlap && o->overlap[i * o->m + j]) return false;
  return !o->graph || !o->graph_masks || (o->graph[i * o->m + j] == 0 && o->graph[j * o->m + i] == 0);
}

/* Loss of one direction and, where wanted, dL/ds (m, m) with s = cosine logits without the scale, and dL/dlog_scale. */
static double direction(const step_oracle *o, int which, const double *na, const double *nb, double *ds, double *dscale) {
  int m = o->m, d = o->embed;
  double scale = exp(o->params[o->scale_at]), loss = 0, *s = zeros((size_t)m), *t = zeros((size_t)m);
  if (dscale) *dscale = 0;
  for (int i = 0; i < m; i++) {
    double top = -INFINITY, sum = 0;
    aim(o, i, t);
    for (int j = 0; j < m; j++) {
      s[j] = scale * (which == ORACLE_AB ? dot(na + (size_t)i * d, nb + (size_t)j * d, d) : dot(na + (size_t)j * d, nb + (size_t)i * d, d));
      if (is_candidate(o, i, j) && s[j] > top) top = s[j];
    }
    for (int j = 0; j < m; j++) sum += is_candidate(o, i, j) ? exp(s[j] - top) : 0;
    loss += (top + log(sum) - dot(t, s, m)) / m;
    for (int j = 0; ds && j < m; j++) {
      double p = is_candidate(o, i, j) ? exp(s[j] - top) / sum : 0, g = (p - t[j]) / m;
      ds[which == ORACLE_AB ? (size_t)i * m + j : (size_t)j * m + i] = scale * g;
      *dscale += g * s[j];
    }
  }
  free(s);
  free(t);
  return loss;
}

static double distance(const step_oracle *o, const double *n) {
  double sum = 0;
  int d = o->embed;
  for (int i = 0; i < o->m; i++) {
    const double *t = o->teacher + (size_t)i * d;
    sum += (1 - dot(n + (size_t)i * d, t, d) / sqrt(dot(t, t, d))) / o->m;
  }
  return sum;
}

void oracle_losses(const step_oracle *o, double loss[3]) {
  double *n[2], *norm = zeros((size_t)o->m);
  for (int s = 0; s < 2; s++) {
    n[s] = zeros((size_t)o->m * o->embed);
    oracle_embed(o, s, o->params, n[s]);
    normalise(n[s], norm, o->m, o->embed);
  }
  for (int which = 0; which < 2; which++) loss[which] = direction(o, which, n[0], n[1], NULL, NULL);
  loss[ORACLE_KD] = o->teacher_side < 0 ? 0 : distance(o, n[o->teacher_side]);
  for (int s = 0; s < 2; s++) free(n[s]);
  free(norm);
}

/* dL/dn of one side. */
static void unit_cotangent(const step_oracle *o, int which, int side, const double *n[2], const double *ds, double *dn) {
  int m = o->m, d = o->embed;
  for (int i = 0; i < m; i++) {
    double *to = dn + (size_t)i * d;
    if (which == ORACLE_KD) {
      const double *t = o->teacher + (size_t)i * d;
      double norm = sqrt(dot(t, t, d));
      for (int c = 0; c < d && side == o->teacher_side; c++) to[c] = -t[c] / norm / m;
      continue;
    }
    for (int j = 0; j < m; j++)
      for (int c = 0; c < d; c++) to[c] += ds[side ? (size_t)j * m + i : (size_t)i * m + j] * n[1 - side][(size_t)j * d + c];
  }
}

/* Slope of the ReLU behind layer k at output `at`. */
static double slope(const step_oracle *o, int side, int k, double *const act[ORACLE_CHAIN + 1], size_t at) {
  double y = act[k + 1][at];
  const float *seen = o->seen[side][k + 1];
  if (!o->relu[k]) return 1;
  if (!seen) return y > 0;
  return fabs((double)seen[at] - y) < 1e-4 * (1 + fabs(y)) ? seen[at] > 0 : NAN;
}

/* From the cotangent of e down the chain, into the gradient. */
static void run_back(const step_oracle *o, int side, double *act[ORACLE_CHAIN + 1], const double *de, double *gradient) {
  int rows = rows_of(o, side), d = o->embed;
  double *cot = zeros((size_t)rows * d);
  for (int i = 0; i < o->m; i++)
    for (int t = 0; t < length_of(o, side, i); t++)
      for (int c = 0; c < d; c++) cot[((size_t)i * o->steps[side] + t) * d + c] = de[(size_t)i * d + c] / length_of(o, side, i);
  for (int k = o->layers - 1; k >= 0; k--) {
    int in = o->widths[side][k], out = o->widths[side][k + 1];
    const double *w = o->params + o->weight_at[side][k];
    double *dw = gradient + o->weight_at[side][k], *db = gradient + o->bias_at[side][k], *below = zeros((size_t)rows * in);
    for (int i = 0; i < rows; i++)
      for (int u = 0; u < out; u++) {
        double g = cot[(size_t)i * out + u] * slope(o, side, k, act, (size_t)i * out + u);
        db[u] += g;
        for (int c = 0; c < in && g != 0; c++) {
          dw[(size_t)u * in + c] += g * act[k][(size_t)i * in + c];
          below[(size_t)i * in + c] += g * w[(size_t)u * in + c];
        }
      }
    free(cot);
    cot = below;
  }
  free(cot);
}

void oracle_gradient(const step_oracle *o, int which, double *gradient) {
  int m = o->m, d = o->embed;
  double *act[2][ORACLE_CHAIN + 1], *n[2], *norm[2], *ds = zeros((size_t)m * m);
  memset(gradient, 0, o->count * sizeof *gradient);
  for (int s = 0; s < 2; s++) {
    run_layers(o, s, o->params, act[s]);
    n[s] = zeros((size_t)m * d);
    norm[s] = zeros((size_t)m);
    pool(o, s, act[s][o->layers], n[s]);
    normalise(n[s], norm[s], m, d);
  }
  if (which != ORACLE_KD) direction(o, which, n[0], n[1], ds, &gradient[o->scale_at]);
  for (int s = 0; s < 2; s++) {
    double *dn = zeros((size_t)m * d);
    unit_cotangent(o, which, s, (const double *[2]){n[0], n[1]}, ds, dn);
    for (int i = 0; i < m; i++) {
      double *row = dn + (size_t)i * d, along = dot(row, n[s] + (size_t)i * d, d);
      for (int c = 0; c < d; c++) row[c] = (row[c] - along * n[s][(size_t)i * d + c]) / norm[s][i];
    }
    run_back(o, s, act[s], dn, gradient);
    free(dn);
  }
  for (int s = 0; s < 2; s++) {
    free_layers(o, act[s]);
    free(n[s]);
    free(norm[s]);
  }
  free(ds);
}
