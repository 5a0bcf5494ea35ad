#include "autodiff/ops/all_ops.hpp"

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/conv_block.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/gather.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/linear_algebra.hpp"
#include "autodiff/ops/linear_groups.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/normal.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/softmax.hpp"
#include "autodiff/ops/tile_program.hpp"

namespace autodiff {

namespace {

// A row for each family.
constexpr void (*kFamilies[])() = {
    register_elementwise_ops,    register_reduce_ops,  register_layout_ops,     register_matmul_ops,
    register_linear_groups_ops,  register_conv_ops,    register_batch_norm_ops, register_conv_block_ops,
    register_linear_algebra_ops, register_softmax_ops, register_gather_ops,     register_normal_ops,
    register_tile_program_ops,
};

}  // namespace

const OpDef& register_op(OpDef op) {
  all_ops();  // so that built-in names are taken
  return add_to_registry(std::move(op));
}

std::vector<const OpDef*> all_ops() {
  for (const auto& register_family : kFamilies) register_family();
  return registered_ops();
}

}  // namespace autodiff
