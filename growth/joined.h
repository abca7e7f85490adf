/* Whether chains of trained pairs lead from one modality to another. Towers of two components have nothing to do with each other: no pair across them
 * aligns, and a bridge between them asks for `replay` (docs/growing.md). */
#ifndef BABEL_GROWTH_JOINED_H
#define BABEL_GROWTH_JOINED_H

#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_MAX_JOINED = 64 };

/* pairs: at most BABEL_MAX_JOINED, the rest is not looked at. */
bool babel_joined(const char *const (*pairs)[2], int count, const char *from, const char *to);

/* Whether the policy holds the embeddings of both sides of a bridge where they are: rehearsal_kd, gauss_kd. */
bool babel_policy_holds(const babel_config *config);

/* A pair that this trunk knows both modalities of, though no phase of its history joins them, under a policy that holds: only this pair would be
 * aligned. false too where the history cannot be read. */
bool babel_bridge_stuck(const babel_trunk *trunk, const char *a, const char *b);

/* Into `text`: what then happens and what helps; `what` begins the sentence ("phase 5, wifi_skeleton,"). */
void babel_bridge_advice(char *text, size_t size, const char *what);

#ifdef __cplusplus
}
#endif
#endif
