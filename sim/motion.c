#include "sim/motion.h"

#include <math.h>
#include <stdio.h>

#include "sim/noise.h"

/* How strongly people and their repetitions differ; standard deviations. */
static const struct style {
  double offset;    /* [deg] of a track, in proportion to the size of its movement */
  double amplitude; /* relative */
  double warp;      /* of the movement's clock */
  double tempo;     /* relative */
  double rhythm;    /* of waves, relative */
} of_subject = {0.15, 0.12, 0.15, 0.08, 0.12}, of_trial = {0.07, 0.07, 0.07, 0.05, 0.06};

typedef struct {
  babel_noise subject, trial;
} draws;

static double style_draw(draws *d, double subject, double trial) {
  return subject * babel_noise_next(&d->subject) + trial * babel_noise_next(&d->trial);
}

/* Slopes of a curve through the keys that never overshoots: zero at turning points and ends, the harmonic mean between. */
static void set_slopes(babel_motion_track *track) {
  int last = track->keys - 1;
  for (int i = 0; i <= last; i++) track->slope[i] = 0;
  for (int i = 1; i < last; i++) {
    double before = (track->value[i] - track->value[i - 1]) / (track->time[i] - track->time[i - 1]);
    double after = (track->value[i + 1] - track->value[i]) / (track->time[i + 1] - track->time[i]);
    if (before * after > 0) track->slope[i] = 2 * before * after / (before + after);
  }
}

/* Quintic through both keys with their slopes and no acceleration there: between two turning points the minimum-jerk curve. */
static double keys_at(const babel_motion_track *track, double t) {
  int i = 0, last = track->keys - 1;
  if (t <= track->time[0]) return track->value[0];
  if (t >= track->time[last]) return track->value[last];
  while (t > track->time[i + 1]) i++;
  double h = track->time[i + 1] - track->time[i], u = (t - track->time[i]) / h;
  double rise = track->value[i + 1] - track->value[i], a = track->slope[i] * h, b = track->slope[i + 1] * h;
  return track->value[i] +
         u * (a + u * u * (10 * rise - 6 * a - 4 * b + u * (-15 * rise + 8 * a + 7 * b + u * (6 * rise - 3 * a - 3 * b))));
}

/* 0 before 0, 1 after 1, C2. */
static double fade(double u) {
  if (u <= 0) return 0;
  if (u >= 1) return 1;
  return u * u * u * (10 + u * (-15 + 6 * u));
}

static double wave_at(const babel_motion_track *track, double t) {
  double from = track->time[0], to = track->time[1], ramp = 0.16 * (to - from);
  double window = fade((t - from) / ramp) * fade((to - t) / ramp);
  return window ? window * track->value[0] * sin(2 * M_PI * (track->value[1] * (t - from) + track->value[2])) : 0;
}

/* The movement's clock: u in [0, 1] to seconds of the recording, bent by `warp` without moving the ends. */
typedef struct {
  double begin, length, warp;
} movement_clock;

static double clock_time(const movement_clock *clock, double u) {
  return clock->begin + clock->length * (u + clock->warp * u * (1 - u));
}

static void keys_create(babel_motion_track *track, const babel_track *row, const movement_clock *clock, double offset,
                        double amplitude) {
  double rest = babel_pose_rest.x[row->dof], low = 0, high = 0;
  int n = 0;
  if (row->values[0] > 0) track->time[n] = clock_time(clock, 0), track->value[n++] = 0;
  int first = n;
  for (int i = 0; i < row->keys; i++, n++) {
    track->time[n] = clock_time(clock, row->values[2 * i]);
    track->value[n] = amplitude * (row->values[2 * i + 1] - rest);
    low = fmin(low, track->value[n]);
    high = fmax(high, track->value[n]);
  }
  int beyond = n;
  if (row->values[2 * row->keys - 2] < 1) track->time[n] = clock_time(clock, 1), track->value[n++] = 0;
  for (int i = first; i < beyond; i++) track->value[i] += offset * (high - low);
  track->keys = n;
  set_slopes(track);
}

/* A person's way with each joint. Arms resemble each other; legs act as one, or nobody could stand on them. */
typedef struct {
  double offset[BABEL_DOF_COUNT], amplitude[BABEL_DOF_COUNT];
} manner;

static void manner_create(manner *m, double energy, draws *d) {
  for (int i = 0; i < BABEL_DOF_COUNT; i++) {
    m->offset[i] = style_draw(d, of_subject.offset, of_trial.offset);
    m->amplitude[i] = style_draw(d, of_subject.amplitude, of_trial.amplitude);
  }
  for (int i = BABEL_DOF_L_AZIMUTH; i <= BABEL_DOF_L_WRIST; i++) {
    int right = i - BABEL_DOF_L_AZIMUTH + BABEL_DOF_R_AZIMUTH;
    m->offset[i] = 0.8 * m->offset[right] + 0.6 * m->offset[i];
    m->amplitude[i] = 0.8 * m->amplitude[right] + 0.6 * m->amplitude[i];
  }
  for (int i = BABEL_DOF_R_HIP; i < BABEL_DOF_COUNT; i++) {
    m->offset[i] *= 0.2;
    m->amplitude[i] = m->amplitude[BABEL_DOF_R_HIP];
  }
  for (int i = 0; i < BABEL_DOF_COUNT; i++) m->amplitude[i] += energy;
}

