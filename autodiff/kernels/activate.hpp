// Activate: computes the sum of one or two relu(normalise(z)) in registers while another kernel reads it.
//
// The same operations in the same order as normalise of rows.hpp, then relu, then add, so the same bits as
// those ops in sequence. Compiled once per level.
#pragma once
#include "autodiff/kernels/vector.hpp"

namespace autodiff::kernels {
namespace {

/// Reads `count` vectors of channels from c on, activated: the constants of these channels stay in registers.
/// Without addends, reads z[0] unchanged. If not `whole`, reads one vector of `columns` channels; its other
/// lanes are arbitrary.
template <class T, class V, int count, int addends, bool whole = true>
struct ActivatedReader {
  static constexpr int kAddends = addends > 0 ? addends : 1;
  const T* z[kAddends];
  Block<V, count> mean[kAddends], rstd[kAddends], offset[kAddends];
  Index columns;

  AUTODIFF_INLINE ActivatedReader(const Activations<T>& x, Index c, Index n = count * kWidth<T, V>)
      : columns(n) {
    AUTODIFF_UNROLL for (int a = 0; a < kAddends; ++a) {
      z[a] = x.z[a] + c;
      if constexpr (addends > 0) {
        mean[a] = numbers(x.mean[a] + c);
        rstd[a] = numbers(x.rstd[a] + c);
        offset[a] = numbers(x.offset[a] + c);
      }
    }
  }

  /// The numbers at offset `at`.
  AUTODIFF_INLINE Block<V, count> operator()(Index at) const {
    Block<V, count> sum = numbers(z[0] + at);
    if constexpr (addends > 0) {
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) sum.v[j] = activated(sum.v[j], 0, j);
    }
    if constexpr (addends > 1) {
      const auto other = numbers(z[1] + at);
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) sum.v[j] += activated(other.v[j], 1, j);
    }
    return sum;
  }

  AUTODIFF_INLINE Block<V, count> numbers(const T* from) const {
    if constexpr (whole)
      return Block<V, count>::from(from);
    else
      return {{load_first<V>(from, columns)}};
  }

  AUTODIFF_INLINE V activated(V x, int a, int j) const {
    const V v = fma(V(x - mean[a].v[j]), rstd[a].v[j], offset[a].v[j]);
    return v <= V{} ? V{} : v;  // like relu: -0 becomes 0, and a NaN stays, so that training detects it
  }
};

/// f.operator()<n>() for n = x.addends.
template <class T, class F>
AUTODIFF_INLINE void with_addends(const Activations<T>& x, const F& f) {
  switch (x.addends) {
    case 0:
      return f.template operator()<0>();
    case 1:
      return f.template operator()<1>();
    default:
      return f.template operator()<2>();
  }
}

template <class T>
void activate(Index rows, Index C, const Activations<T>& x, T* y) {
  with_addends(x, [&]<int addends>() {
    over_columns<T, 4 / (addends + 1)>(C, [&]<class V, int count>(Index c) {
      const ActivatedReader<T, V, count, addends> read(x, c);
      for (Index r = 0; r < rows; ++r) read(r * C).to(y + r * C + c);
    });
  });
}

}  // namespace
}  // namespace autodiff::kernels
