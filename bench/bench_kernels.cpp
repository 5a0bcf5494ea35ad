// bench_kernels: every important kernel at the shapes of the presets, for every instruction set level of this
// machine. Products are given in per cent of the level's own FMA peak, calibrated in the same run;
// memory-bound kernels in GB/s.
//
// Shapes are units x examples x channels. Convolutions and their gradients appear twice: under op/ as a plan
// runs them, only at the level in use (METALEARN_ISA chooses it), and at every level as plain sums of
// products.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "autodiff/kernels/kernels.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "bench/peak.hpp"
#include "bench/timing.hpp"

namespace bench {
namespace {

using autodiff::kernels::Binary;
using autodiff::kernels::Index;
using autodiff::kernels::Unary;
using Table = autodiff::kernels::Kernels<float>;
using Product = autodiff::kernels::Product<float>;

/// Four arrays of `size` numbers between 0.5 and 1.5.
class Arrays {
 public:
  explicit Arrays(Index size) : stride_(static_cast<std::size_t>(size + kPad) / kPad * kPad) {
    arena_.reserve(4 * stride_ * sizeof(float));
    for (std::size_t i = 0; i < 4 * stride_; ++i)
      at(0)[i] = 0.5f + static_cast<float>(i * 2654435761u % 1024) / 1024;
  }
  float* at(std::size_t i) const { return reinterpret_cast<float*>(arena_.data()) + i * stride_; }