/* rate: movements a second, for waves. */
static void track_create(babel_motion_track *track, const babel_track *row, const movement_clock *clock, const manner *m,
                         double rate, double phase) {
  track->dof = row->dof;
  if (row->keys) {
    keys_create(track, row, clock, m->offset[row->dof], m->amplitude[row->dof]);
    return;
  }
  track->keys = 0;
  track->time[0] = clock_time(clock, row->values[0]);
  track->time[1] = clock_time(clock, row->values[1]);
  track->value[0] = m->amplitude[row->dof] * row->values[2];
  track->value[1] = rate * row->values[3] / (row->values[1] - row->values[0]);
  track->value[2] = row->values[4] + phase;
}

void babel_motion_create(babel_motion *motion, uint64_t seed, int action, int subject, int trial) {
  const babel_action *row = babel_action_at(action);
  char name[32];
  motion->action = action;
  motion->subject = subject;
  motion->trial = trial;
  snprintf(motion->key, sizeof motion->key, "a%d_s%d_t%d", action, subject, trial);
  snprintf(name, sizeof name, "person s%d", subject);
  babel_noise person = babel_noise_begin(seed, name);
  snprintf(name, sizeof name, "style a%d_s%d", action, subject);
  draws d = {babel_noise_begin(seed, name), babel_noise_begin(seed, motion->key)};
  babel_body_create(&motion->body, seed, subject);
  motion->body.place[0] += 0.02 * babel_noise_next(&d.trial);
  motion->body.place[1] += 0.02 * babel_noise_next(&d.trial);
  motion->anchor[0] = row->anchor[0];
  motion->anchor[1] = row->anchor[1];

  double tempo = 1 + 0.07 * babel_noise_next(&person), energy = 1 + 0.06 * babel_noise_next(&person);
  tempo += style_draw(&d, of_subject.tempo, of_trial.tempo);
  motion->seconds = fmin(fmax(0.96 * row->seconds * tempo, 2.12), 6.5); /* the real set's 107 to 326 rows at 50 Hz */
  double lead = fmin(fmax(0.06 + style_draw(&d, 0.03, 0.02), 0), 0.15), tail = fmin(fmax(0.06 + style_draw(&d, 0.03, 0.02), 0), 0.15);
  movement_clock clock = {lead * motion->seconds, (1 - lead - tail) * motion->seconds,
                          fmin(fmax(style_draw(&d, of_subject.warp, of_trial.warp), -0.6), 0.6)};
  manner m;
  manner_create(&m, energy, &d);
  /* a rhythm of its own: who takes longer claps more often, not slower */
  double rate = fmax(1 + style_draw(&d, of_subject.rhythm, of_trial.rhythm), 0.6) / (0.85 * row->seconds);
  double phase = style_draw(&d, 0.05, 0.05);

  motion->rest = babel_pose_rest;
  for (int i = 0; i < BABEL_DOF_COUNT; i++) {
    int is_shift = i == BABEL_DOF_SHIFT_X || i == BABEL_DOF_SHIFT_Z;
    double unit = is_shift ? 0.004 : 1; /* [m], [deg] */
    motion->rest.x[i] += unit * (2.5 * babel_noise_next(&person) + 1.2 * babel_noise_next(&d.trial));
    motion->sway[i][0] = unit * 0.4 * (1 + 0.3 * babel_noise_next(&d.trial));
    motion->sway[i][1] = 0.45 + 0.08 * babel_noise_next(&d.trial);
    motion->sway[i][2] = babel_noise_next(&d.trial);
  }
  motion->track_count = row->track_count;
  for (int i = 0; i < row->track_count; i++)
    track_create(&motion->tracks[i], &row->tracks[i], &clock, &m, rate, phase);
}

void babel_motion_at(const babel_motion *motion, double t, babel_body_state *state) {
  babel_pose pose = motion->rest;
  for (int i = 0; i < BABEL_DOF_COUNT; i++)
    pose.x[i] += motion->sway[i][0] * sin(2 * M_PI * (motion->sway[i][1] * t + motion->sway[i][2]));
  for (int i = 0; i < motion->track_count; i++) {
    const babel_motion_track *track = &motion->tracks[i];
    pose.x[track->dof] += track->keys ? keys_at(track, t) : wave_at(track, t);
  }
  babel_body_forward(&motion->body, &pose, motion->anchor, state);
}
