#include "tests/data/window_files.h"

#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/file.h"

static FILE *text_file(const char *folder, int subject, const char *sensor, const char *part) {
  char path[1200];
  snprintf(path, sizeof path, "%s/subject%d_%s_data_%s.csv", folder, subject, sensor, part);
  FILE *file = fopen(path, "w");
  if (!file) abort();
  return file;
}

static void kinect_header(FILE *file) {
  static const char *const first[] = {"SpineBase", "SpineMid", "Neck", "Head", "ShoulderLeft"};
  for (int c = 0; c < 75; c++)
    if (c % 25 < 5) fprintf(file, "%s%s_%c", c ? "," : "", first[c % 25], 'X' + c / 25);
    else fprintf(file, ",J%d_%c", c % 25, 'X' + c / 25);
  fputc('\n', file);
}

void mars_write(const char *folder, int subject, const char *part, int movements, int frames) {
  FILE *radar = text_file(folder, subject, "radar", part), *kinect = text_file(folder, subject, "kinect", part);
  fprintf(radar, "Frame #,# Obj,X,Y,Z,Doppler,Intensity,Abs Time\n");
  kinect_header(kinect);
  for (int f = 0; f < movements * frames; f++) {
    int points = 2 + f % 3, number = f + f / frames * 200 + f % frames / 10; /* numbers are left out, movements lie far apart */
    for (int p = 0; p < points; p++) fprintf(radar, "%d,%d,%d,%.3f,%.1f,%d,%d,1.6e+09\n", number, points, p, f / 1000.0, 0.5 * p, f % 7 - 3, 10 + p);
    for (int c = 0; c < 75; c++)
      fprintf(kinect, "%s%g", c ? "," : "", c < 25 ? c : c < 50 ? f : 1 + c % 25 / 100.0);
    fputc('\n', kinect);
  }
  if (fclose(radar) || fclose(kinect)) abort();
}

void xz_pack(const char *path) {
  babel_file plain;
  char packed[1300];
  size_t used = 0;
  if (babel_file_open(&plain, path) != BABEL_OK) abort();
  size_t room = lzma_stream_buffer_bound(plain.size);
  unsigned char *bytes = malloc(room);
  if (!bytes || lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, plain.data, plain.size, bytes, &used, room) != LZMA_OK) abort();
  snprintf(packed, sizeof packed, "%s.xz", path);
  FILE *file = fopen(packed, "wb");
  if (!file || fwrite(bytes, 1, used, file) != used || fclose(file) || unlink(path)) abort();
  free(bytes);
  babel_file_close(&plain);
}

static void put_floats(FILE *file, const float *values, size_t count) {
  if (fwrite(values, sizeof *values, count, file) != count) abort();
}

void mmego_write(const char *folder, int actions, int frames) {
  static const char *const names[4] = {"frames.csv", "radar_points_f32.bin", "keypoints_f32.bin", "imu_f32.bin"};
  FILE *files[4];
  for (int i = 0; i < 4; i++) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    if (!(files[i] = fopen(path, "wb"))) abort();
  }
  fprintf(files[0], "action,snippet,frame_no,n_points,point_offset,imu_rows,imu_offset,foot_contact_left,foot_contact_right\n");
  for (int i = 0; i < actions * 2 * frames; i++) {
    float joints[96], imu[15] = {0};
    fprintf(files[0], "%02d,%02d,%d,3,%d,20,%d,0,1\n", i / (2 * frames) + 1, i / frames % 2 ? 8 : 5, 2 * (frames - i % frames), 3 * i, 20 * i);
    for (int p = 0; p < 3; p++) put_floats(files[1], (const float[]){0.01f * (float)i, (float)p, 0.1f * (float)p, 20.0f + (float)p, 0.5f - (float)p}, 5);
    for (int c = 0; c < 96; c++) joints[c] = c % 3 == 0 ? (float)(c / 3) : c % 3 == 1 ? (float)i : 1;
    put_floats(files[2], joints, 96);
    for (int k = 0; k < 20; k++) {
      imu[9] = 9.80665f;
      imu[10] = (float)k;
      imu[14] = (float)(k % 4);
      put_floats(files[3], imu, 15);
    }
  }
  for (int i = 0; i < 4; i++)
    if (fclose(files[i])) abort();
}