 private:
  static constexpr Index kPad = 64;  // numbers: keeps the arrays aligned
  std::size_t stride_;
  autodiff::Arena arena_;
};

using Work = std::function<void(const Table&, const Arrays&)>;

struct Case {
  std::string name;
  Index size;        ///< numbers of the largest array
  double flops = 0;  ///< two per multiply-add; 0 for memory-bound kernels
  double bytes = 0;  ///< read and written
  Work work;
};

double times(std::initializer_list<Index> factors) {
  double product = 1;
  for (Index f : factors) product *= static_cast<double>(f);
  return product;
}

// ---- products -----------------------------------------------------------------------------------

/// Convolution of three along the units: per unit a sum of products with the slabs below, at and above it.
Case conv_units(Index U, Index B, Index C) {
  return {fmt::format("conv_units/{}x{}x{}", U, B, C), U * B * C, 2 * times({3 * U - 2, B, C, C}), 0,
          [=](const Table& t, const Arrays& arrays) {
            const float *x = arrays.at(0), *w = arrays.at(1);
            for (Index u = 0; u < U; ++u) {
              const Index first = u == 0 ? 1 : 0, last = u == U - 1 ? 2 : 3;
              const float *a[3], *b[3];
              for (Index j = first; j < last; ++j)
                a[j - first] = x + (u + j - 1) * B * C, b[j - first] = w + j * C * C;
              t.product({.M = B,
                         .N = C,
                         .K = C,
                         .terms = last - first,
                         .a = a,
                         .a_row = C,
                         .b = b,
                         .ldb = C,
                         .c = arrays.at(2) + u * B * C,
                         .ldc = C,
                         .bias = arrays.at(3)});
            }
          }};
}

/// Along the examples: overlapping rows, and the two at the ends.
Case conv_examples(Index U, Index B, Index C) {
  return {fmt::format("conv_examples/{}x{}x{}", U, B, C), U * B * C, 2 * times({U, 3 * B - 2, C, C}), 0,
          [=](const Table& t, const Arrays& arrays) {
            const auto rows = [&](Index u, Index row, Index count, Index tap, Index taps) {
              const float *a = arrays.at(0) + (u * B + row + tap - 1) * C, *b = arrays.at(1) + tap * C * C;
              t.product({.M = count,
                         .N = C,
                         .K = taps * C,
                         .a = &a,
                         .a_row = C,
                         .b = &b,
                         .ldb = C,
                         .c = arrays.at(2) + (u * B + row) * C,
                         .ldc = C,
                         .bias = arrays.at(3)});
            };
            for (Index u = 0; u < U; ++u) {
              rows(u, 0, 1, 1, 2);
              rows(u, 1, B - 2, 0, 3);
              rows(u, B - 1, 1, 0, 2);
            }
          }};
}

void weight_product(const Table& t, const float* x, const float* g, Index positions, Index C, float* dw) {
  t.product({.M = C,
             .N = C,
             .K = positions,
             .a = &x,
             .a_row = 1,
             .a_col = C,
             .b = &g,
             .ldb = C,
             .c = dw,
             .ldc = C,
             .accumulate = true});
}

/// Gradient of the weights of conv_units: chunks of about 2048 positions, each with its own sum.
Case weights_units(Index U, Index B, Index C) {
  return {fmt::format("weights_units/{}x{}x{}", U, B, C), U * B * C, 2 * times({3 * U - 2, B, C, C}), 0,
          [=](const Table& t, const Arrays& arrays) {
            const Index slabs = std::max<Index>(1, 2048 / B);
            for (Index u = 0; u < U; u += slabs)
              for (Index j = 0; j < 3; ++j) {
                const Index first = std::max(u, 1 - j), last = std::min({u + slabs, U, U + 1 - j});
                weight_product(t, arrays.at(0) + (first + j - 1) * B * C, arrays.at(1) + first * B * C,
                               (last - first) * B, C, arrays.at(2) + j * C * C);
              }
          }};
}

Case weights_examples(Index U, Index B, Index C) {
  return {fmt::format("weights_examples/{}x{}x{}", U, B, C), U * B * C, 2 * times({U, 3 * B - 2, C, C}), 0,
          [=](const Table& t, const Arrays& arrays) {
            for (Index j = 0; j < 3; ++j)
              for (Index u = 0; u < U; ++u) {
                const Index first = std::max<Index>(0, 1 - j), last = std::min(B, B + 1 - j);
                weight_product(t, arrays.at(0) + (u * B + first + j - 1) * C,
                               arrays.at(1) + (u * B + first) * C, last - first, C, arrays.at(2) + j * C * C);
              }
          }};
}

/// c [M, N] = a [M, K] b [K, N].
Case product_nn(const std::string& name, Index M, Index N, Index K) {
  return {
      fmt::format("{}/{}x{}x{}", name, M, N, K), std::max({M * K, K * N, M * N}), 2 * times({M, N, K}), 0,
      [=](const Table& t, const Arrays& arrays) {
        const float *a = arrays.at(0), *b = arrays.at(1);
        t.product(
            {.M = M, .N = N, .K = K, .a = &a, .a_row = K, .b = &b, .ldb = N, .c = arrays.at(2), .ldc = N});
      }};
}

/// c [M, N] = a [M, K] b^T, b [N, K], which is transposed first.
Case product_nt(const std::string& name, Index M, Index N, Index K) {
  return {
      fmt::format("{}/{}x{}x{}", name, M, N, K), std::max({M * K, K * N, M * N}), 2 * times({M, N, K}), 0,
      [=](const Table& t, const Arrays& arrays) {
        const float *a = arrays.at(0), *b = arrays.at(3);
        t.transpose(N, K, arrays.at(1), K, arrays.at(3), N);
        t.product(
            {.M = M, .N = N, .K = K, .a = &a, .a_row = K, .b = &b, .ldb = N, .c = arrays.at(2), .ldc = N});
      }};
}

/// c [M, N] += a^T b, a [K, M], b [K, N], in chunks of 2048 of the sum.
Case product_tn(const std::string& name, Index M, Index N, Index K) {
  return {fmt::format("{}/{}x{}x{}", name, M, N, K), std::max({M * K, K * N, M * N}), 2 * times({M, N, K}), 0,
          [=](const Table& t, const Arrays& arrays) {
            for (Index k = 0; k < K; k += 2048) {
              const float *a = arrays.at(0) + k * M, *b = arrays.at(1) + k * N;
              t.product({.M = M,
                         .N = N,
                         .K = std::min<Index>(2048, K - k),
                         .a = &a,
                         .a_row = 1,
                         .a_col = M,
                         .b = &b,
                         .ldb = N,
                         .c = arrays.at(2),
                         .ldc = N,
                         .accumulate = true});
            }
          }};
}

// ---- memory-bound kernels -----------------------------------------------------------------------

Case unary(const char* name, Unary f, Index n) {
  return {fmt::format("{}/{}", name, n), n, 0, 8 * times({n}), [=](const Table& t, const Arrays& arrays) {
            t.unary(f, n, arrays.at(0), arrays.at(1), 0.5f, 0.5f);
          }};
}

Case binary(const char* name, Binary f, Index n) {
  return {fmt::format("{}/{}", name, n), n, 0, 12 * times({n}), [=](const Table& t, const Arrays& arrays) {
            t.binary(f, n, arrays.at(0), 1, arrays.at(1), 1, arrays.at(2));
          }};
}

/// A kernel over rows of C channels; `arrays_moved`: number of arrays as long as the rows. The statistics, C
/// numbers each, are in the last array.
Case rows(const char* name, Index R, Index C, Index arrays_moved,
          const std::function<void(const Table&, const Arrays&, float* statistics)>& work) {
  return {fmt::format("{}/{}x{}", name, R, C), std::max(R * C, 5 * C), 0, 4 * times({arrays_moved, R, C}),
          [=](const Table& t, const Arrays& arrays) { work(t, arrays, arrays.at(3)); }};
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (Index C : {16, 32, 64})
    for (auto [U, B] : {std::pair<Index, Index>{128, 128}, {32, 64}})
      for (auto make : {conv_units, conv_examples, weights_units, weights_examples})
        all.push_back(make(U, B, C));
  for (Index rows_of_h : {32 * 64, 128 * 128}) {
    all.push_back(product_nn("readout", rows_of_h, 93, 64));
    all.push_back(product_nn("readout_adjoint", rows_of_h, 64, 93));
    all.push_back(product_tn("readout_weights", 64, 93, rows_of_h));
  }
  all.push_back(product_nt("low_rank", 32, 32, 4 * 64));
  all.push_back(product_nt("low_rank", 196, 32, 4 * 64));
  all.push_back(product_nt("low_rank", 128, 128, 4 * 128));
  all.push_back(product_nt("low_rank", 1024, 1024, 4 * 128));
  all.push_back(product_nn("low_rank_adjoint", 128, 4 * 128, 128));
  all.push_back(product_nn("low_rank_adjoint", 1024, 4 * 128, 1024));
  all.push_back(product_nn("top_down", 128, 128 * 32, 128));  // V delta
  all.push_back(product_nn("weights_times", 1024, 1024, 1024));
  for (Index n : {16 * 1024, 4 * 1024 * 1024}) {
    for (auto [name, f] : {std::pair{"relu", Unary::relu},
                           {"square", Unary::square},
                           {"affine", Unary::affine},
                           {"exp", Unary::exp},
                           {"sigmoid", Unary::sigmoid},
                           {"rsqrt", Unary::rsqrt}})
      all.push_back(unary(name, f, n));
    for (auto [name, f] : {std::pair{"add", Binary::add}, {"mul", Binary::mul}, {"gate", Binary::gate}})
      all.push_back(binary(name, f, n));
  }
  for (Index C : {16, 64})
    for (Index R : {1024, 128 * 128}) {
      all.push_back(rows("sum_rows", R, C, 1, [=](const Table& t, const Arrays& a, float* s) {
        t.sum_rows(R, C, a.at(0), C, s);
      }));
      all.push_back(rows("sum", R, C, 1,
                         [=](const Table& t, const Arrays& a, float* s) { *s = t.sum(R * C, a.at(0)); }));
      all.push_back(rows("moments", R, C, 2, [=](const Table& t, const Arrays& a, float* s) {
        t.moments(R, C, a.at(0), s, s + C);
      }));
      all.push_back(rows("normalise_relu", R, C, 2, [=](const Table& t, const Arrays& a, float* s) {
        t.normalise(R, C, a.at(0), s, s + C, s + 2 * C, true, a.at(1));
      }));
      all.push_back(rows("normalise_reverse_sums", R, C, 2, [=](const Table& t, const Arrays& a, float* s) {
        t.normalise_reverse_sums(R, C, a.at(0), s, s + C, nullptr, a.at(1), s + 2 * C, s + 3 * C);
      }));
      all.push_back(rows("normalise_reverse", R, C, 3, [=](const Table& t, const Arrays& a, float* s) {
        t.normalise_reverse(R, C, a.at(0), s, s + C, nullptr, s + 2 * C, s + 3 * C, a.at(1), a.at(2));
      }));
    }
  return all;
}

double peak_of(const std::string& level) {
  static std::map<std::string, double> known;
  const auto found = known.find(level);
  return found != known.end() ? found->second : known[level] = peak_gflops(level);
}

/// Times `work` and reports flops, or bytes if there are none.
template <class Work>
void measure(benchmark::State& state, const std::string& level, double flops, double bytes,
             const Work& work) {
  const double peak = flops > 0 ? peak_of(level) : 0;
  work();
  const double ms = processor_time_once([&] {
    for (auto _ : state) {
      work();
      benchmark::ClobberMemory();
    }
  });
  const double seconds = ms * 1e-3 / static_cast<double>(state.iterations());
  if (flops > 0) {
    state.counters["GFLOP/s"] = flops / seconds * 1e-9;
    state.counters["%peak"] = flops / seconds * 1e-7 / peak;
  } else {
    state.counters["GB/s"] = bytes / seconds * 1e-9;
  }
}

void measure_kernel(benchmark::State& state, const Case& c, const std::string& level) {
  const Table& table = *autodiff::kernels::table<float>(level.c_str());
  const Arrays arrays(c.size);
  measure(state, level, c.flops, c.bytes, [&] { c.work(table, arrays); });
}

// ---- convolutions as a plan runs them -----------------------------------------------------------

enum class Part { forward, input, weights };  // y, the adjoint of x, the adjoint of w

/// At the level in use; counted as the plain sums of products, whatever the algorithm, so more than 100 % of
/// peak is possible.
void measure_conv(benchmark::State& state, Index U, Index B, Index C, int axis, Part part) {
  using namespace autodiff;
  Graph graph;
  const Var x = graph.input(Shape{U, B, C}, "x"), w = graph.input(Shape{3, C, C}, "w"),
            b = graph.input(Shape{C}, "b"), g = graph.input(Shape{U, B, C}, "g");
  const Var y = conv(x, w, b, axis), wrt = part == Part::input ? x : w;
  const Var out = part == Part::forward
                      ? y
                      : differentiate(std::span(&y, 1), std::span(&g, 1), std::span(&wrt, 1)).front();
  const Var inputs[] = {x, w, b, g};
  const Plan<float> plan(inputs, std::span(&out, 1));

  const Arrays arrays(std::max(U * B * C, 3 * C * C));
  const float* const in[] = {arrays.at(0), arrays.at(1), arrays.at(1), arrays.at(2)};
  float* const outputs[] = {arrays.at(3)};
  Arena arena;
  const Parallel serial(1);
  const Index positions = axis == 0 ? (3 * U - 2) * B : U * (3 * B - 2);
  measure(state, kernels::active<float>().isa, 2 * times({positions, C, C}), 0,
          [&] { plan.run(in, outputs, arena, serial); });
}

void register_convs() {
  const std::string level = autodiff::kernels::active<float>().isa;
  for (Index C : {16, 32, 64})
    for (auto [U, B] : {std::pair<Index, Index>{128, 128}, {32, 64}})
      for (int axis : {0, 1})
        for (auto [name, part] : {std::pair{"forward", Part::forward},
                                  {"input_adjoint", Part::input},
                                  {"weights_adjoint", Part::weights}})
          benchmark::RegisterBenchmark(
              fmt::format("op/conv_{}_{}/{}x{}x{}/{}", axis == 0 ? "units" : "examples", name, U, B, C, level)
                  .c_str(),
              measure_conv, U, B, C, axis, part);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  bench::register_convs();
  for (const auto& c : bench::cases())
    for (const auto& level : bench::levels())
      benchmark::RegisterBenchmark(fmt::format("{}/{}", c.name, level).c_str(), bench::measure_kernel, c,
                                   level);
  return benchmark::RunSpecifiedBenchmarks() > 0 ? 0 : 64;
}
