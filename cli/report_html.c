#include "cli/report_html.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/report_points.h"
#include "cli/retention_table.h"
#include "core/file.h"
#include "eval/results.h"

extern char **environ;

enum { MOST_PHASES = 64, MOST_NAMES = 32 };

typedef struct {
  char name[80], folder[1024]; /* folder "" = the run itself */
  json_t *entry;               /* of schedule.json, or NULL */
  bool distilled;              /* its metrics hold a distillation loss */
  babel_report_points points;  /* of its picture */
} phase;

typedef struct {
  const char *run;
  char folder[1024]; /* RUN/report */
  json_t *schedule;
  int count;
  phase phases[MOST_PHASES];
  babel_results results;
} report;

static babel_status path_in(char path[1200], const char *folder, const char *name) {
  if ((size_t)snprintf(path, 1200, "%s/%s", folder, name) >= 1200) return BABEL_FAIL(BABEL_ERR_ARG, "%s: the path is too long", folder);
  return BABEL_OK;
}

/* ---- numbers --------------------------------------------------------------------------------------------------------------------------------- */

static const char *const columns[] = {"step", "loss_ab", "loss_ba", "w_ab", "w_ba", "g_a", "g_b", "scale", "batch_top1_ab", "batch_top1_ba", "kd"};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* metrics.jsonl as a table. */
static babel_status write_metrics(const report *r, phase *p, int number) {
  char path[1200], name[32];
  babel_file_writer writer;
  BABEL_TRY(path_in(path, p->folder, "metrics.jsonl"));
  FILE *in = fopen(path, "re");
  if (!in) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
  snprintf(name, sizeof name, "phase%02d.tsv", number + 1);
  babel_status status = path_in(path, r->folder, name);
  if (status == BABEL_OK) status = babel_file_create(&writer, path);
  if (status != BABEL_OK) {
    fclose(in);
    return status;
  }
  for (int c = 0; c < COLUMNS; c++) fprintf(writer.stream, "%s%s", c ? "\t" : "", columns[c]);
  fputc('\n', writer.stream);
  for (json_t *line; (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line)) {
    for (int c = 0; c < COLUMNS; c++) {
      const json_t *value = json_object_get(line, columns[c]);
      if (c == COLUMNS - 1 && value) p->distilled = true;
      if (json_is_number(value)) fprintf(writer.stream, "%s%.9g", c ? "\t" : "", json_number_value(value));
      else fprintf(writer.stream, "%sNaN", c ? "\t" : "");
    }
    fputc('\n', writer.stream);
  }
  fclose(in);
  return babel_file_commit(&writer);
}

static int name_index(const char names[][32], int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (!strcmp(names[i], name)) return i;
  return -1;
}

static bool is_retention(const babel_result *r, const char *phase, const char *measure) {
  return r->kind == BABEL_RESULT_RETENTION && !strcmp(r->phase, phase) && !strcmp(r->measure, measure);
}

/* from x to: class top-1 at the end, and what was kept of it. Returns how many modalities there are. */
static babel_status write_retention(const report *r, int *modalities) {
  char names[MOST_NAMES][32], path[1200];
  int n = 0;
  babel_file_writer writer;
  for (int i = 0; i < r->results.count; i++) {
    const babel_result *row = &r->results.rows[i];
    if (is_retention(row, "all", "class_top1") && n < MOST_NAMES && name_index((const char(*)[32])names, n, row->modalities.names[0]) < 0)
      snprintf(names[n++], 32, "%s", row->modalities.names[0]);
  }
  *modalities = n;
  if (!n) return BABEL_OK;
  BABEL_TRY(path_in(path, r->folder, "retention.tsv"));
  BABEL_TRY(babel_file_create(&writer, path));
  fprintf(writer.stream, "x\ty\tfrom\tto\tnow\tkept\temergent\n");
  for (int i = 0; i < r->results.count; i++) {
    const babel_result *row = &r->results.rows[i];
    if (!is_retention(row, "all", "class_top1")) continue;
    fprintf(writer.stream, "%d\t%d\t%s\t%s\t%.1f\t%.1f\t%d\n", name_index((const char(*)[32])names, n, row->modalities.names[1]),
            name_index((const char(*)[32])names, n, row->modalities.names[0]), row->modalities.names[0], row->modalities.names[1], row->after,
            babel_retention_kept(row), row->emergent);
  }
  return babel_file_commit(&writer);
}

