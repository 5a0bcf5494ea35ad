#include "autodiff/ops/conv_block.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <vector>

#include "autodiff/graph/op.hpp"
#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/all_ops.hpp"
#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/conv_kernels.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/row_chunks.hpp"

namespace autodiff {

namespace {

// ---- operands (z, moments, offset) of each addend, attributes ints {.., addends}, reals {eps} ---

std::vector<Normalised> addends_of(std::span<const Var> in, Index addends) {
  std::vector<Normalised> all;
  for (std::size_t i = 0; i < static_cast<std::size_t>(addends); ++i)
    all.push_back({in[3 * i], in[3 * i + 1], in[3 * i + 2]});
  return all;
}

std::vector<Var> operands_of(std::span<const Normalised> addends) {
  if (addends.empty() || addends.size() > 2)
    throw std::invalid_argument(fmt::format("[block] expected one or two addends, found {}", addends.size()));
  std::vector<Var> in;
  for (const Normalised& n : addends) in.insert(in.end(), {n.z, n.moments, n.offset});
  return in;
}

/// The shape of the activation, after a look at the operands that make it.
Shape activation_shape(std::span<const Shape> in, Index addends, const Attributes& a) {
  if (addends != 1 && addends != 2)
    throw std::invalid_argument(fmt::format("expected one or two addends, found {}", addends));
  if (in.size() < static_cast<std::size_t>(3 * addends))
    throw std::invalid_argument("expected z, moments and offset of each addend");
  if (a.reals.size() != 1 || !(a.reals[0] > 0))
    throw std::invalid_argument("expected one attribute, eps, and it must be positive");
  for (std::size_t i = 0; i < static_cast<std::size_t>(3 * addends); i += 3) {
    if (in[i].rank() < 2) throw std::invalid_argument("expected at least two axes");
    const Index C = in[i][in[i].rank() - 1];
    if (in[i] != in[0]) throw std::invalid_argument("the addends' shapes differ");
    if (in[i + 1] != Shape{2, C}) throw std::invalid_argument(fmt::format("expected moments of [2, {}]", C));
    if (in[i + 2] != Shape{C}) throw std::invalid_argument(fmt::format("expected an offset of [{}]", C));
  }
  return in[0];
}

Index required(const Attributes& a, std::size_t i, const char* what) {
  if (a.ints.size() <= i) throw std::invalid_argument(fmt::format("the attribute {} is missing", what));
  return a.ints[i];
}

Var meaning(const Normalised& n, double eps) { return relu(normalise(n.z, n.moments, n.offset, eps)); }

Var meaning(std::span<const Var> in, Index addends, double eps) {
  const auto all = addends_of(in, addends);
  return addends == 1 ? meaning(all[0], eps) : meaning(all[0], eps) + meaning(all[1], eps);
}

Var row(Var m, Index i) { return reshape(slice(m, 0, i, i + 1), Shape{m.shape()[1]}); }
Var leading_sum(Var x) { return sum_to(x, Shape{x.shape()[x.shape().rank() - 1]}); }

// ---- kernels: the same bits as the ops of the meaning one after another -------------------------

/// How a kernel reads the sum of activations. Its scratch starts with the reciprocal deviations.
template <class T>
struct Reader {
  Rows rows;
  int addends;
  T eps;

  Reader(const NodeShape& s, Index n)
      : rows(rows_of(s.in[0])), addends(static_cast<int>(n)), eps(static_cast<T>(s.attributes->reals[0])) {}
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

