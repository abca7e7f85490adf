/* What a growth phase is, and what protects the trunk in it (algorithm.md sections 5.3, 6.1 and 16). */
#ifndef BABEL_GROWTH_POLICY_H
#define BABEL_GROWTH_POLICY_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

/* By which of the two modalities the trunk knows already. */
typedef enum {
  BABEL_PHASE_FIRST,        /* both new, empty trunk */
  BABEL_PHASE_GROW,         /* one known: the junction */
  BABEL_PHASE_BRIDGE,       /* both known */
  BABEL_PHASE_DISCONNECTED, /* both new, and the trunk has others: only when asked for */
  BABEL_PHASE_AUGMENT       /* two towers of one sensor: `wifi` and `wifi2` (section 6.2); at least one is new */
} babel_phase_kind;

const char *babel_phase_kind_name(babel_phase_kind kind);

/* The kind of a phase of these modalities; swap: the second is the junction. BABEL_ERR_ARG when both are one modality, when the pair is
 * disconnected and that was not allowed, or trunk=freeze meets a phase without a junction and a branch. */
babel_status babel_phase_kind_of(const babel_trunk *trunk, const babel_config *config, const char *const modality[2], bool allow_disconnected,
                                 babel_phase_kind *kind, bool *swap);

/* Which rows hold the trunk in place. */
typedef enum {
  BABEL_REHEARSE_NOTHING,
  BABEL_REHEARSE_PAIRS,  /* cached pairs of the earlier phases */
  BABEL_REHEARSE_REPLAY, /* the same with a contrastive loss of their own, out of a small bank */
  BABEL_REHEARSE_GAUSS,  /* rows drawn from the stored mean and covariance of each earlier modality */
  BABEL_REHEARSE_OWN     /* the rows of this phase's pair, both sides: a teacher's policy in a bridge */
} babel_rehearsal_kind;

typedef struct {
  babel_rehearsal_kind rehearsal;
  int teacher_side;      /* 0 = the junction, or -1 */
  bool still;            /* the teacher does not move */
  bool deploy_teacher;   /* ema_deploy */
  int adaptive;
  babel_learning module[2], prototype;
} babel_policy_plan;

/* junction: side 0 is known. */
babel_policy_plan babel_policy_of(const babel_config *config, babel_phase_kind kind, bool junction);

#ifdef __cplusplus
}
#endif
#endif
