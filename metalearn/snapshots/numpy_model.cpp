#include "metalearn/snapshots/numpy_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "checkpoints/error.hpp"
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
const std::set<std::string> kConfig = {"config/rule",   "config/representation", "config/inner_rate",
                                       "config/batch",  "config/activation",     "config/resolution",
                                       "config/colour", "config/words"};

const Shape* shape_of(const Arrays& arrays, const std::string& name) {
  const auto found = arrays.find(name);
  return found == arrays.end() ? nullptr : &found->second.shape();
}

/// What stands at `axis` of an array, if it is there and has so many axes.
void read_size(const Arrays& arrays, const std::string& name, std::size_t axis, std::int64_t& size) {
  if (const Shape* shape = shape_of(arrays, name); shape && shape->size() > axis) size = (*shape)[axis];
}

std::int64_t one(const std::vector<std::int64_t>& numbers) {
  if (numbers.size() != 1) throw BadData("one number is expected");
  return numbers[0];
}

/// How many of PREFIX1/w, PREFIX2/w, ... there are.
std::int64_t count_layers(const Arrays& arrays, const std::string& prefix) {
  std::int64_t count = 0;
  while (arrays.contains(fmt::format("{}{}/w", prefix, count + 1))) ++count;
  return count;
}

/// The rule that config/rule names, or else the one whose names these are; its sizes by the shapes of
/// specification section 3.1; what is missing keeps its default, and is found missing later.
RuleConfig rule_from(const Arrays& arrays) {
  RuleConfig rule;
  if (const auto named = arrays.find("config/rule"); named != arrays.end())
    rule.rule = named->second.text();
  else if (arrays.contains("hidden/weight"))
    rule.rule = "synaptic";
  if (rule.rule != "metz") {  // its shapes are always the same
    if (const auto top = arrays.find("config/representation"); top != arrays.end())
      rule.N_L = one(top->second.integers());
    return rule;
  }
  read_size(arrays, "top_delta/conv0/w", 2, rule.S);
  read_size(arrays, "top_delta/mix0/w", 1, rule.N_L);
  read_size(arrays, "top_delta/out/w", 2, rule.D);
  read_size(arrays, "compute_h/conv0/w", 2, rule.H);
  read_size(arrays, "forward/readout/0_order/top/w", 1, rule.G);
  rule.P = count_layers(arrays, "top_delta/conv");
  rule.Q = count_layers(arrays, "compute_h/conv");
  rule.identical_updates = std::none_of(arrays.begin(), arrays.end(),
                                        [](const auto& a) { return a.first.starts_with("backward/"); });
  return rule;
}

/// As configuration keys, so that their ranges are checked.
void set_rule(Config& config, const RuleConfig& rule) {
  config.set("rule", rule.rule);
  const std::pair<const char*, std::int64_t> sizes[] = {
      {"h-size", rule.H},     {"h-layers", rule.Q},      {"top-size", rule.S},        {"top-layers", rule.P},
      {"delta-size", rule.D}, {"grad-channels", rule.G}, {"representation", rule.N_L}};
  for (const auto& [key, value] : sizes) config.set(key, std::to_string(value));
  config.set("identical-updates", rule.identical_updates ? "true" : "false");
}

void set_constants(Config& config, const Arrays& arrays) {
  config.set("inner-rate", "1e-4");
  config.set("batch", "128");
  config.set("activation", "relu");
  const auto scalar = [&](const std::string& name) -> const NpyArray* {
    const auto found = arrays.find(name);
    if (found == arrays.end()) return nullptr;
    return &found->second;
  };
  if (const auto* rate = scalar("config/inner_rate"))
    config.set("inner-rate", fmt::format("{}", rate->number()));
  if (const auto* batch = scalar("config/batch"))
    config.set("batch", fmt::format("{}", one(batch->integers())));
  if (const auto* activation = scalar("config/activation")) config.set("activation", activation->text());
  for (const std::string key : {"resolution", "words"})
    if (const auto* value = scalar("config/" + key))
      config.set(key, fmt::format("{}", one(value->integers())));
  if (const auto* colour = scalar("config/colour"))
    config.set("colour", one(colour->integers()) != 0 ? "true" : "false");
}

/// What does not fit, for one message.
struct Misfits {
  std::vector<std::string> missing, extra, misshaped;

  void compare(const Arrays& arrays, const TensorList& list) {
    for (const auto& t : list.tensors) {
      const Shape* shape = shape_of(arrays, t.name);
      if (!shape)
        missing.push_back(t.name);
      else if (*shape != t.shape)
        misshaped.push_back(fmt::format("{} has the shape ({}), ({}) expected", t.name,
                                        fmt::join(*shape, ", "), fmt::join(t.shape, ", ")));
    }
  }
  void refuse(const std::string& name) const {
    std::string text;
    for (const auto& [what, list] : {std::pair{"missing", &missing},
                                     {"not a name of the rule", &extra},
                                     {"of another shape", &misshaped}})
      if (!list->empty())
        text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", what, fmt::join(*list, ", "));
    if (!text.empty())
      throw BadData(
          fmt::format("{}: its arrays are not those of a theta or phi (names and shapes depend on the "
                      "sizes): {}; correct them and save it again",
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
    throw BadData(fmt::format("{}: {}; correct the array that says so", name, e.what()));
  } catch (const std::invalid_argument& e) {
    throw BadData(fmt::format("{}: {}; correct the array that says so", name, e.what()));
  }
  if (has_phi) {
    model.widths = widths_from([&](const std::string& array) { return shape_of(arrays, array); });
    if (model.widths.empty())
      throw BadData(
          fmt::format("{}: has no array 'W/1' of two dimensions, so its other arrays are no phi; correct it "
                      "and save it again",
                      name));
    phi = phi_spec(model.widths);
  }
  misfits.compare(arrays, theta);
  misfits.compare(arrays, phi);
  for (const auto& [array, file] : arrays)
    if (!theta.find(array) && !phi.find(array) && !kConfig.contains(array)) misfits.extra.push_back(array);
  misfits.refuse(name);
  model.theta = flat(arrays, theta);
  model.phi = flat(arrays, phi);
  return model;
}

std::vector<std::byte> npz_from_model(const ModelFile& model) {
  NpzFiles files;
  if (!model.theta.empty()) put(files, theta_spec(model.config.rule), model.theta);
  if (!model.phi.empty()) put(files, phi_spec(model.widths), model.phi);
  if (!model.theta.empty()) {
    files["config/rule"] = npy_bytes(model.config.rule.rule);
    files["config/representation"] = npy_bytes(model.config.rule.N_L);
  }
  files["config/inner_rate"] = npy_bytes(model.config.rule.inner_rate);
  files["config/batch"] = npy_bytes(model.config.batch);
  files["config/activation"] = npy_bytes(to_string(model.config.rule.activation));
  files["config/resolution"] = npy_bytes(std::int64_t{model.config.task.resolution});
  files["config/colour"] = npy_bytes(std::int64_t{model.config.task.load.colour});
  files["config/words"] = npy_bytes(std::int64_t{model.config.task.load.words});
  return npz_bytes(files);
}

}  // namespace metalearn