  /// Calls f(x, rest of the scratch) with the activations, or with them made beforehand where the shape's
  /// kernels can't read them.
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

template <class T>
Kernel<T> block_conv_kernel(const NodeShape& s) {
  const Index addends = s.attributes->ints[1];
  const std::size_t w = static_cast<std::size_t>(3 * addends);
  const ConvShape shape = conv_shape(s.in[0], s.out, s.in[w][0], s.attributes->ints[0]);
  const Reader<T> reader(s, addends);
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
  const Index addends = s.attributes->ints[2];
  const std::size_t g = static_cast<std::size_t>(3 * addends);
  const ConvShape shape = conv_shape(s.in[0], s.in[g], s.out[0], s.attributes->ints[0]);
  const Reader<T> reader(s, addends);
  return {[=](const KernelArguments<T>& k) {
            reader.read(shape, k, [&](const auto& x, T* scratch) {
              run_conv_weight_reverse(shape, x, k.in[g], k.out, scratch, *k.parallel);
            });
          },
          reader.scratch(shape) + conv_weight_reverse_scratch(shape)};
}

template <class T>
Kernel<T> block_sums_kernel(const NodeShape& s) {
  const Reader<T> reader(s, 1);
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
  const Reader<T> reader(s, 1);
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

// ---- block_activation: ints {addends} -----------------------------------------------------------

const OpDef& activation_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_activation";
    d.doc = "Sum of one or two relu(normalise(z, moments, offset)); ints {addends}, reals {eps}";
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      const Index addends = required(a, 0, "addends");
      const Shape s = activation_shape(in, addends, a);
      if (in.size() != static_cast<std::size_t>(3 * addends))
        throw std::invalid_argument("expected z, moments and offset of each addend");
      return s;
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) { return meaning(in, a.ints[0], a.reals[0]); };
    d.set_kernel([]<class T>(const NodeShape& s) {
      const Reader<T> reader(s, s.attributes->ints[0]);
      return Kernel<T>{[=](const KernelArguments<T>& k) { reader.activate(reader(k), k.out, *k.parallel); },
                       reader.scratch()};
    });
    d.in_place = {0};
    d.cost = [](const NodeShape& s) {
      return 3.0 * static_cast<double>(s.attributes->ints[0] * s.out.size());
    };
    const Shape x{4, 3, 5}, m{2, 5}, o{5};
    d.samples = {{{x, m, o}, {{1}, {1e-3}}, 0.3, 1.0},
                 {{x, m, o, x, m, o}, {{2}, {1e-3}}, 0.3, 1.0},
                 {{Shape{700, 3, 17}, Shape{2, 17}, Shape{17}},
                  {{1}, {1e-3}},
                  0.5,
                  0.6}};  // the last without a kink nearby
    d.wrong = {{{x, m, o}, {{3}, {1e-3}}, "expected one or two addends"},
               {{x, m}, {{1}, {1e-3}}, "expected z, moments and offset"},
               {{x, m, o}, {{1}, {0}}, "eps, and it must be positive"},
               {{x, Shape{2, 4}, o}, {{1}, {1e-3}}, "expected moments of [2, 5]"},
               {{x, m, Shape{4}}, {{1}, {1e-3}}, "expected an offset of [5]"},
               {{x, m, o}, {{}, {1e-3}}, "the attribute addends is missing"},
               {{x, m, o, Shape{4, 4, 5}, m, o}, {{2}, {1e-3}}, "the addends' shapes differ"},
               {{Shape{5}, m, o}, {{1}, {1e-3}}, "at least two axes"}};
    return d;
  }());
  return op;
}

// ---- block_conv: ints {axis, addends} -----------------------------------------------------------

