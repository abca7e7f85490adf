#include "layers/schedule.h"

#include <math.h>

void babel_schedule_at(const babel_schedule *schedule, int64_t step, babel_step_state *state) {
  double lr = schedule->lr_peak;
  if (step < schedule->warmup) {
    lr = schedule->lr_start + (schedule->lr_peak - schedule->lr_start) * (double)step / (double)schedule->warmup;
  } else if (schedule->steps > schedule->warmup) {
    double at = (double)(step - schedule->warmup) / (double)(schedule->steps - schedule->warmup);
    lr = schedule->lr_end + (schedule->lr_peak - schedule->lr_end) * (1 + cos(M_PI * at)) / 2;
  }
  state->step = step;
  state->lr = (float)lr;
  state->trunk_lr = (float)(lr * schedule->trunk_factor);
  state->ema_momentum = schedule->constant_momentum ? (float)schedule->momentum : (float)(1 - (1 - schedule->momentum) * (1 + cos(M_PI * (double)step / (double)schedule->steps)) / 2);
  state->bias1 = (float)(1 - pow(schedule->beta1, (double)step + 1));
  state->bias2 = (float)(1 - pow(schedule->beta2, (double)step + 1));
}
