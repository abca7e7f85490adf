/* Published weights, where this machine has them. Counts, sums and values were taken from torch.load once; tensor by tensor
 * all of these files were then compared bit by bit. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/checkpoint.h"
#include "tests/support/paths.h"

typedef struct {
  const char *name;
  int rank;
  int64_t shape[4];
  float first, last;
} known_tensor;

typedef struct {
  const char *path, *layout;
  int tensors;
  int64_t elements;
  double sum; /* of all elements of all tensors */
  known_tensor known[4];
} known_file;

static void check(const known_file *file, const char *path) {
  babel_checkpoint checkpoint;
  int64_t elements = 0, count;
  double sum = 0;
  if (!path) cr_skip("no %s on this machine", file->path);
  cr_assert_eq(babel_checkpoint_open(&checkpoint, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_str_eq(checkpoint.layout, file->layout);
  cr_assert_eq(checkpoint.count, file->tensors);
  cr_assert_eq(checkpoint.skipped_count, 0);
  for (int t = 0; t < checkpoint.count; t++) {
    cr_assert_eq(babel_tensor_count(&checkpoint.tensors[t].tensor, &count), BABEL_OK);
    elements += count;
    for (int64_t i = 0; i < count; i++) sum += babel_tensor_get(&checkpoint.tensors[t].tensor, i);
  }
  cr_assert_eq(elements, file->elements, "%lld", (long long)elements);
  cr_assert_float_eq(sum, file->sum, 1e-8 * fabs(file->sum), "%.12g", sum);
  for (int k = 0; k < 4 && file->known[k].name; k++) {
    const known_tensor *known = &file->known[k];
    const babel_tensor *tensor = babel_checkpoint_find(&checkpoint, known->name);
    cr_assert_not_null(tensor, "%s", known->name);
    cr_assert_eq(tensor->rank, known->rank);
    for (int i = 0; i < known->rank; i++) cr_assert_eq(tensor->shape[i], known->shape[i]);
    babel_tensor_count(tensor, &count);
    cr_assert_eq((float)babel_tensor_get(tensor, 0), known->first, "%s", known->name);
    cr_assert_eq((float)babel_tensor_get(tensor, count - 1), known->last, "%s", known->name);
  }
  babel_checkpoint_close(&checkpoint);
}

static void check_weights(const known_file *file) {
  check(file, babel_real_weights(file->path));
}

Test(core_checkpoint_real, limu_bert_zip) {
  static const known_file file = {"limu_bert/hhar.pt", "pytorch zip", 29, 62646, 178.3156043,
                                  {{"transformer.embed.lin.weight", 2, {72, 6}, -0.12195930629968643f, 0.11307928711175919f},
                                   {"transformer.norm1.beta", 1, {72}, 0.014759857207536697f, -0.1461666077375412f},
                                   {"decoder.bias", 1, {6}, -0.12315568327903748f, -0.09082093834877014f}}};
  check_weights(&file);
  const char *path = babel_real_weights(file.path);
  babel_checkpoint checkpoint;
  if (!path) return;
  cr_assert_eq(babel_checkpoint_open(&checkpoint, path), BABEL_OK);
  cr_assert_str_eq(checkpoint.sha256, "22dab2ba528cd88954395c7f043a006c74fbc38e7d329a64d21e2eb54114b463");
  babel_checkpoint_close(&checkpoint);
}

Test(core_checkpoint_real, shift_gcn_legacy) {
  static const known_file file = {"shift_gcn/ntu_joint_xsub.pt", "pytorch legacy", 302, 835214, 145945094.6,
                                  {{"data_bn.weight", 1, {150}, 0.379145085811615f, 0.585460364818573f},
                                   {"l5.residual.bn.weight", 1, {128}, 0.0032015403266996145f, 0.0002170717198168859f},
                                   {"fc.bias", 1, {60}, -0.08401032537221909f, -0.33932214975357056f}}};
  check_weights(&file);
}

Test(core_checkpoint_real, st_gcn_legacy) {
  static const known_file file = {"st_gcn/linxuelai_epoch75_33joint.pt", "pytorch legacy", 97, 63552, 17393.8721,
                                  {{"A", 3, {3, 33, 33}, 0.20000000298023224f, 0},
                                   {"st_gcn_networks.3.gcn.conv.weight", 4, {48, 32, 1, 1}, -0.04518338292837143f, 0.004714541137218475f},
                                   {"fcn.bias", 1, {5}, 1.4128913879394531f, -0.8771102428436279f}}};
  check_weights(&file);
}

Test(core_checkpoint_real, st_gcn_plus_plus_zip) {
  static const known_file file = {"st_gcn/pyskl_stgcnpp_hagrid_hand.pth", "pytorch zip", 418, 201696, 6120572.071,
                                  {{"backbone.data_bn.weight", 1, {42}, 0.7285943627357483f, 0.5960510969161987f},
                                   {"backbone.gcn.3.gcn.bn.bias", 1, {64}, -0.004854264203459024f, 0.00031158325145952404f},
                                   {"cls_head.fc_cls.bias", 1, {40}, -0.051030904054641724f, 0.1530310958623886f}}};
  check_weights(&file);
}

Test(core_checkpoint_real, point_transformer_zip) {
  static const known_file file = {"point_transformer/modelnet40_best_model.pt", "pytorch zip", 113, 583948, 210810.3288,
                                  {{"MLP1.0.weight", 2, {32, 6}, -0.495437353849411f, 0.19082492589950562f},
                                   {"transformer_blocks.0.mapping.2.weight", 2, {64, 64}, 0.025284670293331146f, 0.027311576530337334f},
                                   {"MLP2.4.bias", 1, {40}, -0.09154411405324936f, 0.033517204225063324f}}};
  check_weights(&file);
}

/* Ten of these fourteen tensors are slices of one storage. */
Test(core_checkpoint_real, limu_bert_head_with_a_shared_storage) {
  static const known_file file = {"limu_bert/saved/classifier_base_gru_hhar_20_120/hhar.pt", "pytorch zip", 14, 9186, 2.21144971605,
                                  {{"gru0.weight_hh_l0", 2, {60, 20}, -0.025973446667194366f, 0.3718286454677582f},
                                   {"gru0.bias_hh_l1", 1, {60}, -0.19674305617809296f, -0.06161918863654137f},
                                   {"gru1.bias_hh_l0", 1, {30}, 0.15363308787345886f, 0.2873274087905884f},
                                   {"lin0.bias", 1, {6}, -0.04206521064043045f, -0.01485487725585699f}}};
  check(&file, babel_real_data(file.path));
}

/* Without any of the files the program counts as skipped, not as passed. */
int main(int argc, char **argv) {
  if (!babel_real_weights("limu_bert/hhar.pt") && !babel_real_weights("shift_gcn/ntu_joint_xsub.pt")) return 77;
  struct criterion_test_set *tests = criterion_initialize();
  int good = criterion_handle_args(argc, argv, true) ? criterion_run_all_tests(tests) : 1;
  criterion_finalize(tests);
  return !good;
}
