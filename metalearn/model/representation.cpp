#include "metalearn/model/representation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "metalearn/model/activation.hpp"
#include "metalearn/model/base_model.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/model/tensor_list.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

constexpr std::int64_t kChunk = 512;  // examples computed at a time; results do not depend on it

/// Mean of one unit over the examples so far, and the sum of squared distances from it; chunks are combined
/// by the formula of Chan, Golub and LeVeque (1979).
struct Running {
  double count = 0, mean = 0, squares = 0;
  void join(std::span<const float> values) {
    const auto n = static_cast<double>(values.size());
    double m = 0, s = 0;
    for (const float v : values) m += static_cast<double>(v) / n;
    for (const float v : values) s += (static_cast<double>(v) - m) * (static_cast<double>(v) - m);
    const double delta = m - mean, all = count + n;
    mean += delta * n / all;
    squares += s + delta * delta * count * n / all;
    count = all;
  }
};

/// Column e of x [rows, columns] as row `to` of out [.., rows].
void copy_column(std::span<const float> x, std::int64_t columns, std::int64_t e, std::int64_t to,
                 std::span<float> out) {
  const auto rows = static_cast<std::int64_t>(x.size()) / columns;
  for (std::int64_t j = 0; j < rows; ++j)
    out[static_cast<std::size_t>(to * rows + j)] = x[static_cast<std::size_t>(j * columns + e)];
}

}  // namespace

Representation::Representation(std::vector<std::int64_t> widths, Activation activation,
                               std::vector<float> phi, int threads)
    : widths_(std::move(widths)),
      activation_(activation),
      spec_(phi_spec(widths_)),
      phi_(std::move(phi)),
      parallel_(threads) {
  if (static_cast<std::int64_t>(phi_.size()) != spec_.size)
    throw std::invalid_argument(
        fmt::format("[Representation] expected a phi of {} numbers, found {}", spec_.size, phi_.size()));
}

/// Computes the first `layers` layers with fixed statistics, then a of the next one; after all L layers, the
/// features. Inputs: W, b, mean, scale of all layers used, x.
Plan<float> Representation::compile(std::size_t layers) const {
  const std::size_t L = widths_.size() - 1;
  Graph graph;
  std::vector<Var> inputs;
  const auto input = [&](Shape shape, const char* name) {
    return inputs.emplace_back(graph.input(shape, name));
  };
  Var x;
  std::vector<Var> W, b, mean, scale;
  for (std::size_t l = 0; l < std::min(layers + 1, L); ++l)
    W.push_back(input(Shape{widths_[l], widths_[l + 1]}, "W"));
  for (std::size_t l = 0; l < layers; ++l) {
    b.push_back(input(Shape{widths_[l + 1], 1}, "b"));
    mean.push_back(input(Shape{widths_[l + 1], 1}, "mean"));
    scale.push_back(input(Shape{widths_[l + 1], 1}, "scale"));
  }
  x = input(Shape{widths_[0], kChunk}, "x");
  for (std::size_t l = 0; l < layers; ++l)
    x = activate((matmul(W[l], x, Transposed::yes) - mean[l]) * scale[l] + b[l], activation_);
  return Plan<float>(inputs, std::vector{layers < L ? matmul(W[layers], x, Transposed::yes) : x});
}

void Representation::run(const Plan<float>& plan, std::size_t layers, std::span<const float> x,
                         std::span<float> out) {
  const std::size_t L = widths_.size() - 1;
  std::vector<const float*> in;
  const auto tensor = [&](char kind, std::size_t l) {
    return phi_.data() + spec_.find(fmt::format("{}/{}", kind, l + 1))->offset;
  };
  for (std::size_t l = 0; l < std::min(layers + 1, L); ++l) in.push_back(tensor('W', l));
  for (std::size_t l = 0; l < layers; ++l)
    in.insert(in.end(), {tensor('b', l), moments_[l].mean.data(), scales_[l].data()});
  in.push_back(x.data());
  plan.run(in, std::vector{out.data()}, arena_, parallel_);
}

