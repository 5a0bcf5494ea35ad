// One inner step of the Metz rule: top network, top-down sweep, increments (specification sections 5 to 9).
// Arrays are [unit, example, channel].
#include "metalearn/rules/metz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "autodiff/ops/batch_norm.hpp"
#include "autodiff/ops/conv.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/linear_groups.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "metalearn/rules/metz_terms.hpp"

namespace metalearn {

using namespace autodiff;

namespace {

constexpr double kBatchNormEpsilon = 1e-3;
constexpr Index kStatistics =
    9;  // inputs of the update network from a neuron's weights: eight statistics and its bias
constexpr int kUnits = 0, kExamples = 1, kChannels = 2;  // axes

// The recording of one step. Member functions follow the sections.
class Recorder {
 public:
  Recorder(const RuleConfig& c, const Theta& theta, const Phi& phi, Var x, const Probe& probe)
      : c_(c),
        theta_(theta),
        phi_(phi),
        probe_(probe),
        graph_(x.graph()),
        B_(x.shape()[1]),
        L_(phi.W.size()),
        a_(forward(phi, x, c.activation)) {}

  Phi step() {
    for (std::size_t l = 0; l <= L_; ++l) {
      probe_(fmt::format("x/{}", l), a_.x[l]);
      probe_(fmt::format("z/{}", l), a_.z[l]);
    }
    sweep();
    Phi next;
    for (std::size_t l = 1; l <= L_; ++l) {
      const Scope scope(graph_, fmt::format("increment/{}", l));
      const Var change_w = increment("forward", phi_.W[l - 1], l);
      const Var change_v = c_.identical_updates ? change_w : increment("backward", phi_.V[l - 1], l);
      const Var change_b = bias_increment(l);
      probe_(fmt::format("change_w/{}", l), change_w);
      probe_(fmt::format("change_b/{}", l), change_b);
      const auto decay = [&](Var value, Var change) {
        return value * (1 - c_.inner_rate) + change * -c_.inner_rate;
      };  // section 9
      next.W.push_back(decay(phi_.W[l - 1], change_w));
      next.V.push_back(decay(phi_.V[l - 1], change_v));
      next.b.push_back(decay(phi_.b[l - 1], change_b));
    }
    return next;
  }

 private:
  Var theta(const std::string& name) const {
    const auto found = theta_.find(name);
    if (found == theta_.end()) throw std::invalid_argument(fmt::format("[metz] theta lacks '{}'", name));
    return found->second;
  }

  Var cbr(Var x, const std::string& name, int axis) const {
    const Scope scope(graph_, name);
    return relu(batch_norm(conv(x, theta(name + "/w"), theta(name + "/b"), axis), theta(name + "/bn_offset"),
                           kBatchNormEpsilon));
  }

  // Section 5: d^L [N_L, B, D].
  Var top_network() {
    const Var x = a_.x[L_];
    Var a = cbr(reshape(x, Shape{x.shape()[0], B_, 1}), "top_delta/conv0", kExamples);
    probe_("top_delta/conv0", a);
    a = transpose(a, {2, 1, 0});  // neurons become the channels
    a = cbr(a, "top_delta/mix0", kExamples);
    a = cbr(a, "top_delta/mix1", kExamples);
    a = transpose(a, {2, 1, 0});
    probe_("top_delta/mix1", a);
    for (std::int64_t i = 1; i <= c_.P; ++i) {
      a = cbr(a, fmt::format("top_delta/conv{}", i), kExamples);
      probe_(fmt::format("top_delta/conv{}", i), a);
    }
    return conv(a, theta("top_delta/out/w"), theta("top_delta/out/b"), kExamples);
  }

  // Section 6.1: mean |w|, rms, mean and deviation over `axis` of a weight matrix, one row of four per neuron
  // of the other axis.
  Var four_statistics(Var w, int axis) const {
    const Var m = mean(w, {axis});
    const Var parts[] = {mean(abs(w), {axis}), autodiff::sqrt(mean(square(w), {axis}) + 1e-6), m,
                         autodiff::sqrt(mean(square(w - m), {axis}) + 1e-8)};
    const Var all = concat(parts, axis);
    return axis == 0 ? transpose(all) : all;
  }

  Var weight_statistics(std::size_t l) const {
    const Var incoming = l > 0 ? four_statistics(phi_.W[l - 1], 0) : Var(),
              outgoing = l < L_ ? four_statistics(phi_.W[l], 1) : Var();
    const Var parts[] = {incoming ? incoming : outgoing, outgoing ? outgoing : incoming};
    const Var s = concat(parts, 1);
    return s * rsqrt(mean_all(square(s)) + 1e-6);
  }