/* After each phase: what older pairs have kept since the phase before, mean and least. Returns how many phases had something to keep. */
static babel_status write_forgetting(const report *r, int *phases) {
  char path[1200];
  babel_file_writer writer;
  BABEL_TRY(path_in(path, r->folder, "forgetting.tsv"));
  BABEL_TRY(babel_file_create(&writer, path));
  *phases = 0;
  fprintf(writer.stream, "number\tphase\tmean\tleast\toneshot\n");
  for (int p = 0; p < r->count; p++) {
    double sum[2] = {0}, least = INFINITY;
    int n[2] = {0};
    for (int i = 0; i < r->results.count; i++) {
      const babel_result *row = &r->results.rows[i];
      bool pair = is_retention(row, r->phases[p].name, "class_top1"), alone = is_retention(row, r->phases[p].name, "one-shot");
      if ((!pair && !alone) || !isfinite(babel_retention_kept(row))) continue;
      sum[alone] += row->retained;
      n[alone]++;
      if (pair) least = fmin(least, row->retained);
    }
    *phases += n[0] > 0;
    if (n[0]) fprintf(writer.stream, "%d\t%s\t%.2f\t%.2f\t%.2f\n", p + 1, r->phases[p].name, sum[0] / n[0], least, n[1] ? sum[1] / n[1] : (double)NAN);
  }
  return babel_file_commit(&writer);
}

/* ---- pictures -------------------------------------------------------------------------------------------------------------------------------- */

static const char head[] = "set terminal svg size %d,%d dynamic font 'sans,12' background '#ffffff'\nset output '%s.svg'\nset datafile separator tab\n"
                           "set datafile missing 'NaN'\nset grid lc rgb '#dddddd'\nset border 3 lc rgb '#555555'\nset tics nomirror\nset key outside right top\n";

/* What gnuplot says is shown where it fails. */
static void show_log(int log) {
  char text[4096];
  ssize_t n = pread(log, text, sizeof text, 0);
  if (n > 0) fwrite(text, 1, (size_t)n, stderr);
}

static babel_status run_gnuplot(const char *folder, const char *script) {
  char *const command[] = {"gnuplot", (char *)script, NULL};
  char here[4096];
  pid_t child;
  posix_spawn_file_actions_t actions;
  int code = 0;
  if (!getcwd(here, sizeof here) || chdir(folder)) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be entered: %s", folder, strerror(errno));
  int log = memfd_create("gnuplot", MFD_CLOEXEC); /* -1: it writes where this program does */
  posix_spawn_file_actions_init(&actions);
  if (log >= 0) posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
  int failed = posix_spawnp(&child, "gnuplot", &actions, NULL, command, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (!failed && waitpid(child, &code, 0) != child) code = -1;
  if (log >= 0 && code) show_log(log);
  if (log >= 0) close(log);
  if (chdir(here)) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be entered: %s", here, strerror(errno));
  if (failed) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "gnuplot draws the pictures of a report and is not there (Debian: apt-get install gnuplot-nox)");
  return code ? BABEL_FAIL(BABEL_ERR_IO, "%s/%s: gnuplot failed on it", folder, script) : BABEL_OK;
}

/* NAME.gp with the head and `body`, then NAME.svg. */
static babel_status draw(const report *r, const char *name, int width, int height, const char *body) {
  char path[1200], script[64];
  babel_file_writer writer;
  snprintf(script, sizeof script, "%s.gp", name);
  BABEL_TRY(path_in(path, r->folder, script));
  BABEL_TRY(babel_file_create(&writer, path));
  fprintf(writer.stream, head, width, height, name);
  fputs(body, writer.stream);
  BABEL_TRY(babel_file_commit(&writer));
  return run_gnuplot(r->folder, script);
}