void Representation::fix_statistics(std::int64_t n, const Source& source) {
  moments_.clear();
  scales_.clear();
  std::vector<float> x(static_cast<std::size_t>(widths_[0] * kChunk));
  for (std::size_t layer = 0; layer + 1 < widths_.size(); ++layer) {
    const auto units = static_cast<std::size_t>(widths_[layer + 1]);
    const Plan<float> plan = compile(layer);
    std::vector<float> a(units * kChunk);
    std::vector<Running> running(units);
    for (std::int64_t first = 0; first < n; first += kChunk) {
      const std::int64_t count = std::min(kChunk, n - first);
      std::fill(x.begin(), x.end(), 0.0f);
      source(first, count, kChunk, x);
      run(plan, layer, x, a);
      for (std::size_t j = 0; j < units; ++j)
        running[j].join(std::span(a).subspan(j * kChunk, static_cast<std::size_t>(count)));
    }
    LayerMoments moments;
    std::vector<float> scale;
    for (const Running& r : running) {
      const double variance = r.squares / r.count;
      moments.mean.push_back(static_cast<float>(r.mean));
      moments.variance.push_back(static_cast<float>(variance));
      scale.push_back(static_cast<float>(1 / std::sqrt(variance + kBaseBatchNormEpsilon)));
    }
    moments_.push_back(std::move(moments));
    scales_.push_back(std::move(scale));
  }
}

std::vector<float> Representation::features(std::int64_t n, const Source& source) {
  const std::size_t L = widths_.size() - 1;
  if (moments_.size() != L)
    throw std::invalid_argument("[Representation::features] expected fixed statistics");
  const Plan<float> plan = compile(L);
  std::vector<float> x(static_cast<std::size_t>(widths_[0] * kChunk)),
      top(static_cast<std::size_t>(widths_[L] * kChunk)), out(static_cast<std::size_t>(n * widths_[L]));
  for (std::int64_t first = 0; first < n; first += kChunk) {
    const std::int64_t count = std::min(kChunk, n - first);
    std::fill(x.begin(), x.end(), 0.0f);
    source(first, count, kChunk, x);
    run(plan, L, x, top);
    for (std::int64_t e = 0; e < count; ++e) copy_column(top, kChunk, e, first + e, out);
  }
  return out;
}

std::vector<float> Representation::batch_features(std::int64_t n, std::int64_t batch, const Source& source) {
  if (batch < 2 || batch > n)
    throw std::invalid_argument(
        fmt::format("[Representation::batch_features] expected a batch of 2 .. {}, found {}", n, batch));
  Graph graph;
  std::vector<Var> phi;
  std::vector<const float*> in;
  for (const TensorSpec& t : spec_.tensors) {
    phi.push_back(graph.input(Shape(std::span<const Index>(t.shape)), t.name));
    in.push_back(phi_.data() + t.offset);
  }
  std::vector<Var> inputs = phi;
  inputs.push_back(graph.input(Shape{widths_[0], batch}, "x"));
  const Plan<float> plan(inputs,
                         std::vector{forward(Phi::from_flat(phi), inputs.back(), activation_).x.back()});
  std::vector<float> x(static_cast<std::size_t>(widths_[0] * batch)),
      top(static_cast<std::size_t>(widths_.back() * batch)),
      out(static_cast<std::size_t>(n * widths_.back()));
  in.push_back(x.data());
  for (std::int64_t done = 0; done < n; done += batch) {
    const std::int64_t first = std::min(done, n - batch);
    source(first, batch, batch, x);
    plan.run(in, std::vector{top.data()}, arena_, parallel_);
    for (std::int64_t e = done - first; e < batch; ++e) copy_column(top, batch, e, first + e, out);
  }
  return out;
}

}  // namespace metalearn
