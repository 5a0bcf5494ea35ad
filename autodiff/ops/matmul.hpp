// Matrix products, also of transposed operands and of batches of matrices.
//
// Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

enum class Transposed { no, yes };

/// a [M, K] times b [K, N], or a batch with equal leading axis: [Z, M, K] x [Z, K, N] -> [Z, M, N]. A
/// transposed operand is given as [K, M] or [N, K].
Var matmul(Var a, Var b, Transposed ta = Transposed::no, Transposed tb = Transposed::no,
           Location at = here());

/// x [.., C] times w [C, O], on the last axis -> [.., O].
Var linear(Var x, Var w, Location at = here());

void register_matmul_ops();
const OpDef& matmul_op();

}  // namespace autodiff