static babel_status draw_phase(const report *r, int number) {
  char name[32], body[2048];
  const char *kd = ", '' using 'step':(column('kd')*10) with lines lw 1.5 lc rgb '#2ca02c' title 'distillation x 10'";
  snprintf(name, sizeof name, "phase%02d", number + 1);
  snprintf(body, sizeof body,
           "set multiplot layout 1,3\nset xlabel 'step'\nset xrange [0:*]\nset key top right inside\n"
           "set title 'loss'\nplot '%s.tsv' using 'step':'loss_ab' with lines lw 2 lc rgb '#1f77b4' title 'a finds b', '' using 'step':'loss_ba' with lines lw 2 lc rgb '#d62728' title 'b finds a'%s\n"
           "set title 'batch retrieval, top-1'\nset yrange [0:1]\nplot '%s.tsv' using 'step':'batch_top1_ab' with lines lw 2 lc rgb '#1f77b4' title 'a finds b', '' using 'step':'batch_top1_ba' with lines lw 2 lc rgb '#d62728' title 'b finds a'\n"
           "set title 'adaptive weight and gradient norms (Fig. 6)'\nset y2tics\nset y2range [0:1e-9<*]\nset key bottom right inside\n"
           "plot '%s.tsv' using 'step':'w_ab' with lines lw 2 lc rgb '#1f77b4' title 'w of a', '' using 'step':'g_a' axes x1y2 with lines lc rgb '#9467bd' title '|g_a|', '' using 'step':'g_b' axes x1y2 with lines lc rgb '#8c564b' title '|g_b|'\n"
           "unset multiplot\n", name, r->phases[number].distilled ? kd : "", name, name);
  return draw(r, name, 1200, 320, body);
}

static babel_status draw_retention(const report *r, int modalities) {
  char body[2048];
  snprintf(body, sizeof body,
           "set size ratio -1\nunset key\nunset grid\nset xlabel 'to'\nset ylabel 'from'\nset xrange [-0.5:%d.5]\nset yrange [%d.5:-0.5]\nset cblabel 'kept [%%]'\nset cbrange [40:110]\n"
           "set palette defined (40 '#b2182b', 80 '#fddbc7', 100 '#f7f7f7', 110 '#2166ac')\nset title 'class top-1 of every ordered pair at the end; colour: kept since first measured (none: was at chance); italic: never paired'\n"
           "set xtics noenhanced\nset ytics noenhanced\nset style fill solid 1 noborder\n"
           "plot 'retention.tsv' using 'x':'y':(column('x')-0.5):(column('x')+0.5):(column('y')-0.5):(column('y')+0.5):'kept':xtic(stringcolumn('to')):ytic(stringcolumn('from')) with boxxyerror lc palette, "
           "'' using 'x':'y':(stringcolumn('emergent') eq '1' ? '{/:Italic '.sprintf('%%.0f', column('now')).'}' : '{/:Bold '.sprintf('%%.0f', column('now')).'}') with labels enhanced\n",
           modalities - 1, modalities - 1);
  return draw(r, "retention", 760, 620, body);
}

static babel_status draw_forgetting(const report *r) {
  return draw(r, "forgetting", 760, 320,
              "set yrange [0:115]\nset xtics noenhanced\nset ylabel 'kept in this phase [%]'\nset style fill solid 0.8\nset boxwidth 0.25\nset title 'what older pairs and modalities kept, phase by phase'\n"
              "plot 'forgetting.tsv' using (column('number')-0.25):'mean':xtic(stringcolumn('phase')) with boxes lc rgb '#1f77b4' title 'pairs, mean', "
              "'' using 'number':'least' with boxes lc rgb '#d62728' title 'pairs, least', '' using (column('number')+0.25):'oneshot' with boxes lc rgb '#2ca02c' title 'one-shot, mean'\n");
}

static babel_status draw_points(const report *r, int number) {
  const phase *p = &r->phases[number];
  char name[32], body[2048];
  snprintf(name, sizeof name, "points%02d", number + 1);
  snprintf(body, sizeof body,
           "set multiplot layout 1,2\nunset grid\nunset tics\nset key top right inside\nset title '%s and %s: by modality'\n"
           "plot '%s.tsv' using (stringcolumn('side') eq '0' ? column('x') : NaN):'y' with points pt 7 ps 0.5 lc rgb '#1f77b4' title '%s', "
           "'' using (stringcolumn('side') eq '1' ? column('x') : NaN):'y' with points pt 7 ps 0.5 lc rgb '#d62728' title '%s'\n"
           "set title 'the same by class'\nunset colorbox\nset palette model HSV functions gray,0.75,0.85\nplot '%s.tsv' using 'x':'y':'label' with points pt 7 ps 0.5 lc palette notitle\nunset multiplot\n",
           p->points.modality[0], p->points.modality[1], name, p->points.modality[0], p->points.modality[1], name);
  return draw(r, name, 900, 420, body);
}

