#include "autodiff/ops/all_ops.hpp"

#include "autodiff/graph/op.hpp"

namespace autodiff {

const OpDef& register_op(OpDef op) {
  all_ops();  // built-in names are taken first
  return add_to_registry(std::move(op));
}

std::vector<const OpDef*> all_ops() {
  register_elementwise_ops();
  register_reduce_ops();
  register_layout_ops();
  register_matmul_ops();
  register_linear_groups_ops();
  register_conv_ops();
  register_batch_norm_ops();
  register_conv_block_ops();
  register_linear_algebra_ops();
  register_softmax_ops();
  register_gather_ops();
  register_normal_ops();
  register_tile_program_ops();
  return registered_ops();
}

}  // namespace autodiff
