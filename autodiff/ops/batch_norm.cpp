#include "autodiff/ops/batch_norm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/loops/row_chunks.hpp"
#include "autodiff/ops/reduce.hpp"

namespace autodiff {

namespace {

double eps_of(const Attributes& a) { return a.as<NormaliseAttributes>().eps; }
void check_epsilon(const Attributes& a) {
  if (!(eps_of(a) > 0)) throw std::invalid_argument(fmt::format("eps must be positive, found {}", eps_of(a)));
}

void expect_moments(const Shape& x, const Shape& m) {
  if (x.rank() < 2) throw std::invalid_argument("expected at least two axes");
  if (m != Shape{2, x[x.rank() - 1]})
    throw std::invalid_argument(fmt::format("expected moments of [2, {}]", x[x.rank() - 1]));
}

Var leading_sum(Var x) { return sum_to(x, Shape{x.shape()[x.shape().rank() - 1]}); }
Var leading_mean(Var x) {
  return affine(leading_sum(x),
                static_cast<double>(x.shape()[x.shape().rank() - 1]) / static_cast<double>(x.shape().size()),
                0);
}
Var row(Var m, Index i) { return reshape(slice(m, 0, i, i + 1), Shape{m.shape()[1]}); }

// ---- moments ------------------------------------------------------------------------------------

}  // namespace

const OpDef& moments_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "moments";
    d.doc = "Mean and biased variance per channel over all axes but the last";
    d.infer = [](std::span<const Shape> in, const Attributes&) {
      if (in.size() != 1 || in[0].rank() < 2)
        throw std::invalid_argument("expected one operand with at least two axes");
      return Shape{2, in[0][in[0].rank() - 1]};
    };
    d.spec = [](std::span<const Var> in, const Attributes&) {
      const Var m = leading_mean(in[0]), v = leading_mean(square(in[0] - m));
      const Shape one{1, m.shape()[0]};
      const Var parts[] = {reshape(m, one), reshape(v, one)};
      return concat(parts, 0);
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Rows r = rows_of(s.in[0]);
      const auto& table = kernels::active<T>();
      Kernel<T> kernel;
      kernel.scratch = r.chunks * 2 * r.C;
      // Every chunk is read once: its squared deviations are from its own mean, and the correction to the
      // overall mean is added when chunks are combined.
      kernel.run = [=, &table](const KernelArguments<T>& k) {
        T *mean = k.out, *variance = k.out + r.C;
        for_chunks(*k.parallel, r, [&](Index first, Index rows) {
          T* part = k.scratch + first / r.chunk * 2 * r.C;
          table.moments(rows, r.C, k.in[0] + first * r.C, part, part + r.C);
        });
        std::fill_n(k.out, 2 * r.C, T(0));
        const auto for_parts =
            [&](auto f) {  // of all chunks in order: f(channel, share of the rows, mean, squares)
              for (Index i = 0; i < r.chunks; ++i) {
                const Index rows = std::min(r.chunk, r.count - i * r.chunk);
                const T share = static_cast<T>(rows) / static_cast<T>(r.count),
                        *part = k.scratch + i * 2 * r.C;
                for (Index c = 0; c < r.C; ++c) f(c, share, part[c], part[r.C + c] / static_cast<T>(r.count));
              }
            };
        for_parts([=](Index c, T share, T m, T) { mean[c] += share * m; });
        for_parts([=](Index c, T share, T m, T squares) {
          variance[c] += squares + share * ((m - mean[c]) * (m - mean[c]));
        });
      };
      return kernel;
    });
    d.cost = [](const NodeShape& s) { return 3.0 * static_cast<double>(s.in[0].size()); };
    d.samples = {{{Shape{4, 3, 5}}, {}}, {{Shape{6, 1}}, {}}, {{Shape{130, 16, 17}}, {}}};
    d.wrong = {{{Shape{5}}, {}, "at least two axes"}, {{Shape{2, 3}, Shape{3}}, {}, "expected one operand"}};
    return d;
  }());
  return op;
}

// ---- normalise ----------------------------------------------------------------------------------

