#include <criterion/criterion.h>
#include <string.h>

#include "encoders/encoder.h"

static void refused(const char *name, const babel_encoder_options *options, const char *word) {
  babel_encoder *encoder = (babel_encoder *)1;
  cr_assert_eq(babel_encoder_create(&encoder, name, options), BABEL_ERR_ARG, "%s", name);
  cr_assert_null(encoder);
  cr_assert(strstr(babel_error_last()->sentence, word), "\"%s\" does not say %s",
            babel_error_last()->sentence, word);
}

Test(encoders_registry, every_row_is_found_by_its_name_and_is_complete) {
  int count = 0;
  for (const babel_encoder_row *row; (row = babel_encoder_at(count)); count++) {
    cr_assert_eq(babel_encoder_find(row->name), row);
    cr_assert(row->modality && row->input && row->create && row->destroy && row->run && row->samples, "%s",
              row->name);
    cr_assert_not_null(babel_modality_find(row->modality), "%s", row->name);
  }
  cr_assert_geq(count, 2);
  cr_assert_null(babel_encoder_at(-1));
  cr_assert_null(babel_encoder_at(count + 1));
  cr_assert_null(babel_encoder_find("limu"));
}

Test(encoders_registry, an_unknown_name_is_answered_with_the_names_there_are) {
  refused("limu", &(babel_encoder_options){0}, "imu_stats, limu_bert");
}

Test(encoders_registry, weights_and_random_weights_must_fit_the_encoder) {
  refused("limu_bert", &(babel_encoder_options){0}, "saved/pretrain_base_hhar_20_120");
  refused("limu_bert", &(babel_encoder_options){.weights = ""}, "needs its weights");
  refused("limu_bert", &(babel_encoder_options){.weights = "hhar.pt", .random_weights = true}, "choose one");
  refused("imu_stats", &(babel_encoder_options){.weights = "hhar.pt"}, "hhar.pt");
  refused("imu_stats", &(babel_encoder_options){.random_weights = true}, "nothing to draw");
}

Test(encoders_registry, a_sample_of_another_modality_or_an_empty_one_is_refused) {
  babel_encoder *encoder;
  babel_sample sample;
  float out[78], *outputs[] = {out};
  cr_assert_eq(babel_encoder_create(&encoder, "imu_stats", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("skeleton"), 20, 6), BABEL_OK);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_ERR_ARG);
  cr_assert(strstr(babel_error_last()->sentence, "skeleton"));
  sample.modality = babel_modality_find("imu");
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK);
  sample.rows = 0;
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_ERR_SHAPE);
  babel_sample_destroy(&sample);
  babel_encoder_destroy(encoder);
  babel_encoder_destroy(NULL);
}