/* ---- the page -------------------------------------------------------------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text) {
  for (; *text; text++) switch (*text) {
    case '<': fputs("&lt;", out); break;
    case '>': fputs("&gt;", out); break;
    case '&': fputs("&amp;", out); break;
    default: fputc(*text, out);
    }
}

/* The picture itself, without its XML head. */
static babel_status put_picture(const report *r, FILE *out, const char *name) {
  char path[1200], file[64];
  babel_file svg;
  snprintf(file, sizeof file, "%s.svg", name);
  BABEL_TRY(path_in(path, r->folder, file));
  BABEL_TRY(babel_file_open(&svg, path));
  const char *text = (const char *)svg.data, *start = memmem(text, svg.size, "<svg", 4);
  fputs("<figure>", out);
  if (start) fwrite(start, 1, svg.size - (size_t)(start - text), out);
  fputs("</figure>\n", out);
  babel_file_close(&svg);
  return BABEL_OK;
}

static babel_status put_phase(const report *r, FILE *out, int number) {
  const phase *p = &r->phases[number];
  char name[32];
  fprintf(out, "<h2>Phase %d: ", number + 1);
  put_text(out, p->name);
  if (p->entry)
    fprintf(out, " (%s, a = %s, b = %s, %lld pairs, %lld steps)", json_string_value(json_object_get(p->entry, "kind")), json_string_value(json_object_get(p->entry, "a")),
            json_string_value(json_object_get(p->entry, "b")), (long long)json_integer_value(json_object_get(p->entry, "pairs")),
            (long long)json_integer_value(json_object_get(p->entry, "steps")));
  fputs("</h2>\n", out);
  snprintf(name, sizeof name, "phase%02d", number + 1);
  BABEL_TRY(put_picture(r, out, name));
  if (!p->points.count) return BABEL_OK;
  snprintf(name, sizeof name, "points%02d", number + 1);
  BABEL_TRY(put_picture(r, out, name));
  fprintf(out, "<p>Test samples of this phase, principal components of their embeddings (Fig. 5). Mean silhouette by modality %.3f (near 0: they lie in each other), by class %.3f (high: apart).</p>\n",
          p->points.by_modality, p->points.by_class);
  return BABEL_OK;
}

static babel_status put_manifest(const report *r, FILE *out) {
  char *manifest = NULL;
  BABEL_TRY(babel_report_manifest(r->phases[r->count - 1].folder, &manifest));
  fputs("<h2>Manifest of the last phase</h2>\n<pre>", out);
  put_text(out, manifest);
  fputs("</pre>\n", out);
  free(manifest);
  return BABEL_OK;
}

static babel_status put_all(const report *r, FILE *out, int modalities, int kept) {
  fputs("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>babel: ", out);
  put_text(out, r->run);
  fputs("</title>\n<style>body{font:15px/1.5 sans-serif;max-width:1240px;margin:2em auto;padding:0 1em;color:#222}figure{margin:1em 0}svg{max-width:100%;height:auto}"
        "pre{white-space:pre-wrap;word-break:break-all;background:#f6f6f6;padding:1em;font-size:12px}</style>\n<h1>", out);
  put_text(out, r->run);
  fputs("</h1>\n", out);
  if (modalities) {
    fputs("<h2>Retention</h2>\n", out);
    BABEL_TRY(put_picture(r, out, "retention"));
    if (kept) BABEL_TRY(put_picture(r, out, "forgetting"));
  }
  for (int i = 0; i < r->count; i++) BABEL_TRY(put_phase(r, out, i));
  BABEL_TRY(put_manifest(r, out));
  fputs("<p>Numbers and gnuplot scripts of every picture: the folder <code>report</code> beside this file.</p>\n</html>\n", out);
  return BABEL_OK;
}

/* ---- what there is ---------------------------------------------------------------------------------------------------------------------------- */