const OpDef& normalise_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "normalise";
    d.doc = "(x - mean) / sqrt(variance + eps) + offset with given moments [2, C]";
    d.attributes = typeid(NormaliseAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 3) throw std::invalid_argument("expected x, moments and offset");
      check_epsilon(a);
      expect_moments(in[0], in[1]);
      if (in[2] != Shape{in[1][1]})
        throw std::invalid_argument(fmt::format("expected an offset of [{}]", in[1][1]));
      return in[0];
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      return (in[0] - row(in[1], 0)) * rsqrt(row(in[1], 1) + eps_of(a)) + in[2];
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Rows r = rows_of(s.in[0]);
      const T eps = static_cast<T>(eps_of(*s.attributes));
      const auto& table = kernels::active<T>();
      Kernel<T> kernel;
      kernel.scratch = r.C;
      kernel.run = [=, &table](const KernelArguments<T>& k) {
        T* rstd = k.scratch;
        reciprocal_deviation(r.C, k.in[1] + r.C, eps, rstd);
        for_chunks(*k.parallel, r, [&](Index first, Index rows) {
          table.normalise(rows, r.C, k.in[0] + first * r.C, k.in[1], rstd, k.in[2], false,
                          k.out + first * r.C);
        });
      };
      return kernel;
    });
    d.in_place = {0};
    d.cost = [](const NodeShape& s) { return 2.0 * static_cast<double>(s.in[0].size()); };
    for (auto [x, C] : {std::pair<Shape, Index>{Shape{4, 3, 5}, 5}, {Shape{2, 5}, 5}, {Shape{2100, 17}, 17}})
      d.samples.push_back({{x, Shape{2, C}, Shape{C}}, NormaliseAttributes{1e-3}, 0.3, 1.0});
    d.wrong = {
        {{Shape{4, 5}, Shape{2, 5}}, NormaliseAttributes{1e-3}, "expected x, moments and offset"},
        {{Shape{4, 5}, Shape{2, 4}, Shape{5}}, NormaliseAttributes{1e-3}, "expected moments of [2, 5]"},
        {{Shape{4, 5}, Shape{2, 5}, Shape{4}}, NormaliseAttributes{1e-3}, "expected an offset of [5]"},
        {{Shape{4, 5}, Shape{2, 5}, Shape{5}}, NormaliseAttributes{0}, "eps must be positive"}};
    return d;
  }());
  return op;
}

// ---- reverse: dx = rstd (g - mean(g) - xhat mean(g xhat)) ---------------------------------------

const OpDef& batch_norm_reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "batch_norm_reverse";
    d.doc = "Adjoint of batch_norm's x from x, its moments and the adjoint of the output";
    d.attributes = typeid(NormaliseAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 3) throw std::invalid_argument("expected x, moments and an adjoint");
      check_epsilon(a);
      expect_moments(in[0], in[1]);
      if (in[2] != in[0]) throw std::invalid_argument("expected an adjoint of x's shape");
      return in[0];
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const Var rstd = rsqrt(row(in[1], 1) + eps_of(a)), xhat = (in[0] - row(in[1], 0)) * rstd, g = in[2];
      return rstd * (g - leading_mean(g) - xhat * leading_mean(g * xhat));
    };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Rows r = rows_of(s.in[0]);
      const T eps = static_cast<T>(eps_of(*s.attributes));
      const auto& table = kernels::active<T>();
      Kernel<T> kernel;
      kernel.scratch = r.C + r.chunks * 2 * r.C;
      kernel.run = [=, &table](const KernelArguments<T>& k) {
        const T *x = k.in[0], *mean = k.in[1], *g = k.in[2];
        T *rstd = k.scratch, *sums = k.scratch + r.C;
        reciprocal_deviation(r.C, mean + r.C, eps, rstd);
        sum_chunks(*k.parallel, r, 2 * r.C, sums, [&](Index first, Index rows, T* s2) {
          table.normalise_reverse_sums(rows, r.C, x + first * r.C, mean, rstd, nullptr, g + first * r.C, s2,
                                       s2 + r.C);
        });
        for (Index c = 0; c < 2 * r.C; ++c) sums[c] /= static_cast<T>(r.count);
        for_chunks(*k.parallel, r, [&](Index first, Index rows) {
          table.normalise_reverse(rows, r.C, x + first * r.C, mean, rstd, nullptr, sums, sums + r.C,
                                  g + first * r.C, k.out + first * r.C);
        });
      };
      return kernel;
    });
    d.in_place = {0, 2};
    d.cost = [](const NodeShape& s) { return 6.0 * static_cast<double>(s.in[0].size()); };
    for (auto [x, C] : {std::pair<Shape, Index>{Shape{4, 3, 5}, 5}, {Shape{2, 5}, 5}, {Shape{2100, 17}, 17}})
      d.samples.push_back({{x, Shape{2, C}, x}, NormaliseAttributes{1e-3}, 0.3, 1.0});
    d.wrong = {
        {{Shape{4, 5}, Shape{2, 4}, Shape{4, 5}}, NormaliseAttributes{1e-3}, "expected moments of [2, 5]"},
        {{Shape{4, 5}, Shape{2, 5}, Shape{4, 4}}, NormaliseAttributes{1e-3}, "an adjoint of x's shape"},
        {{Shape{4, 5}, Shape{2, 5}, Shape{4, 5}}, NormaliseAttributes{-1}, "eps must be positive"}};
    return d;
  }());
  return op;
}

