// UpdateRule: a rule that can be meta-trained: theta's specification, and one inner step written as tape ops;
// one file per rule in this folder.
//
// A rule is stateless: const and thread-safe.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "metalearn/model/base_model.hpp"
#include "metalearn/model/tensor_list.hpp"

namespace metalearn {

/// theta's tensors by name.
using Theta = std::map<std::string, autodiff::Var>;
/// Called with the name and value of an intermediate ("d/2", "terms/1/hebb") while a step is recorded; for
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

/// Shapes of a theta's tensors by name.
using ThetaShapes = std::map<std::string, std::vector<std::int64_t>>;

/// The facts about a rule. To add one: a file that defines the rule and its row, and an entry in
/// update_rule.cpp's table.
struct UpdateRuleKind {
  const char* name;     ///< config.rule.rule
  const char* method;   ///< its name in tables of methods
  const char* summary;  ///< of that method, one line
  std::unique_ptr<UpdateRule> (*make)(const RuleConfig& config);
  const char* tensor;  ///< a tensor that no other rule's theta has: identifies the rule of a file that does
                       ///< not name it
  /// Sets the sizes that follow from theta's shapes; missing ones keep their values. Null: the rule has no
  /// sizes, its shapes are always the same.
  void (*read_sizes)(const ThetaShapes& shapes, RuleConfig& config) = nullptr;
  std::string (*sizes)(const RuleConfig& config) = nullptr;  ///< for display: "H=64 Q=1 ..."; null: as above
};
/// The first is the default.
std::span<const UpdateRuleKind* const> update_rules();
const std::vector<std::string>& update_rule_names();
/// Null if there is no such rule.
const UpdateRuleKind* find_update_rule(const std::string& name);

/// The rule that config.rule names. Throws std::invalid_argument, naming the known rules or a size that the
/// rule does not allow.
std::unique_ptr<UpdateRule> make_update_rule(const RuleConfig& config);

/// Names, shapes and order of theta's tensors (section 3.1).
TensorList theta_spec(const RuleConfig& rule);
/// Initial values, a pure function of the seed.
std::vector<float> initial_theta(const RuleConfig& rule, std::uint64_t seed);

}  // namespace metalearn
