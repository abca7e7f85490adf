#include <stdio.h>
#include <stdlib.h>

#include "cli/encoder_options.h"
#include "core/arena.h"
#include "core/npy.h"

static const babel_option options[] = {
    BABEL_ENCODER_OPTIONS,
    {"input", "FILE", "array (.npy) in the encoder's input layout; --help of the encoder's row says which"},
    {"output", "FILE", "features (.npy): (N, D) or (N, T, D)"},
    {"select", "NAME", "which output of the encoder (default: the one of the configuration)"},
    BABEL_CONFIG_OPTIONS,
    {NULL, NULL, NULL},
};

static babel_status encode_samples(const babel_encoder *encoder, int index, const babel_sample *samples, int count, float *features) {
  const babel_encoder_output *output = &encoder->outputs[index];
  size_t stride = (size_t)output->width * (size_t)output->steps;
  babel_error first = {0};
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < count; i++) {
    float *to[4] = {NULL};
    to[index] = features + (size_t)i * stride;
    if (babel_encoder_run(encoder, &samples[i], to, NULL) == BABEL_OK) continue;
#pragma omp critical(babel_encode_samples)
    if (!first.status) first = babel_error_take();
  }
  if (!first.status) return BABEL_OK;
  babel_error_put(&first);
  return first.status;
}

static babel_status run(const babel_args *args) {
  const char *input, *output;
  babel_config config;
  babel_encoder *encoder = NULL;
  babel_npy npy = {0};
  babel_sample *samples = NULL;
  void *features = NULL;
  int count = 0, index;
  babel_status status;
  BABEL_TRY(babel_args_require(args, "input", &input));
  BABEL_TRY(babel_args_require(args, "output", &output));
  BABEL_TRY(babel_file_probe(output));
  BABEL_TRY(babel_read_config(args, &config));
  BABEL_TRY_OR(babel_open_encoder(args, &config, &encoder), done);
  BABEL_TRY_OR(babel_find_output(encoder, &config, babel_args_value(args, "select"), &index), done);
  BABEL_TRY_OR(babel_npy_open(&npy, input), done);
  status = encoder->row->samples(encoder, &npy.tensor, &samples, &count);
  if (status != BABEL_OK) {
    babel_fail_context("%s: ", input);
    goto done;
  }
  const babel_encoder_output *out = &encoder->outputs[index];
  BABEL_TRY_OR(babel_alloc(&features, (size_t)count * (size_t)out->steps * (size_t)out->width, sizeof(float)), done);
  BABEL_TRY_OR(encode_samples(encoder, index, samples, count, features), done);
  babel_tensor tensor = {.data = features, .dtype = BABEL_F32, .rank = out->steps > 1 ? 3 : 2, .shape = {count, out->width}};
  if (out->steps > 1) {
    tensor.shape[1] = out->steps;
    tensor.shape[2] = out->width;
  }
  BABEL_TRY_OR(babel_npy_write(output, &tensor), done);
  char shape[64];
  printf("%s: %s features %s of %s\n", output, encoder->row->name, babel_tensor_shape_text(&tensor, shape, sizeof shape), input);
done:
  for (int i = 0; i < count && samples; i++) babel_sample_destroy(&samples[i]);
  free(samples);
  free(features);
  babel_npy_close(&npy);
  babel_encoder_destroy(encoder);
  return status;
}

const babel_command babel_encode_command = {
    .name = "encode",
    .usage = "--encoder NAME [--weights FILE] --input x.npy --output y.npy [options]",
    .sentence = "runs an encoder on any array",
    .details = "imu_stats, limu_bert: (T, 6) or (N, T, 6), acceleration x y z [g], angular rate x y z [rad/s].\n"
               "shift_gcn, st_gcn: (T, J, 3) or (N, T, J, 3), J = 20 Kinect v1, 25 NTU or 32 Azure Kinect joints, x y z [m].\n"
               "pointcloud_stats, pointcloud_motion: (P, 4), the points of one recording: frame from 0, x (right) y (up) z (away) [m].\n"
               "radar_stats, radar_free: (P, 6), the points of one window: frame from 0, x y z [m] (z up), velocity [m/s], intensity.\n"
               "Files that are damaged, of another shape or not finite are refused with a sentence; nothing is half-written.",
    .examples = "  babel encode --encoder limu_bert --weights hhar.pt --input imu.npy --output features.npy\n"
                "  babel encode --encoder imu_stats --input imu.npy --output features.npy\n",
    .options = options,
    .run = run,
};
