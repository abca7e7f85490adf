#include <math.h>
#include <string.h>

#include "core/file.h"
#include "growth/config.h"

/* Presets in order: ours; paper, paper_literal, release: `paper` with a few keys changed; best, best_subject, best_mask: `ours` with other
 * features, targets and budget. */
#define ALL(text) {text, text, text, text, text, text, text}
#define TWO(ours, paper) {ours, paper, paper, paper, ours, ours, ours}
#define BEST(ours, paper, best) {ours, paper, paper, paper, best, best, best}
#define FOUR(ours, paper, literal, release) {ours, paper, literal, release, ours, ours, ours}
#define INT(name, low, high, defaults, text) \
  {#name, BABEL_KEY_INT, offsetof(babel_config, name), low, high, NULL, defaults, text}
#define DOUBLE(name, low, high, defaults, text) \
  {#name, BABEL_KEY_DOUBLE, offsetof(babel_config, name), low, high, NULL, defaults, text}
#define BOOL(name, defaults, text) {#name, BABEL_KEY_BOOL, offsetof(babel_config, name), 0, 1, NULL, defaults, text}
#define ENUM(name, words, defaults, text) {#name, BABEL_KEY_ENUM, offsetof(babel_config, name), 0, 0, words, defaults, text}
#define LIST(...) {__VA_ARGS__}

static const babel_config_key table[] = {
    ENUM(preset, "ours|paper|paper_literal|release|best|best_subject|best_mask",
         LIST("ours", "paper", "paper_literal", "release", "best", "best_subject", "best_mask"),
         "The set of defaults. In a file it stands first, because it resets every other key."),

    INT(embed_dim, 1, 8192, ALL("512"), "Width of the embedding that all modalities share."),
    INT(hidden, 1, 8192, ALL("256"), "Width of the hidden layers of alignment modules and prototype."),
    INT(concept_layers, 2, 4, ALL("3"), "Linear layers of an alignment module, with ReLU between them."),
    INT(proto_layers, 2, 4, ALL("2"), "Linear layers of the shared prototype, with ReLU between them."),
    ENUM(post_proj, "none|linear", FOUR("none", "none", "none", "linear"),
         "A linear layer a modality behind the prototype, used by the loss and by retrieval; classifiers read the prototype."),

    ENUM(imu_window, "stretch|20hz", TWO("stretch", "20hz"),
         "How a trial fills the IMU encoder's 120 rows: stretched over them, or brought to 20 Hz (complete bins, the first 120 of them)."),
    ENUM(imu_unit, "rad_s|deg_s", TWO("rad_s", "deg_s"), "Unit in which the IMU encoder sees the angular rate."),
    INT(imu_block, 1, 4, TWO("1", "4"), "Transformer block whose output becomes the IMU feature; 4 is the last."),
    ENUM(imu_stats, "mean_std|mean", TWO("mean_std", "mean"),
         "What is kept of the IMU encoder's rows over time: mean and population deviation, or the mean alone."),
    ENUM(imu_pool, "before|after", FOUR("before", "before", "after", "before"),
         "Pool the IMU rows before the tower, or send every row through it and average the embeddings (needs imu_stats: mean)."),
    ENUM(skeleton_output, "pooled_scores|scores", TWO("pooled_scores", "scores"),
         "Skeleton features: pooled features and class scores, or the scores alone."),
    INT(variants, 0, 600, BEST("16", "600", "0"), "Augmented versions of each pair kept in the bank, evenly out of 600."),
    BOOL(standardise, TWO("true", "false"),
         "Bring every feature to mean 0 and deviation 1, with the statistics of the original training pairs."),
    DOUBLE(input_dropout, 0, 0.99, BEST("0.5", "0", "0.7"), "Share of the features that a step hides from the towers."),

    ENUM(temperature, "learnable|fixed", FOUR("learnable", "learnable", "fixed", "learnable"),
         "Whether the temperature of the loss is trained; a number here is a value of tau."),
    DOUBLE(tau, 1e-4, 100, ALL("0.07"), "Temperature of the loss at the start of the first phase."),
    DOUBLE(scale_min, 1e-4, 1e4, ALL("1"), "Lower limit of 1/tau."),
    DOUBLE(scale_max, 1e-4, 1e4, ALL("100"), "Upper limit of 1/tau."),
    ENUM(denominator, "all|negatives", ALL("all"), "Denominator of Eq. (4): all candidates, or without the positive."),
    ENUM(targets, "pairs|neighbours|mask", LIST("pairs", "pairs", "pairs", "pairs", "neighbours", "neighbours", "mask"),
         "What an anchor should find: its own partner; also the neighbours of a graph on the raw features (soft targets); or its own partner, "
         "with the neighbours left out of the denominator. The last two assume a set that repeats its activities."),
    DOUBLE(neighbour_weight, 0, 1, ALL("0.7"), "Share of a soft target that goes to the neighbours."),
    INT(neighbour_k, 1, 10000, LIST("15", "15", "15", "15", "15", "12", "15"), "Neighbours of a training pair in the graph."),
    ENUM(neighbour_graph, "features|embedding", ALL("features"),
         "What the graph of a growth phase is made of: the raw features of both modalities, or the trunk's embeddings of the junction's samples. A first phase has features only."),
    DOUBLE(neighbour_width, 1e-6, 1e6, ALL("0.3"), "A neighbour of cosine S weighs exp((S - 1) / width)."),
    DOUBLE(neighbour_scale_a, 0, 1000, ALL("1"), "Scale of the first bank's unit features in the graph."),
    DOUBLE(neighbour_scale_b, 0, 1000, ALL("1.4"), "Scale of the second bank's unit features in the graph."),
    BOOL(neighbour_other_subjects, LIST("false", "false", "false", "false", "false", "true", "false"),
         "Look for neighbours among the recordings of other subjects only; needs subject ids, no labels."),
    BOOL(mask_overlaps, LIST("true", "false", "false", "false", "true", "true", "true"),
         "Windows of one recording that share rows are left out of each other's denominators; otherwise they are negatives. Without effect on whole recordings and with shuffle_pairs."),
    ENUM(adaptive, "off|on|inverted", BEST("on", "on", "off"),
         "Adaptive weights of Eq. (5) to (7): half each, by inverse gradient norm, or (ablation) the wrong way round."),
    BOOL(adaptive_first_phase, ALL("true"), "Adaptive weights in the first phase too."),
    ENUM(grad_scope, "own|both", FOUR("own", "own", "both", "own"),
         "Parameters in the norms of Eq. (6): the anchor's own alignment module, or both towers'."),
    ENUM(grad_norm, "raw|relative", ALL("raw"), "Norm of Eq. (6) as it is, or divided by the norm of the parameters."),
    ENUM(proto_policy, "plain|ema_teacher|snapshot_teacher|ema_deploy|rehearsal_kd|gauss_kd|replay|frozen|slow|none|grad_proj",
         FOUR("rehearsal_kd", "ema_teacher", "ema_deploy", "plain"),
         "What protects the trunk in growth phases: nothing, a slowly moving teacher, a fixed teacher, the moving average "
         "itself put to use, rehearsal of earlier pairs against a fixed teacher, the same on rows drawn from each modality's stored mean and "
         "covariance, contrastive training on a small bank of earlier pairs, a frozen prototype, a slow trunk; none: ablation, every modality has a prototype of its own; grad_proj: known layers move only where the inputs of earlier phases are not."),
    ENUM(trunk, "train|freeze", ALL("train"), "Freeze: a growth phase trains nothing but the new tower."),
    DOUBLE(ema_momentum, 0, 1, ALL("0.996"), "Momentum of the moving average at the start of a phase; it ends at 1."),
    ENUM(ema_schedule, "cosine|constant", ALL("cosine"), "Course of that momentum over a phase: to 1 along a cosine, or as it starts."),
    DOUBLE(distill_weight, 0, 1000, ALL("5"), "Weight of the distillation loss."),
    INT(rehearsal_rows, 1, 65536, ALL("128"), "rehearsal_kd: cached pairs a step, spread evenly over the earlier phases. replay: pairs a step of each earlier phase."),
    INT(gauss_rows, 1, 65536, ALL("64"), "gauss_kd: rows a step for each earlier modality."),
    INT(replay_bank, 2, 100000000, ALL("256"), "replay: pairs that are kept of each earlier phase."),
    ENUM(replay_choice, "random|herding", ALL("random"),
         "replay: which ones, drawn at random, or those whose running mean stays nearest to the mean of all."),
    DOUBLE(trunk_lr, 0, 1, ALL("0.1"), "slow: learning rate of the junction's module and the prototype, as a share of lr."),
    DOUBLE(proj_energy, 0.01, 1, ALL("0.99"),
           "grad_proj: share of the energy of a layer's earlier inputs in whose directions it stands still."),

    DOUBLE(lr, 0, 1, TWO("0.0003", "0.0001"), "Peak learning rate."),
    DOUBLE(lr_final, 0, 1, TWO("0.00003", "0.00001"), "Learning rate after the last step, reached along a cosine."),
    DOUBLE(lr_warmup_start, 0, 1, ALL("0.000001"), "Learning rate of the first step."),
    DOUBLE(beta1, 0, 0.9999, ALL("0.9"), "AdamW: decay of the mean gradient."),
    DOUBLE(beta2, 0, 0.999999, ALL("0.98"), "AdamW: decay of the mean squared gradient."),
    DOUBLE(adam_eps, 1e-16, 1, ALL("0.00000001"), "AdamW: added to the root of the mean squared gradient."),
    DOUBLE(weight_decay, 0, 10, ALL("0.0001"), "AdamW: decay of matrices; biases and temperature have none."),
    DOUBLE(warmup_epochs, 0, 10000, ALL("1"), "Epochs over which the learning rate climbs to its peak."),
    INT(batch, 2, 65536, ALL("256"), "Pairs a step; with fewer training pairs the batch is all of them."),
    INT(chunk, 0, 65536, ALL("0"), "Pairs that pass the network at a time, twice, with the same gradient: large batches in small memory. 0: the whole batch."),
    INT(max_steps, 1, 100000000, BEST("600", "1000", "300"), "Steps of the first phase."),
    INT(grow_steps, 1, 100000000, BEST("200", "1000", "200"), "Steps of every later phase."),
    ENUM(precision, "tf32|fp32|bf16", ALL("tf32"),
         "Operands of the linear products on a CUDA device; sums are float32 whatever it is. The CPU computes in float32."),
    BOOL(shuffle_pairs, ALL("false"), "Control: partners are permuted inside each batch."),
    INT(seed, 0, 2147483647, ALL("0"), "Seed of initialisation, order, variants and dropout."),

    INT(head_hidden, 1, 8192, ALL("256"), "MLP head: width of its hidden layer."),
    INT(head_epochs, 1, 100000, ALL("500"), "MLP head: passes over the support samples."),
    INT(head_batch, 1, 65536, ALL("16"), "MLP head: support samples a step."),
    DOUBLE(head_lr, 0, 10, ALL("0.001"), "MLP head: learning rate at the start; a cosine takes it to 0."),
    DOUBLE(head_momentum, 0, 0.9999, ALL("0.9"), "MLP head: momentum."),
    DOUBLE(head_weight_decay, 0, 1, ALL("0.0001"), "MLP head: weight decay."),
    ENUM(fusion, "sum|concat", TWO("sum", "concat"),
         "The preset's own way of joining modalities: renormalised sum of the unit embeddings, or concatenation."),
    DOUBLE(fusion_weight, 0.001, 1000, ALL("1.5"), "Weight of the second bank in the rows fused by weighted sum; the first has 1."),
    ENUM(wifi_members, "primary|mean", ALL("primary"),
         "Embedding of a sensor with several towers (wifi, wifi2): the first tower's, or the renormalised mean of all of which a schedule has the features."),
    INT(watch_epochs, 0, 1000000, ALL("10"), "Epochs between two scorings of the training-free heads; 0 turns them off."),
    DOUBLE(checkpoint_seconds, 0, 86400, ALL("30"), "Seconds between two saved states; with 0 only an interruption saves one."),
};

const babel_config_key *babel_config_key_at(int i) {
  return i >= 0 && i < (int)(sizeof table / sizeof *table) ? &table[i] : NULL;
}

/* Word number `index` of "a|b|c" into text; false past the end. */
static bool word_at(const char *words, int index, char *text, size_t size) {
  for (; index > 0; index--) {
    words = strchr(words, '|');
    if (!words) return false;
    words++;
  }
  snprintf(text, size, "%.*s", (int)strcspn(words, "|"), words);
  return index == 0;
}

const char *babel_config_preset_name(int preset) {
  return preset >= 0 && preset < BABEL_PRESET_COUNT ? table[0].defaults[preset] : "unknown";
}

void babel_config_value_text(const babel_config *config, const babel_config_key *key, char *text, size_t size) {
  const char *field = (const char *)config + key->offset;
  char number[32];
  double value;
  int whole;
  if (key->type == BABEL_KEY_DOUBLE) {
    memcpy(&value, field, sizeof value);
    if (isfinite(value))
      babel_format_double(value == 0 ? 0 : value, number); /* -0 is 0: equal values, equal text */
    else
      snprintf(number, sizeof number, "%f", value);
    snprintf(text, size, "%s", number);
    return;
  }
  memcpy(&whole, field, sizeof whole);
  if (key->type == BABEL_KEY_INT) snprintf(text, size, "%d", whole);
  if (key->type == BABEL_KEY_BOOL) snprintf(text, size, "%s", whole ? "true" : "false");
  if (key->type == BABEL_KEY_ENUM && !word_at(key->words, whole, text, size)) snprintf(text, size, "%d", whole);
}
