// UpdateRule: what can be meta-trained. theta's specification, and one inner step written as tape ops; one
// file per rule in this room.
//
// A rule is stateless: const and thread-safe.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "metalearn/model/base_model.hpp"
#include "metalearn/model/tensor_list.hpp"

namespace metalearn {

/// theta's tensors by name.
using Theta = std::map<std::string, autodiff::Var>;
/// Told the name and value of an intermediate while a step is recorded ("d/2", "terms/1/hebb"); for
/// comparisons with reference vectors.
using Probe = std::function<void(const std::string&, autodiff::Var)>;

class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  virtual TensorList theta_spec() const = 0;
  virtual std::vector<float> initial_theta(std::uint64_t seed) const = 0;
  /// phi_{t+1} from phi_t and one unlabelled batch x, as forward() takes it.
  virtual Phi step(const Theta& theta, const Phi& phi, autodiff::Var x, const Probe& probe) const = 0;
};

/// The rule that config.rule names ("metz", "synaptic"). Throws std::invalid_argument naming the known ones,
/// or a size that the rule refuses.
std::unique_ptr<UpdateRule> make_update_rule(const RuleConfig& config);

/// Names, shapes and order of theta's tensors (section 3.1).
TensorList theta_spec(const RuleConfig& rule);
/// Initial values, a pure function of the seed.
std::vector<float> initial_theta(const RuleConfig& rule, std::uint64_t seed);

}  // namespace metalearn
