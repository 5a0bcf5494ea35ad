#include "metalearn/snapshots/numpy_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/data/formats/npy.hpp"
#include "metalearn/data/formats/npz.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {
namespace {

using checkpoints::BadData;
using Arrays = std::map<std::string, NpyArray>;
using Shape = std::vector<std::int64_t>;

bool is_phi(const std::string& name) {
  return name.starts_with("W/") || name.starts_with("V/") || name.starts_with("b/");
}
bool is_config(const std::string& name) { return name.starts_with("config/"); }

bool is_exported_key(const std::string& array) {
  const auto keys = keys_where(&ConfigKey::is_exported);
  return std::any_of(keys.begin(), keys.end(), [&](const ConfigKey& key) { return array_of(key) == array; });
}

const Shape* shape_of(const Arrays& arrays, const std::string& name) {
  const auto found = arrays.find(name);
  return found == arrays.end() ? nullptr : &found->second.shape();
}

std::int64_t one(const std::vector<std::int64_t>& numbers) {
  if (numbers.size() != 1)
    throw BadData("an array of config/ must hold one number; correct it and save the file again");
  return numbers[0];
}

/// The rule that config/rule names, or else the one whose tensors these are, or the default. Sizes that
/// cannot be read keep their default; their tensors are then reported missing.
RuleConfig rule_from(const Arrays& arrays) {
  RuleConfig config;
  for (const UpdateRuleKind* kind : update_rules())
    if (arrays.contains(kind->tensor)) config.rule = kind->name;
  if (const auto named = arrays.find("config/rule"); named != arrays.end())
    config.rule = named->second.text();
  const UpdateRuleKind* kind = find_update_rule(config.rule);
  if (kind && kind->read_sizes) {
    ThetaShapes shapes;
    for (const auto& [name, array] : arrays) shapes[name] = array.shape();
    kind->read_sizes(shapes, config);
  } else if (const auto top = arrays.find("config/representation"); top != arrays.end()) {
    config.N_L = one(top->second.integers());
  }
  return config;
}

/// As configuration keys, so that their ranges are checked.
void set_rule(Config& config, const RuleConfig& rule) {
  Config sizes;
  sizes.rule = rule;
  for (const ConfigKey& key : keys_where(&ConfigKey::shapes_theta)) key.set(config, key.text(sizes));
}

/// The array's value in the text form of a configuration key of this type.
std::string text_in(const NpyArray& array, const KeyValue& type) {
  if (std::holds_alternative<std::string>(type)) return array.text();
  if (std::holds_alternative<double>(type)) return fmt::format("{}", array.number());
  const std::int64_t whole = one(array.integers());
  return std::holds_alternative<bool>(type) ? fmt::format("{}", whole != 0) : fmt::format("{}", whole);
}

/// Sets keys without an array as in the published code, or else to the default.
void set_constants(Config& config, const Arrays& arrays) {
  for (const ConfigKey& key : keys_where(&ConfigKey::is_exported)) {
    if (key.shapes_theta) continue;
    if (!key.published.empty()) key.set(config, key.published);
    if (const auto found = arrays.find(array_of(key)); found != arrays.end())
      key.set(config, text_in(found->second, key.value(config)));
  }
}

/// Truth values as 0 or 1.
std::vector<std::uint8_t> array_with(const KeyValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return npy_bytes(*text);
  if (const auto* real = std::get_if<double>(&value)) return npy_bytes(*real);
  if (const auto* truth = std::get_if<bool>(&value)) return npy_bytes(std::int64_t{*truth});
  return npy_bytes(std::get<std::int64_t>(value));
}

/// Arrays that do not fit, for one message.
struct Misfits {
  std::vector<std::string> missing, extra, misshaped;