const OpDef& block_conv_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_conv";
    d.doc =
        "conv of a block_activation; operands z, moments, offset of each addend, w and perhaps a bias; ints "
        "{axis, addends}, reals {eps}";
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      const Index addends = required(a, 1, "addends");
      const Shape x = activation_shape(in, addends, a);
      const auto rest = in.subspan(static_cast<std::size_t>(3 * addends));
      if (rest.size() != 1 && rest.size() != 2)
        throw std::invalid_argument("expected w and perhaps a bias after the addends");
      if (rest.size() == 2 && rest[1].rank() != 1) throw std::invalid_argument("expected a bias of rank 1");
      std::vector<Shape> conv_in{x};
      conv_in.insert(conv_in.end(), rest.begin(), rest.end());
      return infer_conv(conv_in, {{a.ints[0]}, {}});
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const auto first = static_cast<std::size_t>(3 * a.ints[1]);
      return conv(meaning(in, a.ints[1], a.reals[0]), in[first],
                  in.size() > first + 1 ? in[first + 1] : Var(), static_cast<int>(a.ints[0]));
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return block_conv_kernel<T>(s); });
    d.cost = [](const NodeShape& s) {
      const Shape& w = s.in[static_cast<std::size_t>(3 * s.attributes->ints[1])];
      return static_cast<double>(s.in[0].size()) *
             static_cast<double>(w[0] * w[2] + 3 * s.attributes->ints[1]);
    };
    const Shape x{5, 4, 3}, m{2, 3}, o{3}, w{3, 3, 2}, b{2};
    for (Index axis : {0, 1}) {
      d.samples.push_back({{x, m, o, w, b}, {{axis, 1}, {1e-3}}, 0.3, 1.0});
      d.samples.push_back({{x, m, o, x, m, o, w}, {{axis, 2}, {1e-3}}, 0.3, 1.0});
      d.samples.push_back({{Shape{17, 33, 5}, Shape{2, 5}, Shape{5}, Shape{3, 5, 7}, Shape{7}},
                           {{axis, 1}, {1e-3}},
                           0.3,
                           1.0});
      d.samples.push_back({{Shape{36, 100, 9}, Shape{2, 9}, Shape{9}, Shape{3, 9, 10}, Shape{10}},
                           {{axis, 1}, {1e-3}},
                           0.5,
                           0.6});
      d.samples.push_back({{Shape{4, 6, 17}, Shape{2, 17}, Shape{17}, Shape{4, 6, 17}, Shape{2, 17},
                            Shape{17}, Shape{3, 17, 8}, Shape{8}},
                           {{axis, 2}, {1e-3}},
                           0.3,
                           1.0});
    }
    d.wrong = {{{x, m, o}, {{0, 1}, {1e-3}}, "expected w and perhaps a bias"},
               {{x, m, o, w, Shape{4, 3, 2}}, {{1, 1}, {1e-3}}, "a bias of rank 1"},
               {{x, m, o, w}, {{2, 1}, {1e-3}}, "axis must be 0 or 1"},
               {{x, m, o, w}, {{0}, {1e-3}}, "the attribute addends is missing"},
               {{x, m, o, Shape{3, 4, 2}}, {{1, 1}, {1e-3}}, "channels differ: x has 3, w takes 4"},
               {{x, m, Shape{2}, w}, {{1, 1}, {1e-3}}, "expected an offset of [3]"}};
    return d;
  }());
  return op;
}

// ---- block_conv_weight_reverse: ints {axis, k, addends} -----------------------------------------

