// Kernels of the block ops (ops/conv_block.hpp), with the same bits as the ops of their specs in sequence;
// and the attributes of these ops. Internal to ops/.
#pragma once
#include <cstddef>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"

namespace autodiff {

/// Of a block_activation. Its operands, z, moments and offset of each addend, come first in all block ops.
struct ActivationAttributes {
  int addends = 1;
  double eps = 0;
  std::size_t operands() const { return 3 * static_cast<std::size_t>(addends); }
};
struct BlockConvAttributes {
  ActivationAttributes activation;
  ConvAttributes conv;
};
struct BlockConvWeightReverseAttributes {
  ActivationAttributes activation;
  ConvWeightReverseAttributes conv;
};

template <class T>
Kernel<T> block_activation_kernel(const NodeShape& s);
template <class T>
Kernel<T> block_conv_kernel(const NodeShape& s);
template <class T>
Kernel<T> block_conv_weight_reverse_kernel(const NodeShape& s);
template <class T>
Kernel<T> block_sums_kernel(const NodeShape& s);
template <class T>
Kernel<T> block_reverse_kernel(const NodeShape& s);

}  // namespace autodiff
