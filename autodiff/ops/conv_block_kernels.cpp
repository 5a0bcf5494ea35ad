#include "autodiff/ops/conv_block_kernels.hpp"

#include <algorithm>

#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/loops/conv_kernels.hpp"
#include "autodiff/ops/loops/row_chunks.hpp"

namespace autodiff {

namespace {

/// How a kernel reads the sum of activations. Its scratch starts with the reciprocal deviations.
template <class T>
struct Reader {
  Rows rows;
  int addends;
  T eps;

  Reader(const NodeShape& s, ActivationAttributes a)
      : rows(rows_of(s.in[0])), addends(a.addends), eps(static_cast<T>(a.eps)) {}
  Index scratch() const { return addends * rows.C; }

  kernels::Activations<T> operator()(const KernelArguments<T>& k) const {
    kernels::Activations<T> x;
    x.addends = addends;
    for (int a = 0; a < addends; ++a) {
      const T *z = k.in[3 * a], *moments = k.in[3 * a + 1];
      T* rstd = k.scratch + a * rows.C;
      reciprocal_deviation(rows.C, moments + rows.C, eps, rstd);
      x.z[a] = z;
      x.mean[a] = moments;
      x.rstd[a] = rstd;
      x.offset[a] = k.in[3 * a + 2];
    }
    return x;
  }

  void activate(const kernels::Activations<T>& x, T* y, const Parallel& parallel) const {
    for_chunks(parallel, rows, [&](Index first, Index count) {
      kernels::active<T>().activate(count, rows.C, moved(x, first * rows.C), y + first * rows.C);
    });
  }

  /// Calls f(x, rest of the scratch) with activations to compute while reading, or computed in advance if the
  /// kernels of this shape can't do that.
  template <class F>
  void read(const ConvShape& shape, const KernelArguments<T>& k, F f) const {
    const auto x = (*this)(k);
    T* rest = k.scratch + scratch();
    if (shape.can_activate()) return f(x, rest);
    activate(x, rest, *k.parallel);
    f(as_it_is<T>(rest), rest + rows.count * rows.C);
  }
  Index scratch(const ConvShape& shape) const {
    return scratch() + (shape.can_activate() ? 0 : rows.count * rows.C);
  }
};

ActivationAttributes one_addend(const NodeShape& s) {
  return {1, s.attributes->as<NormaliseAttributes>().eps};
}

}  // namespace

template <class T>
Kernel<T> block_activation_kernel(const NodeShape& s) {
  const Reader<T> reader(s, s.attributes->as<ActivationAttributes>());
  return {[=](const KernelArguments<T>& k) { reader.activate(reader(k), k.out, *k.parallel); },
          reader.scratch()};
}

template <class T>
Kernel<T> block_conv_kernel(const NodeShape& s) {
  const auto& [activation, conv] = s.attributes->as<BlockConvAttributes>();
  const std::size_t w = activation.operands();
  const ConvShape shape = conv_shape(s.in[0], s.out, s.in[w][0], conv.axis);
  const Reader<T> reader(s, activation);
  const bool has_bias = s.in.size() > w + 1;
  return {[=](const KernelArguments<T>& k) {
            reader.read(shape, k, [&](const auto& x, T* scratch) {
              run_conv(shape, x, k.in[w], has_bias ? k.in[w + 1] : nullptr, k.out, scratch, *k.parallel);
            });
          },
          reader.scratch(shape) + conv_scratch(shape)};
}

template <class T>
Kernel<T> block_conv_weight_reverse_kernel(const NodeShape& s) {
  const auto& [activation, conv] = s.attributes->as<BlockConvWeightReverseAttributes>();
  const std::size_t g = activation.operands();
  const ConvShape shape = conv_shape(s.in[0], s.in[g], s.out[0], conv.axis);
  const Reader<T> reader(s, activation);
  return {[=](const KernelArguments<T>& k) {
            reader.read(shape, k, [&](const auto& x, T* scratch) {
              run_conv_weight_reverse(shape, x, k.in[g], k.out, scratch, *k.parallel);
            });
          },
          reader.scratch(shape) + conv_weight_reverse_scratch(shape)};
}

template <class T>
Kernel<T> block_sums_kernel(const NodeShape& s) {
  const Reader<T> reader(s, one_addend(s));
  const Rows r = reader.rows;
  return {[=](const KernelArguments<T>& k) {
            const auto x = reader(k);
            T* sums = k.scratch + reader.scratch();
            sum_chunks(*k.parallel, r, 2 * r.C, sums, [&](Index first, Index rows, T* s2) {
              const Index at = first * r.C;
              kernels::active<T>().normalise_reverse_sums(rows, r.C, x.z[0] + at, x.mean[0], x.rstd[0],
                                                          x.offset[0], k.in[3] + at, s2, s2 + r.C);
            });
            std::copy_n(sums, 2 * r.C, k.out);
          },
          reader.scratch() + r.chunks * 2 * r.C};
}

template <class T>
Kernel<T> block_reverse_kernel(const NodeShape& s) {
  const Reader<T> reader(s, one_addend(s));
  const Rows r = reader.rows;
  return {[=](const KernelArguments<T>& k) {
            const auto x = reader(k);
            T* means = k.scratch + reader.scratch();
            for (Index c = 0; c < 2 * r.C; ++c) means[c] = k.in[4][c] / static_cast<T>(r.count);
            for_chunks(*k.parallel, r, [&](Index first, Index rows) {
              const Index at = first * r.C;
              kernels::active<T>().normalise_reverse(rows, r.C, x.z[0] + at, x.mean[0], x.rstd[0],
                                                     x.offset[0], means, means + r.C, k.in[3] + at,
                                                     k.out + at);
            });
          },
          reader.scratch() + 2 * r.C};
}

template Kernel<float> block_activation_kernel<float>(const NodeShape&);
template Kernel<double> block_activation_kernel<double>(const NodeShape&);
template Kernel<float> block_conv_kernel<float>(const NodeShape&);
template Kernel<double> block_conv_kernel<double>(const NodeShape&);
template Kernel<float> block_conv_weight_reverse_kernel<float>(const NodeShape&);
template Kernel<double> block_conv_weight_reverse_kernel<double>(const NodeShape&);
template Kernel<float> block_sums_kernel<float>(const NodeShape&);
template Kernel<double> block_sums_kernel<double>(const NodeShape&);
template Kernel<float> block_reverse_kernel<float>(const NodeShape&);
template Kernel<double> block_reverse_kernel<double>(const NodeShape&);

}  // namespace autodiff