const OpDef& weight_reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_conv_weight_reverse";
    d.doc =
        "Adjoint of a block_conv's weights; operands z, moments, offset of each addend and the adjoint of "
        "its output; ints {axis, k, addends}, reals {eps}";
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      const Index addends = required(a, 2, "addends");
      const Shape x = activation_shape(in, addends, a);
      if (in.size() != static_cast<std::size_t>(3 * addends + 1))
        throw std::invalid_argument("expected an adjoint after the addends");
      const Shape conv_in[] = {x, in.back()};
      return infer_conv_weight_reverse(conv_in, {{a.ints[0], a.ints[1]}, {}});
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      return conv_weight_reverse(meaning(in, a.ints[2], a.reals[0]), in.back(), a.ints[1],
                                 static_cast<int>(a.ints[0]));
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return block_conv_weight_reverse_kernel<T>(s); });
    d.cost = [](const NodeShape& s) {
      return static_cast<double>(s.in[0].size()) *
             static_cast<double>(s.out[0] * s.out[2] + 3 * s.attributes->ints[2]);
    };
    const Shape x{5, 4, 3}, m{2, 3}, o{3}, g{5, 4, 2};
    for (Index axis : {0, 1}) {
      d.samples.push_back({{x, m, o, g}, {{axis, 3, 1}, {1e-3}}, 0.3, 1.0});
      d.samples.push_back({{x, m, o, x, m, o, g}, {{axis, 3, 2}, {1e-3}}, 0.3, 1.0});
      d.samples.push_back(
          {{Shape{70, 65, 2}, Shape{2, 2}, Shape{2}, Shape{70, 65, 3}}, {{axis, 3, 1}, {1e-3}}, 0.3, 1.0});
      d.samples.push_back(
          {{Shape{36, 100, 9}, Shape{2, 9}, Shape{9}, Shape{36, 100, 10}}, {{axis, 3, 1}, {1e-3}}, 0.5, 0.6});
      d.samples.push_back({{Shape{4, 6, 17}, Shape{2, 17}, Shape{17}, Shape{4, 6, 17}, Shape{2, 17},
                            Shape{17}, Shape{4, 6, 8}},
                           {{axis, 3, 2}, {1e-3}},
                           0.3,
                           1.0});
    }
    d.wrong = {{{x, m, o}, {{0, 3, 1}, {1e-3}}, "expected an adjoint"},
               {{x, m, o, Shape{5, 3, 2}}, {{0, 3, 1}, {1e-3}}, "equal leading axes"},
               {{x, m, o, g}, {{0, 4, 1}, {1e-3}}, "must be odd"},
               {{x, m, o, g}, {{0, 3}, {1e-3}}, "the attribute addends is missing"}};
    return d;
  }());
  return op;
}

// ---- block_sums, block_reverse: the reverse of batch norm and relu ------------------------------

void expect_adjoint(std::span<const Shape> in) {
  if (in[3] != in[0]) throw std::invalid_argument("expected an adjoint of z's shape");
}

const OpDef& sums_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_sums";
    d.doc =
        "Per channel the sums of the adjoint that passes the relu, and of it times the normalised z; "
        "operands z, moments, offset, adjoint; reals {eps}";
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 4) throw std::invalid_argument("expected z, moments, offset and an adjoint");
      activation_shape(in, 1, a);
      expect_adjoint(in);
      return in[1];
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const Var passed = gate(in[3], normalise(in[0], in[1], in[2], a.reals[0]));
      const Var normal =
          normalise(in[0], in[1], broadcast_to(in[0].graph().scalar(0), in[2].shape()), a.reals[0]);
      const Shape one{1, in[2].shape()[0]};
      const Var parts[] = {reshape(leading_sum(passed), one), reshape(leading_sum(passed * normal), one)};
      return concat(parts, 0);
    };
    d.set_kernel([]<class T>(const NodeShape& s) { return block_sums_kernel<T>(s); });
    d.cost = [](const NodeShape& s) { return 4.0 * static_cast<double>(s.in[0].size()); };
    const Shape x{4, 3, 5}, m{2, 5}, o{5};
    d.samples = {{{x, m, o, x}, {{}, {1e-3}}, 0.3, 1.0},
                 {{Shape{700, 3, 17}, Shape{2, 17}, Shape{17}, Shape{700, 3, 17}}, {{}, {1e-3}}, 0.3, 1.0}};
    d.wrong = {{{x, m, o}, {{}, {1e-3}}, "expected z, moments, offset and an adjoint"},
               {{x, m, o, Shape{4, 3, 4}}, {{}, {1e-3}}, "an adjoint of z's shape"},
               {{x, m, o, x}, {{}, {-1}}, "eps, and it must be positive"}};
    return d;
  }());
  return op;
}