  // Section 6.2: sin and cos of a label that distinguishes neurons, [N, 1, 2].
  Var phases(Index n) const {
    std::vector<double> values;
    for (Index i = 0; i < n; ++i) {
      const double phase = 4 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n - 1);
      values.push_back(std::sin(phase));
      values.push_back(std::cos(phase));
    }
    return graph_.constant(Shape{n, 1, 2}, std::move(values));
  }

  // Convolution along the examples of a value v [N, C] that is the same for all of them: at the first
  // example, those in between and the last, [N, min(3, B), O]. Padding is zero, so the first lacks the tap
  // before it and the last the tap after it.
  Var constant_conv(Var v, Var w, Var b) const {
    const Index C = w.shape()[1], O = w.shape()[2], rows = std::min<Index>(3, B_);  // B >= 2
    const auto tap = [&](Index j) { return reshape(slice(w, 0, j, j + 1), Shape{C, O}); };
    const Var first = tap(1) + tap(2), last = tap(0) + tap(1);
    const Var parts[] = {first, rows == 3 ? first + tap(0) : last, last};
    return reshape(matmul(v, concat(std::span(parts, static_cast<std::size_t>(rows)), 1)),
                   Shape{v.shape()[0], rows, O}) +
           b;
  }

  // Sections 6.2 to 6.4: h^l [N_l, B, H].
  Var hidden(std::size_t l, Var d) {
    const Scope scope(graph_, fmt::format("h/{}", l));
    const Index n = a_.x[l].shape()[0];
    const Shape per_example{n, B_, 1};
    // Inputs are the statistics and the bias (the same for all examples), then x, z, the phases (also the
    // same for all) and d. Batch norm is per channel.
    const Var offset = theta("compute_h/in/bn_offset"), x = reshape(a_.x[l], per_example),
              z = reshape(a_.z[l], per_example);
    const auto pieces = [](Var v, int axis, Index skip) {  // the parts for x and z, the phases, and d
      const Index end = v.shape()[axis];
      return std::array{slice(v, axis, skip, skip + 2), slice(v, axis, skip + 2, skip + 4),
                        slice(v, axis, skip + 4, end)};
    };
    const auto [offset_xz, offset_phases, offset_d] = pieces(offset, 0, 0);
    const Var varied = batch_norm(concat(std::vector{x, z, d}, kChannels),
                                  concat(std::vector{offset_xz, offset_d}, 0), kBatchNormEpsilon);
    const Var phase = batch_norm(phases(n), offset_phases, kBatchNormEpsilon);
    const Var s = weight_statistics(l);
    const Var bias =
        l > 0 ? reshape(phi_.b[l - 1], Shape{n, 1}) : broadcast_to(graph_.scalar(0), Shape{n, 1});
    const Var fixed = concat(std::vector{s, bias, reshape(phase, Shape{n, 2})}, 1);
    const Var w = theta("compute_h/conv0/w");
    const auto [w_xz, w_phases, w_d] = pieces(w, 1, kStatistics);
    const Var from_fixed = constant_conv(fixed, concat(std::vector{slice(w, 1, 0, kStatistics), w_phases}, 1),
                                         theta("compute_h/conv0/b"));
    Var a = relu(batch_norm(conv(varied, concat(std::vector{w_xz, w_d}, 1), from_fixed, kExamples),
                            theta("compute_h/conv0/bn_offset"), kBatchNormEpsilon));
    probe_(fmt::format("compute_h/{}/weight_stats", l), s);
    const auto for_all = [&](Var v) {
      return broadcast_to(reshape(v, Shape{n, 1, v.shape().size() / n}), Shape{n, B_, v.shape().size() / n});
    };
    const std::vector<Var> input{for_all(s), for_all(bias), slice(varied, kChannels, 0, 2), for_all(phase),
                                 slice(varied, kChannels, 2, 2 + c_.D)};
    probe_(fmt::format("compute_h/{}/input", l), concat(input, kChannels));
    for (std::int64_t i = 0; i <= c_.Q; ++i) {
      if (i > 0) a = cbr(a, fmt::format("compute_h/conv{}", i), kExamples);
      probe_(fmt::format("compute_h/{}/conv{}", l, i), a);
      Var u = cbr(a, fmt::format("compute_h/unit{}/conv0", i), kUnits);
      u = cbr(u, fmt::format("compute_h/unit{}/conv1", i), kUnits);
      a = a + u;
      probe_(fmt::format("compute_h/{}/unit{}", l, i), a);
    }
    probe_(fmt::format("h/{}", l), a);
    return a;
  }

