/* The neighbour graph of the training pairs: who is similar to whom by the frozen features, found once and without labels.
 *
 *   z_s = standardised features of modality s;  u = unit([unit(z_0) ; scale_1 unit(z_1)]) (scale_0 likewise, 1);  S = u u^T, diagonal removed
 *   row i keeps its k largest S (ties: the smaller row number), M_ij = exp((S_ij - 1) / width), at least FLT_MIN: a mask asks for > 0; else 0
 * other_subjects: neighbours are looked for among the recordings of other subjects only. Windows of one recording that overlap are never neighbours.
 * With embeddings u is theirs instead: what the trunk makes of the junction's samples at the start of a growth phase.
 * All in double. The graph assumes that the set repeats its activities; on a set that does not, its neighbours are noise: see the
 * statistics below, which need no labels. */
#ifndef BABEL_GROWTH_NEIGHBOURS_H
#define BABEL_GROWTH_NEIGHBOURS_H

#include "data/bank.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int k;
  double width, scale[2]; /* scale of each modality's unit features in the common vector */
  bool other_subjects;
  const float *embeddings; /* (count, embedding_width) unit rows, or NULL */
  int embedding_width;
} babel_neighbour_options;

typedef struct {
  int n, k;
  int *neighbours;      /* (n, k) by falling similarity; -1 behind the last when fewer than k candidates exist */
  double *similarity;   /* (n, k + 1): S of the neighbours, then of the first one not taken (NaN when there is none) */
  float *weights;       /* (n, n): M */
  double mutual;        /* share of the directed edges whose reverse is one too */
  double gap;           /* mean S of the neighbours minus mean S of all others, in deviations of the others */
  double agreement;     /* share of edges that are also edges of the graph made of the other modality alone; chance is k / (n - 1) */
  char sha256[65];      /* of neighbours and weights */
} babel_neighbours;

/* rows[s]: the training rows of bank s, pair by pair. mean, inv_std: their statistics. BABEL_ERR_ARG when k < 1 or k >= count or width <= 0;
 * BABEL_ERR_UNSUPPORTED for sequences, or more than 20,000 pairs (the graph is n x n). */
babel_status babel_neighbours_create(babel_neighbours *graph, const babel_bank *const banks[2], int *const rows[2], int count,
                                     float *const mean[2], float *const inv_std[2], const babel_neighbour_options *options);
void babel_neighbours_destroy(babel_neighbours *graph); /* accepts a zeroed one */

/* Whether the two sensors see the same neighbours: without repeated activities the edges of one modality say nothing about those of the other
 * one, and agreement falls to a few times chance. Writes the sentence of a warning and returns true when the graph should be doubted. */
bool babel_neighbours_doubtful(const babel_neighbours *graph, char *sentence, size_t size);

#ifdef __cplusplus
}
#endif
#endif
