/* UTD-MHAD: what a folder holds, by name alone. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/utd_mhad.h"

#define KEYS (BABEL_UTD_ACTIONS * BABEL_UTD_SUBJECTS * BABEL_UTD_TRIALS)

static const char *const folders[BABEL_UTD_KINDS] = {"Inertial", "Skeleton", "Depth"};
static const char *const endings[BABEL_UTD_KINDS] = {"inertial", "skeleton", "depth"};

static babel_utd_id id_of(int index) {
  return (babel_utd_id){index / (BABEL_UTD_SUBJECTS * BABEL_UTD_TRIALS) + 1,
                        index / BABEL_UTD_TRIALS % BABEL_UTD_SUBJECTS + 1, index % BABEL_UTD_TRIALS + 1};
}

static int index_of(babel_utd_id id) {
  return ((id.action - 1) * BABEL_UTD_SUBJECTS + id.subject - 1) * BABEL_UTD_TRIALS + id.trial - 1;
}

/* Marks the files of one folder in members[KEYS]; *present tells whether the folder is there at all. */
static babel_status list_folder(babel_dataset *set, babel_utd_kind folder, unsigned *members, bool *present) {
  char path[1024];
  babel_status status = BABEL_OK;
  snprintf(path, sizeof path, "%s/%s", set->folder, folders[folder]);
  DIR *stream = opendir(path);
  *present = stream;
  if (!stream && errno == ENOENT) return BABEL_OK;
  if (!stream) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be listed: %s", path, strerror(errno));
  struct dirent *entry;
  while (status == BABEL_OK && (entry = readdir(stream))) {
    const char *name = entry->d_name, *why;
    babel_utd_id id;
    babel_utd_kind kind;
    if (name[0] == '.' || (folder == BABEL_UTD_SKELETON && !strcmp(name, "Skeleton_joint_order.txt")))
      continue;
    if (babel_utd_parse_name(name, &id, &kind, &why) && kind != folder)
      why = "it belongs into another folder";
    if (why)
      status = babel_text_list_add(&set->strays, "%s/%s is not taken: %s", path, name, why);
    else
      members[index_of(id)] |= 1u << folder;
  }
  closedir(stream);
  return status;
}

/* One sentence for a trial with a file of the pair missing; trials that were never recorded are silent. */
static babel_status note_missing(babel_dataset *set, int index, unsigned members, const bool *present) {
  char key[16];
  unsigned paired = members & (1u << BABEL_UTD_INERTIAL | 1u << BABEL_UTD_SKELETON);
  babel_utd_id id = id_of(index);
  if (babel_utd_never_recorded(id)) return BABEL_OK;
  babel_utd_key(id, key);
  if (!paired)
    return babel_text_list_add(&set->missing, "%s: neither its inertial nor its skeleton file is there", key);
  for (int kind = BABEL_UTD_INERTIAL; kind <= BABEL_UTD_SKELETON; kind++)
    if (present[kind] && !(paired >> kind & 1))
      return babel_text_list_add(&set->missing, "%s: %s/%s_%s.mat is missing", key, folders[kind], key,
                                 endings[kind]);
  return BABEL_OK;
}

bool babel_utd_here(const char *folder) {
  char path[1200];
  for (int kind = BABEL_UTD_INERTIAL; kind <= BABEL_UTD_SKELETON; kind++) {
    snprintf(path, sizeof path, "%.1000s/%s", folder, folders[kind]);
    if (babel_file_exists(path)) return true;
  }
  return false;
}

babel_status babel_utd_scan(babel_dataset *set, const char *folder) {
  unsigned members[KEYS] = {0};
  bool present[BABEL_UTD_KINDS];
  babel_status status = BABEL_OK;
  memset(set, 0, sizeof *set);
  if (strlen(folder) >= sizeof set->folder)
    return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", folder);
  strcpy(set->folder, folder);
  for (int kind = 0; kind < BABEL_UTD_KINDS; kind++)
    BABEL_TRY_OR(list_folder(set, (babel_utd_kind)kind, members, &present[kind]), fail);
  if (!present[BABEL_UTD_INERTIAL] && !present[BABEL_UTD_SKELETON]) {
    status =
        BABEL_FAIL(BABEL_ERR_IO,
                   "%s: expected the UTD-MHAD folders Inertial/ and Skeleton/ in it, found neither", folder);
    goto fail;
  }
  for (int kind = BABEL_UTD_INERTIAL; kind <= BABEL_UTD_SKELETON; kind++)
    if (!present[kind])
      BABEL_TRY_OR(babel_text_list_add(&set->missing, "%s/%s: the folder is missing", folder, folders[kind]),
                   fail);
  set->trials = calloc(KEYS, sizeof *set->trials);
  if (!set->trials) {
    status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d trials", folder, KEYS);
    goto fail;
  }
  for (int i = 0; i < KEYS; i++) {
    BABEL_TRY_OR(note_missing(set, i, members[i], present), fail);
    if (!members[i]) continue;
    babel_utd_id id = id_of(i);
    babel_trial *trial = &set->trials[set->count++];
    *trial = (babel_trial){.label = id.action - 1, .subject = id.subject, .members = members[i]};
    babel_utd_key(id, trial->key);
  }
  babel_text_list_sort(&set->strays);
  return BABEL_OK;
fail:
  babel_dataset_destroy(set);
  return status;
}

babel_status babel_utd_path(const babel_dataset *set, const char *key, babel_utd_kind kind, char path[1024]) {
  int n = snprintf(path, 1024, "%s/%s/%s_%s.mat", set->folder, folders[kind], key, endings[kind]);
  if (n < 0 || n >= 1024) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", set->folder);
  return BABEL_OK;
}

babel_status babel_utd_read(const babel_dataset *set, const char *key, const char *modality,
                            babel_sample *sample) {
  static const char *const modalities[BABEL_UTD_KINDS] = {"imu", "skeleton", "lidar"};
  char path[1024];
  int kind = 0;
  const babel_trial *trial = babel_dataset_find(set, key);
  memset(sample, 0, sizeof *sample);
  while (kind < BABEL_UTD_KINDS && strcmp(modality, modalities[kind])) kind++;
  if (kind == BABEL_UTD_KINDS)
    return BABEL_FAIL(BABEL_ERR_ARG, "UTD-MHAD: expected the modality imu, skeleton or lidar, found \"%.40s\"",
                      modality);
  if (!trial || !(trial->members >> kind & 1))
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: holds no %s file of the trial \"%.40s\"", set->folder,
                      endings[kind], key);
  BABEL_TRY(babel_utd_path(set, key, (babel_utd_kind)kind, path));
  return kind == BABEL_UTD_INERTIAL   ? babel_utd_read_inertial(sample, path)
         : kind == BABEL_UTD_SKELETON ? babel_utd_read_skeleton(sample, path)
                                      : babel_utd_read_points(sample, path);
}
