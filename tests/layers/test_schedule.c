#include <criterion/criterion.h>
#include <math.h>

#include "layers/schedule.h"

static const babel_schedule usual = {.steps = 600, .warmup = 2, .lr_start = 1e-6, .lr_peak = 3e-4, .lr_end = 3e-5, .trunk_factor = 0.1,
                                     .momentum = 0.996, .beta1 = 0.9, .beta2 = 0.98};

static babel_step_state at(const babel_schedule *schedule, int64_t step) {
  babel_step_state state;
  babel_schedule_at(schedule, step, &state);
  return state;
}

static void close_to(float found, double expected) {
  cr_assert(fabs((double)found - expected) <= 1e-6 * fabs(expected), "%.9g, expected %.9g", (double)found, expected);
}

Test(layers_schedule, learning_rate_climbs_linearly_then_falls_along_a_cosine) {
  close_to(at(&usual, 0).lr, 1e-6);
  close_to(at(&usual, 1).lr, 1e-6 + (3e-4 - 1e-6) / 2);
  close_to(at(&usual, 2).lr, 3e-4);
  close_to(at(&usual, 2 + 299).lr, (3e-4 + 3e-5) / 2);
  close_to(at(&usual, 600).lr, 3e-5);
  for (int64_t step = 3; step <= 600; step++) cr_assert_lt(at(&usual, step).lr, at(&usual, step - 1).lr);
  for (int64_t step = 2; step <= 600; step += 13)
    close_to(at(&usual, step).lr, 3e-5 + (3e-4 - 3e-5) * 0.5 * (1 + cos(acos(-1) * (double)(step - 2) / 598)));
}

Test(layers_schedule, no_warm_up_begins_at_the_peak_and_a_long_one_never_ends) {
  babel_schedule s = usual;
  s.warmup = 0;
  close_to(at(&s, 0).lr, 3e-4);
  s.warmup = 1200;
  close_to(at(&s, 599).lr, 1e-6 + (3e-4 - 1e-6) * 599 / 1200);
  s.warmup = 600; /* as long as the phase: nothing is left to fall in */
  close_to(at(&s, 599).lr, 1e-6 + (3e-4 - 1e-6) * 599 / 600);
  close_to(at(&s, 600).lr, 3e-4);
}

Test(layers_schedule, trunk_rate_is_the_rate_times_its_factor) {
  for (int64_t step = 0; step < 600; step += 37) close_to(at(&usual, step).trunk_lr, 0.1 * (double)at(&usual, step).lr);
}

Test(layers_schedule, momentum_goes_from_its_start_to_1_along_a_cosine) {
  close_to(at(&usual, 0).ema_momentum, 0.996);
  close_to(at(&usual, 300).ema_momentum, 0.998);
  cr_assert_eq(at(&usual, 600).ema_momentum, 1);
  for (int64_t step = 0; step < 600; step += 29)
    close_to(at(&usual, step).ema_momentum, 1 - (1 - 0.996) * (1 + cos(acos(-1) * (double)step / 600)) / 2);
  babel_schedule fixed = usual;
  fixed.momentum = 1; /* snapshot teacher */
  for (int64_t step = 0; step < 600; step += 7) cr_assert_eq(at(&fixed, step).ema_momentum, 1);
}

Test(layers_schedule, bias_corrections_count_this_step) {
  for (int64_t step = 0; step < 600; step += 59) {
    babel_step_state state = at(&usual, step);
    cr_assert_eq(state.step, step);
    close_to(state.bias1, 1 - pow(0.9, (double)(step + 1)));
    close_to(state.bias2, 1 - pow(0.98, (double)(step + 1)));
  }
}
