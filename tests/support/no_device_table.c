#include "tests/support/device_table.h"

const babel_ops *babel_device_table(babel_precision precision) {
  babel_status status = BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "this program was built without CUDA");
  return status == BABEL_OK ? babel_ops_cpu() : NULL;
}
