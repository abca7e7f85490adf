#include "growth/joined.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

bool babel_joined(const char *const (*pairs)[2], int count, const char *from, const char *to) {
  bool reached[BABEL_MAX_JOINED] = {false}, grown = true;
  if (count > BABEL_MAX_JOINED) count = BABEL_MAX_JOINED;
  while (grown) {
    grown = false;
    for (int i = 0; i < count; i++) {
      bool now = !strcmp(pairs[i][0], from) || !strcmp(pairs[i][1], from);
      for (int j = 0; j < count && !now; j++)
        for (int s = 0; s < 2 && reached[j]; s++) now = now || !strcmp(pairs[i][s], pairs[j][0]) || !strcmp(pairs[i][s], pairs[j][1]);
      if (now && !reached[i]) reached[i] = grown = true;
    }
  }
  for (int i = 0; i < count; i++)
    if (reached[i] && (!strcmp(pairs[i][0], to) || !strcmp(pairs[i][1], to))) return true;
  return false;
}

bool babel_policy_holds(const babel_config *config) {
  return config->trunk != BABEL_TRUNK_FREEZE && (config->proto_policy == BABEL_POLICY_REHEARSAL_KD || config->proto_policy == BABEL_POLICY_GAUSS_KD);
}

bool babel_bridge_stuck(const babel_trunk *trunk, const char *a, const char *b) {
  const char *pairs[BABEL_MAX_JOINED][2];
  int count = 0;
  size_t i;
  json_t *phase;
  if (!babel_policy_holds(&trunk->config) || !babel_trunk_tower(trunk, a) || !babel_trunk_tower(trunk, b)) return false;
  json_t *history = json_loads(trunk->history ? trunk->history : "[]", 0, NULL);
  json_array_foreach(history, i, phase) {
    const char *one = json_string_value(json_object_get(phase, "a")), *other = json_string_value(json_object_get(phase, "b"));
    if (!one || !other || count == BABEL_MAX_JOINED) continue;
    pairs[count][0] = one;
    pairs[count++][1] = other;
  }
  bool stuck = count > 0 && !babel_joined(pairs, count, a, b);
  json_decref(history);
  return stuck;
}

void babel_bridge_advice(char *text, size_t size, const char *what) {
  snprintf(text, size, "%s joins two groups of modalities that no earlier pair connects, and its proto_policy holds both where they are: only this pair will be "
           "aligned; with proto_policy: replay in this phase one group can move as a whole (docs/growing.md)", what);
}