const OpDef& reverse_op() {
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "block_reverse";
    d.doc =
        "Adjoint of z, moments included; operands z, moments, offset, adjoint of the activation, block_sums; "
        "reals {eps}";
    d.infer = [](std::span<const Shape> in, const Attributes& a) {
      if (in.size() != 5) throw std::invalid_argument("expected z, moments, offset, an adjoint and its sums");
      activation_shape(in, 1, a);
      expect_adjoint(in);
      if (in[4] != in[1]) throw std::invalid_argument(fmt::format("expected sums of {}", in[1].to_string()));
      return in[0];
    };
    d.spec = [](std::span<const Var> in, const Attributes& a) {
      const double share = static_cast<double>(in[2].shape()[0]) / static_cast<double>(in[0].shape().size());
      const Var passed = gate(in[3], normalise(in[0], in[1], in[2], a.reals[0]));
      const Var normal =
          normalise(in[0], in[1], broadcast_to(in[0].graph().scalar(0), in[2].shape()), a.reals[0]);
      return (passed - row(in[4], 0) * share - normal * (row(in[4], 1) * share)) *
             rsqrt(row(in[1], 1) + a.reals[0]);
    };
    d.in_place = {3, 0};
    d.set_kernel([]<class T>(const NodeShape& s) { return block_reverse_kernel<T>(s); });
    d.cost = [](const NodeShape& s) { return 4.0 * static_cast<double>(s.in[0].size()); };
    const Shape x{4, 3, 5}, m{2, 5}, o{5};
    d.samples = {{{x, m, o, x, m}, {{}, {1e-3}}, 0.3, 1.0},
                 {{Shape{700, 3, 17}, Shape{2, 17}, Shape{17}, Shape{700, 3, 17}, Shape{2, 17}},
                  {{}, {1e-3}},
                  0.3,
                  1.0}};
    d.wrong = {{{x, m, o, x}, {{}, {1e-3}}, "expected z, moments, offset, an adjoint and its sums"},
               {{x, m, o, Shape{4, 3, 4}, m}, {{}, {1e-3}}, "an adjoint of z's shape"},
               {{x, m, o, x, o}, {{}, {1e-3}}, "expected sums of [2, 5]"},
               {{x, m, o, x, m}, {{}, {-1}}, "eps, and it must be positive"}};
    return d;
  }());
  return op;
}

}  // namespace

void register_conv_block_ops() {
  activation_op();
  block_conv_op();
  weight_reverse_op();
  sums_op();
  reverse_op();
}

Var block_activation(std::span<const Normalised> addends, double eps, Location at) {
  const auto in = operands_of(addends);
  return in[0].graph().record(activation_op(), in, {{static_cast<Index>(addends.size())}, {eps}}, at);
}

Var block_conv(std::span<const Normalised> addends, double eps, Var w, Var b, int axis, Location at) {
  auto in = operands_of(addends);
  in.push_back(w);
  if (b) in.push_back(b);
  return w.graph().record(block_conv_op(), in, {{axis, static_cast<Index>(addends.size())}, {eps}}, at);
}

Var block_conv_weight_reverse(std::span<const Normalised> addends, double eps, Var g, Index k, int axis,
                              Location at) {
  auto in = operands_of(addends);
  in.push_back(g);
  return g.graph().record(weight_reverse_op(), in, {{axis, k, static_cast<Index>(addends.size())}, {eps}},
                          at);
}

Var block_sums(const Normalised& n, double eps, Var adjoint, Location at) {
  const Var in[] = {n.z, n.moments, n.offset, adjoint};
  return adjoint.graph().record(sums_op(), in, {{}, {eps}}, at);
}

Var block_reverse(const Normalised& n, double eps, Var adjoint, Var sums, Location at) {
  const Var in[] = {n.z, n.moments, n.offset, adjoint, sums};
  return adjoint.graph().record(reverse_op(), in, {{}, {eps}}, at);
}

}  // namespace autodiff
