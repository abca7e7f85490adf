#include "growth/policy.h"

#include <string.h>

const char *babel_phase_kind_name(babel_phase_kind kind) {
  static const char *const names[] = {"first", "grow", "bridge", "disconnected", "augment"};
  return names[kind];
}

babel_status babel_phase_kind_of(const babel_trunk *trunk, const babel_config *config, const char *const modality[2], bool allow_disconnected,
                                 babel_phase_kind *kind, bool *swap) {
  bool known[2] = {babel_trunk_tower(trunk, modality[0]) != NULL, babel_trunk_tower(trunk, modality[1]) != NULL};
  if (!strcmp(modality[0], modality[1])) return BABEL_FAIL(BABEL_ERR_ARG, "both banks hold %s: a pair needs two modalities, or two towers of "
                                                           "one sensor under two names (%s, %s2)", modality[0], modality[0], modality[0]);
  *swap = known[1] && !known[0];
  if (known[0] && known[1]) {
    *kind = BABEL_PHASE_BRIDGE;
    *swap = babel_trunk_tower(trunk, modality[1]) < babel_trunk_tower(trunk, modality[0]); /* the older one is the junction */
  } else if (babel_same_sensor(modality[0], modality[1])) {
    *kind = BABEL_PHASE_AUGMENT;
  } else {
    *kind = known[0] || known[1] ? BABEL_PHASE_GROW : trunk->tower_count ? BABEL_PHASE_DISCONNECTED : BABEL_PHASE_FIRST;
  }
  if (*kind == BABEL_PHASE_DISCONNECTED && !allow_disconnected)
    return BABEL_FAIL(BABEL_ERR_ARG, "%s and %s are both new, and the trunk knows others: nothing would join them to it; grow them after a phase that "
                      "shares a modality, or pass --allow-disconnected", modality[0], modality[1]);
  if (config->trunk == BABEL_TRUNK_FREEZE && (*kind == BABEL_PHASE_BRIDGE || (!known[0] && !known[1] && trunk->tower_count)))
    return BABEL_FAIL(BABEL_ERR_ARG, "trunk: freeze trains a new tower against a known one, but of %s and %s %s", modality[0], modality[1],
                      *kind == BABEL_PHASE_BRIDGE ? "both are known" : "none is known");
  return BABEL_OK;
}

/* What the pair itself can be held by: nothing is known of it in a first or a disconnected phase. */
static void teach(babel_policy_plan *plan, babel_phase_kind kind, bool junction) {
  if (kind == BABEL_PHASE_BRIDGE)
    plan->rehearsal = BABEL_REHEARSE_OWN;
  else if (junction)
    plan->teacher_side = 0;
}

/* How that which was known before learns. */
static void hold(babel_policy_plan *plan, babel_phase_kind kind, bool junction, babel_learning learning) {
  plan->prototype = learning;
  if (junction) plan->module[0] = learning;
  if (kind == BABEL_PHASE_BRIDGE) plan->module[1] = learning;
}

babel_policy_plan babel_policy_of(const babel_config *config, babel_phase_kind kind, bool junction) {
  babel_policy_plan plan = {.teacher_side = -1, .adaptive = config->adaptive};
  if (kind == BABEL_PHASE_FIRST) {
    if (!config->adaptive_first_phase) plan.adaptive = BABEL_ADAPTIVE_OFF;
    return plan;
  }
  if (config->trunk == BABEL_TRUNK_FREEZE) {
    plan.adaptive = BABEL_ADAPTIVE_OFF;
    plan.module[0] = plan.prototype = BABEL_FROZEN;
    return plan;
  }
  switch ((babel_policy)config->proto_policy) {
    case BABEL_POLICY_PLAIN:
    case BABEL_POLICY_NONE: break;
    case BABEL_POLICY_EMA_DEPLOY: plan.deploy_teacher = true; /* fall through */
    case BABEL_POLICY_EMA_TEACHER: teach(&plan, kind, junction); break;
    case BABEL_POLICY_SNAPSHOT_TEACHER:
      plan.still = true;
      teach(&plan, kind, junction);
      break;
    case BABEL_POLICY_REHEARSAL_KD:
    case BABEL_POLICY_GAUSS_KD:
      plan.still = true;
      plan.rehearsal = config->proto_policy == BABEL_POLICY_GAUSS_KD ? BABEL_REHEARSE_GAUSS : BABEL_REHEARSE_PAIRS;
      break;
    case BABEL_POLICY_REPLAY: plan.rehearsal = BABEL_REHEARSE_REPLAY; break;
    case BABEL_POLICY_FROZEN: plan.prototype = BABEL_FROZEN; break;
    case BABEL_POLICY_SLOW: hold(&plan, kind, junction, BABEL_LEARNS_SLOWLY); break;
    case BABEL_POLICY_GRAD_PROJ: hold(&plan, kind, junction, BABEL_LEARNS_PROJECTED); break;
  }
  if (config->distill_weight == 0 && !plan.deploy_teacher && plan.rehearsal != BABEL_REHEARSE_REPLAY) plan.rehearsal = BABEL_REHEARSE_NOTHING, plan.teacher_side = -1;
  return plan;
}
