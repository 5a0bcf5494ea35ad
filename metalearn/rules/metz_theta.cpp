// theta of the Metz rule: names, shapes, initial values (specification section 3.1).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "metalearn/base/random.hpp"
#include "metalearn/rules/metz.hpp"
#include "metalearn/rules/metz_terms.hpp"

namespace metalearn {

namespace {
constexpr float kInitialMerge = 0.1f;
constexpr std::int64_t kFixedInputs = 13;  // section 6.3: 8 statistics, the bias, x, z, sin, cos
}  // namespace

MetzRule::MetzRule(RuleConfig config) : c_(std::move(config)) {
  for (auto [name, value, least] : {std::tuple<const char*, std::int64_t, std::int64_t>{"H", c_.H, 1},
                                    {"Q", c_.Q, 0},
                                    {"S", c_.S, 1},
                                    {"P", c_.P, 0},
                                    {"D", c_.D, 1},
                                    {"G", c_.G, 1},
                                    {"N_L", c_.N_L, 2}})
    if (value < least)
      throw std::invalid_argument(fmt::format("{} must be at least {}, found {}", name, least, value));
}

TensorList MetzRule::theta_spec() const {
  TensorList list;
  const auto cbr = [&](const std::string& name, std::int64_t k, std::int64_t in, std::int64_t out) {
    list.add(name + "/w", {k, in, out});
    list.add(name + "/b", {out});
    list.add(name + "/bn_offset", {out});
  };
  const auto linear = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    list.add(name + "/w", {in, out});
    list.add(name + "/b", {out});
  };
  cbr("top_delta/conv0", 5, 1, c_.S);
  cbr("top_delta/mix0", 3, c_.N_L, c_.N_L);
  cbr("top_delta/mix1", 3, c_.N_L, c_.N_L);
  for (std::int64_t i = 1; i <= c_.P; ++i) cbr(fmt::format("top_delta/conv{}", i), 3, c_.S, c_.S);
  list.add("top_delta/out/w", {3, c_.S, c_.D});
  list.add("top_delta/out/b", {c_.D});
  list.add("compute_h/in/bn_offset", {4 + c_.D});
  for (std::int64_t i = 0; i <= c_.Q; ++i) {
    cbr(fmt::format("compute_h/conv{}", i), 3, i == 0 ? kFixedInputs + c_.D : c_.H, c_.H);
    for (int j : {0, 1}) cbr(fmt::format("compute_h/unit{}/conv{}", i, j), 3, c_.H, c_.H);
  }
  linear("error_prop", c_.H, c_.D);
  linear("bias_readout", c_.H, 1);
  for (const char* direction : {"forward", "backward"}) {
    if (c_.identical_updates && direction[0] == 'b') continue;
    for (const char* r : kUpperReadouts) linear(fmt::format("{}/readout/{}", direction, r), c_.H, c_.G);
    for (const char* r : kLowerReadouts) linear(fmt::format("{}/readout/{}", direction, r), c_.H, c_.G);
    linear(fmt::format("{}/merge", direction), static_cast<std::int64_t>(kTerms.size()), 1);
  }
  return list;
}

std::vector<float> MetzRule::initial_theta(std::uint64_t seed) const {
  const TensorList spec = theta_spec();
  std::vector<float> theta(static_cast<std::size_t>(spec.size), 0.0f);
  for (std::size_t i = 0; i < spec.tensors.size(); ++i) {
    const TensorSpec& t = spec.tensors[i];
    if (!t.name.ends_with("/w")) continue;  // biases and offsets start at zero
    const bool merge = t.name.ends_with("merge/w");
    const double deviation =
        1 / std::sqrt(static_cast<double>(t.size() / t.shape.back()));  // fan-in: all but the output channels
    Random random(seed, i, purpose("theta"));
    for (std::int64_t e = 0; e < t.size(); ++e)
      theta[static_cast<std::size_t>(t.offset + e)] =
          merge ? kInitialMerge : static_cast<float>(random.truncated_normal(deviation));
  }
  return theta;
}

namespace {

/// Reads the extent of a tensor's `axis`, if there is such a tensor and axis.
void read_size(const ThetaShapes& shapes, const std::string& name, std::size_t axis, std::int64_t& size) {
  if (const auto shape = shapes.find(name); shape != shapes.end() && shape->second.size() > axis)
    size = shape->second[axis];
}

/// Number of tensors PREFIX1/w, PREFIX2/w, ...
std::int64_t count_layers(const ThetaShapes& shapes, const std::string& prefix) {
  std::int64_t count = 0;
  while (shapes.contains(fmt::format("{}{}/w", prefix, count + 1))) ++count;
  return count;
}

/// Follows specification section 3.1.
void read_sizes(const ThetaShapes& shapes, RuleConfig& c) {
  read_size(shapes, "top_delta/conv0/w", 2, c.S);
  read_size(shapes, "top_delta/mix0/w", 1, c.N_L);
  read_size(shapes, "top_delta/out/w", 2, c.D);
  read_size(shapes, "compute_h/conv0/w", 2, c.H);
  read_size(shapes, "forward/readout/0_order/top/w", 1, c.G);
  c.P = count_layers(shapes, "top_delta/conv");
  c.Q = count_layers(shapes, "compute_h/conv");
  c.identical_updates = std::none_of(shapes.begin(), shapes.end(),
                                     [](const auto& t) { return t.first.starts_with("backward/"); });
}

std::string sizes(const RuleConfig& c) {
  return fmt::format("H={} Q={} S={} P={} D={} G={}{}", c.H, c.Q, c.S, c.P, c.D, c.G,
                     c.identical_updates ? "" : ", W and V changed apart,");
}

}  // namespace

extern const UpdateRuleKind kMetz{
    .name = "metz",
    .method = "learned",
    .summary = "the rule of Metz et al. (2019), meta-trained: --theta",
    .make = [](const RuleConfig& c) -> std::unique_ptr<UpdateRule> { return std::make_unique<MetzRule>(c); },
    .tensor = "top_delta/conv0/w",
    .read_sizes = read_sizes,
    .sizes = sizes};

}  // namespace metalearn