// ---- batch_norm ---------------------------------------------------------------------------------

namespace {

const OpDef& batch_norm_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "batch_norm";
    d.doc = "Batch normalisation with local statistics, without scale";
    d.attributes = typeid(NormaliseAttributes);
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 2 || in[0].rank() < 2)
        throw std::invalid_argument("expected x with at least two axes and an offset");
      const Index C = in[0][in[0].rank() - 1];
      if (in[1] != Shape{C}) throw std::invalid_argument(fmt::format("expected an offset of [{}]", C));
      check_epsilon(a);
      return in[0];
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      return normalise(in[0], moments(in[0]), in[1], eps_of(a));
    };
    d.vjp = [](const VjpInput& v, const Attributes& a) {
      const Var in[] = {v.in[0], v.wanted[0] ? moments(v.in[0]) : Var(), v.adjoint};
      return std::vector<Var>{
          v.wanted[0] ? v.adjoint.graph().record(batch_norm_reverse_op(), in, a, here()) : Var(),
          v.wanted[1] ? leading_sum(v.adjoint) : Var()};
    };
    d.samples = {{{Shape{4, 3, 5}, Shape{5}}, NormaliseAttributes{1e-3}},
                 {{Shape{12, 1}, Shape{1}}, NormaliseAttributes{1e-2}},
                 {{Shape{40, 9, 6}, Shape{6}}, NormaliseAttributes{1e-3}},
                 {{Shape{2100, 17}, Shape{17}}, NormaliseAttributes{1e-3}}};
    d.wrong = {{{Shape{5}, Shape{5}}, NormaliseAttributes{1e-3}, "at least two axes"},
               {{Shape{4, 5}, Shape{4}}, NormaliseAttributes{1e-3}, "expected an offset of [5]"},
               {{Shape{4, 5}, Shape{5}}, NormaliseAttributes{0}, "eps must be positive"}};
    return d;
  }());
  return op;
}

}  // namespace

void register_batch_norm_ops() {
  moments_op();
  normalise_op();
  batch_norm_reverse_op();
  batch_norm_op();
}

Var moments(Var x, Location at) { return x.graph().record(moments_op(), std::span(&x, 1), {}, at); }

Var normalise(Var x, Var m, Var offset, double eps, Location at) {
  const Var in[] = {x, m, offset};
  return x.graph().record(normalise_op(), in, NormaliseAttributes{eps}, at);
}

Var batch_norm(Var x, Var offset, double eps, Location at) {
  const Var in[] = {x, offset};
  return x.graph().record(batch_norm_op(), in, NormaliseAttributes{eps}, at);
}

}  // namespace autodiff