static babel_status add_phase(report *r, json_t *entry) {
  phase *p = &r->phases[r->count];
  const char *name = json_string_value(json_object_get(entry, "name")), *folder = json_string_value(json_object_get(entry, "folder"));
  char path[1200];
  if (!name || !folder || r->count == MOST_PHASES) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s/schedule.json: expected at most %d phases with name and folder", r->run, MOST_PHASES);
  p->entry = entry;
  snprintf(p->name, sizeof p->name, "%s", name);
  if ((size_t)snprintf(p->folder, sizeof p->folder, "%s/%s", r->run, folder) >= sizeof p->folder) return BABEL_FAIL(BABEL_ERR_ARG, "%s: the path is too long", r->run);
  BABEL_TRY(path_in(path, p->folder, "metrics.jsonl"));
  if (babel_file_exists(path)) r->count++; /* a schedule that was interrupted: the phases so far */
  return BABEL_OK;
}

static babel_status find_phases(report *r) {
  char path[1200];
  json_error_t error;
  BABEL_TRY(path_in(path, r->run, "schedule.json"));
  if (babel_file_exists(path)) {
    r->schedule = json_load_file(path, 0, &error);
    json_t *entry, *phases = json_object_get(r->schedule, "phases");
    size_t i;
    if (!json_is_array(phases)) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a list of phases", path);
    json_array_foreach(phases, i, entry) BABEL_TRY(add_phase(r, entry));
  } else {
    BABEL_TRY(path_in(path, r->run, "metrics.jsonl"));
    if (babel_file_exists(path)) {
      r->count = 1;
      snprintf(r->phases[0].name, sizeof r->phases[0].name, "growth");
      snprintf(r->phases[0].folder, sizeof r->phases[0].folder, "%s", r->run);
    }
  }
  if (!r->count) return BABEL_FAIL(BABEL_ERR_IO, "%s: neither schedule.json with phases nor metrics.jsonl: expected the folder of a run", r->run);
  BABEL_TRY(path_in(path, r->run, "results.json"));
  return babel_file_exists(path) ? babel_results_read(&r->results, path) : BABEL_OK;
}

static babel_status build(report *r) {
  int modalities, kept = 0;
  char path[1200];
  babel_file_writer writer;
  BABEL_TRY(find_phases(r));
  if ((size_t)snprintf(r->folder, sizeof r->folder, "%s/report", r->run) >= sizeof r->folder) return BABEL_FAIL(BABEL_ERR_ARG, "%s: the path is too long", r->run);
  BABEL_TRY(babel_folder_create(r->folder));
  babel_file_sweep(r->folder, NULL);
  babel_file_sweep(r->run, "report.html");
  for (int i = 0; i < r->count; i++) {
    char name[32];
    BABEL_TRY(write_metrics(r, &r->phases[i], i));
    BABEL_TRY(draw_phase(r, i));
    snprintf(name, sizeof name, "points%02d.tsv", i + 1);
    BABEL_TRY(path_in(path, r->folder, name));
    if (r->phases[i].entry) BABEL_TRY(babel_report_points_write(&r->phases[i].points, r->phases[i].entry, r->phases[i].folder, path));
    if (r->phases[i].points.count) BABEL_TRY(draw_points(r, i));
  }
  BABEL_TRY(write_retention(r, &modalities));
  if (modalities) {
    BABEL_TRY(write_forgetting(r, &kept));
    BABEL_TRY(draw_retention(r, modalities));
    if (kept) BABEL_TRY(draw_forgetting(r));
  }
  BABEL_TRY(path_in(path, r->run, "report.html"));
  BABEL_TRY(babel_file_create(&writer, path));
  babel_status status = put_all(r, writer.stream, modalities, kept);
  if (status == BABEL_OK) return babel_file_commit(&writer);
  babel_file_abort(&writer);
  return status;
}

babel_status babel_report_html(const char *run) {
  static report r; /* large */
  memset(&r, 0, sizeof r);
  r.run = run;
  babel_status status = build(&r);
  json_decref(r.schedule);
  babel_results_destroy(&r.results);
  if (status == BABEL_OK) printf("%s/report.html: %d phase%s\n", run, r.count, r.count == 1 ? "" : "s");
  return status;
}