  void compare(const Arrays& arrays, const TensorList& list) {
    for (const auto& t : list.tensors) {
      const Shape* shape = shape_of(arrays, t.name);
      if (!shape)
        missing.push_back(t.name);
      else if (*shape != t.shape)
        misshaped.push_back(fmt::format("{} has the shape ({}), not ({})", t.name, fmt::join(*shape, ", "),
                                        fmt::join(t.shape, ", ")));
    }
  }
  void refuse(const std::string& name) const {
    std::string text;
    for (const auto& [what, list] : {std::pair{"missing", &missing},
                                     {"not a tensor of the rule", &extra},
                                     {"of another shape", &misshaped}})
      if (!list->empty())
        text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", what, fmt::join(*list, ", "));
    if (!text.empty())
      throw BadData(
          fmt::format("{}: its arrays do not form a theta or phi (names and shapes depend on the sizes): {}; "
                      "correct them and save the file again",
                      name, text));
  }
};

std::vector<float> flat(const Arrays& arrays, const TensorList& list) {
  std::vector<float> numbers;
  for (const auto& t : list.tensors) {
    const auto tensor = arrays.at(t.name).floats();
    numbers.insert(numbers.end(), tensor.begin(), tensor.end());
  }
  return numbers;
}

void put(NpzFiles& files, const TensorList& list, const std::vector<float>& numbers) {
  for (const auto& t : list.tensors)
    files[t.name] = npy_bytes(
        std::span(numbers).subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size())),
        t.shape);
}

}  // namespace

std::string array_of(const ConfigKey& key) {
  std::string name = "config/" + key.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

ModelFile model_from_npz(std::span<const std::byte> bytes, const std::string& name) {
  const NpzFiles files = parse_npz(bytes, name);
  Arrays arrays;
  for (const auto& [array, file] : files)
    arrays.try_emplace(array, file, fmt::format("{}: array '{}'", name, array));
  ModelFile model;
  model.file = name;
  const bool has_phi =
      std::any_of(arrays.begin(), arrays.end(), [](const auto& a) { return is_phi(a.first); });
  const bool has_theta = !has_phi || std::any_of(arrays.begin(), arrays.end(), [](const auto& a) {
    return !is_phi(a.first) && !is_config(a.first);
  });

  Misfits misfits;
  TensorList theta, phi;
  try {
    set_constants(model.config, arrays);
    if (has_theta) {
      set_rule(model.config, rule_from(arrays));
      theta = theta_spec(model.config.rule);
    }
  } catch (const checkpoints::UsageError& e) {
    throw BadData(fmt::format("{}: {}; correct that array", name, e.what()));
  } catch (const std::invalid_argument& e) {
    throw BadData(fmt::format("{}: {}; correct that array", name, e.what()));
  }
  if (has_phi) {
    model.widths = widths_from([&](const std::string& array) { return shape_of(arrays, array); });
    if (model.widths.empty())
      throw BadData(
          fmt::format("{}: has no two-dimensional array 'W/1', so its other arrays cannot be a phi; correct "
                      "it and save the file again",
                      name));
    phi = phi_spec(model.widths);
  }
  misfits.compare(arrays, theta);
  misfits.compare(arrays, phi);
  for (const auto& [array, file] : arrays)
    if (!theta.find(array) && !phi.find(array) && !is_exported_key(array)) misfits.extra.push_back(array);
  misfits.refuse(name);
  model.theta = flat(arrays, theta);
  model.phi = flat(arrays, phi);
  return model;
}

std::vector<std::byte> npz_from_model(const ModelFile& model) {
  NpzFiles files;
  if (!model.theta.empty()) put(files, theta_spec(model.config.rule), model.theta);
  if (!model.phi.empty()) put(files, phi_spec(model.widths), model.phi);
  for (const ConfigKey& key : keys_where(&ConfigKey::is_exported))
    if (!key.shapes_theta || !model.theta.empty()) files[array_of(key)] = array_with(key.value(model.config));
  return npz_bytes(files);
}

}  // namespace metalearn