  // All linear readouts of h^l as one product, each in its own memory; readouts_[l][name] [N_l, B, channels].
  void read_out(std::size_t l, Var h) {
    const Scope scope(graph_, fmt::format("readout/{}", l));
    std::vector<std::string> names;
    if (l > 0) names = {"error_prop", "bias_readout"};
    for (const char* direction : {"forward", "backward"}) {
      if (c_.identical_updates && direction[0] == 'b') continue;
      if (l > 0)
        for (const char* r : kUpperReadouts) names.push_back(fmt::format("{}/readout/{}", direction, r));
      if (l < L_)
        for (const char* r : kLowerReadouts) names.push_back(fmt::format("{}/readout/{}", direction, r));
    }
    std::vector<Var> w, b;
    for (const auto& name : names) {
      w.push_back(theta(name + "/w"));
      b.push_back(theta(name + "/b"));
    }
    std::vector<Index> widths;
    for (const Var& bias : b) widths.push_back(bias.shape()[0]);
    const Index n = h.shape()[0], rows = n * B_;
    const Var all = linear_groups(reshape(h, Shape{rows, c_.H}), concat(w, 1), concat(b, 0), widths);
    Index at = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      readouts_[l][names[i]] =
          reshape(slice(all, 0, rows * at, rows * (at + widths[i])), Shape{n, B_, widths[i]});
      at += widths[i];
    }
  }

  // Section 7.
  void sweep() {
    readouts_.resize(L_ + 1);
    Var d = top_network();
    probe_(fmt::format("d/{}", L_), d);
    for (std::size_t l = L_; l >= 1; --l) {
      read_out(l, hidden(l, d));
      const Index n = a_.z[l].shape()[0], below = phi_.V[l - 1].shape()[0];
      const Var delta = d * reshape(sigmoid(a_.z[l]), Shape{n, B_, 1}) + readouts_[l].at("error_prop");
      probe_(fmt::format("delta/{}", l), delta);
      const Var t =
          reshape(matmul(phi_.V[l - 1], reshape(delta, Shape{n, B_ * c_.D})), Shape{below, B_, c_.D});
      d = t * rsqrt(mean(square(t), {kChannels}) + 1e-6);
      probe_(fmt::format("d/{}", l - 1), d);
    }
    read_out(0, hidden(0, d));
  }

  // Section 8.
  Var increment(const std::string& direction, Var weights, std::size_t l) {
    const auto readout = [this, direction](std::size_t layer) {
      return [this, direction, layer](const std::string& name) {
        const Var r = readouts_[layer].at(fmt::format("{}/readout/{}", direction, name));
        return reshape(r, Shape{r.shape()[0], B_ * c_.G});
      };
    };
    const LayerView view{weights,
                         a_.x[l - 1],
                         a_.x[l],
                         readout(l - 1),
                         readout(l),
                         theta(direction + "/merge/w"),
                         theta(direction + "/merge/b"),
                         static_cast<double>(B_),
                         static_cast<double>(c_.G)};
    return weight_increment(view, [&](const std::string& term, Var value) {
      if (direction == "forward") probe_(fmt::format("terms/{}/{}", l, term), value);
    });
  }

  // Section 8.4.
  Var bias_increment(std::size_t l) {
    const Var r = readouts_[l].at("bias_readout");
    Var c = mean(reshape(r, Shape{r.shape()[0], B_}), {1});
    c = c + relu(-mean_all(c));
    c = c * rsqrt(mean_all(square(c)) + 0.5);
    return reshape(c, Shape{r.shape()[0]});
  }

  const RuleConfig& c_;
  const Theta& theta_;
  const Phi& phi_;
  const Probe& probe_;
  Graph& graph_;
  const Index B_;
  const std::size_t L_;
  const Activity a_;
  std::vector<std::map<std::string, Var>> readouts_;
};

}  // namespace

Phi MetzRule::step(const Theta& theta, const Phi& phi, Var x, const Probe& probe) const {
  if (phi.W.back().shape()[1] != c_.N_L)
    throw std::invalid_argument(fmt::format("[metz] the base model's top width is {}, theta is made for {}",
                                            phi.W.back().shape()[1], c_.N_L));
  for (const Var& w : phi.W)
    if (w.shape()[0] < 2) throw std::invalid_argument("[metz] every layer needs at least 2 units");
  return Recorder(c_, theta, phi, x, probe).step();
}

}  // namespace metalearn
