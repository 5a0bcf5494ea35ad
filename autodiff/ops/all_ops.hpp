// All built-in ops, one registration function per family. A new family adds its line here and in all_ops.cpp.
#pragma once
#include <vector>

namespace autodiff {

struct OpDef;

void register_elementwise_ops();
void register_reduce_ops();
void register_layout_ops();
void register_matmul_ops();
void register_linear_groups_ops();
void register_conv_ops();
void register_conv_block_ops();
void register_batch_norm_ops();
void register_linear_algebra_ops();
void register_softmax_ops();
void register_gather_ops();
void register_normal_ops();
void register_tile_program_ops();

/// Registers an op of the user's own and returns it, at an address that stays. Throws std::invalid_argument
/// if the definition is incomplete or the name is taken, also by a built-in op that was not used yet.
const OpDef& register_op(OpDef op);

/// Every op known: the built-in ones and those that a user registered.
std::vector<const OpDef*> all_ops();

}  // namespace autodiff
