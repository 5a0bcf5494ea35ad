#include "metalearn/snapshots/run_state.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "autodiff/kernels/kernels.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/machine.hpp"
#include "metalearn/base/version.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {
namespace {

using checkpoints::Archive;

constexpr std::int64_t kMaxUpdate = 99999999;  // a snapshot's name has eight digits
constexpr std::int64_t kMaxTask = std::numeric_limits<std::int64_t>::max();

std::string slot_path(std::size_t slot, const char* name) {
  return fmt::format("in_flight/{:04}/{}", slot, name);
}

std::vector<std::int64_t> particles_shape(const Config& config, const std::vector<float>& phi) {
  return {2 * config.es_pairs, static_cast<std::int64_t>(phi.size())};
}
std::vector<std::int64_t> xi_shape(const Config& config) {
  return {config.es_pairs, theta_spec(config.rule).size};
}

template <class T>
void put_vector(Archive& archive, const std::string& path, std::vector<T> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  archive.put(path, {n}, std::move(values));
}

/// Levels with fused multiplication and addition give the same bits (kernels.hpp).
bool same_bits(const std::string& level, const std::string& other) {
  const auto fused = [](const std::string& l) { return l == "v3" || l == "v4"; };
  return level == other || (fused(level) && fused(other));
}

[[noreturn]] void refuse(const Archive& archive, const std::string& what) {
  throw checkpoints::BadData(fmt::format("{}: {}; resume from another snapshot", archive.name(), what));
}

std::int64_t counter(const Archive& archive, const char* name, std::int64_t most) {
  const auto value = archive.attribute<std::int64_t>("counters", name);
  if (value < 0 || value > most)
    refuse(archive, fmt::format("its counter {} is {} (allowed: 0 .. {})", name, value, most));
  return value;
}

}  // namespace

void put_tensors(Archive& archive, const std::string& group, const TensorList& list,
                 const std::vector<float>& flat) {
  for (const auto& t : list.tensors) {
    const auto first = flat.begin() + t.offset;
    archive.put(group + "/" + t.name, t.shape, std::vector<float>(first, first + t.size()));
  }
}

std::vector<float> take_tensors(const Archive& archive, const std::string& group, const TensorList& list) {
  std::vector<float> flat;
  flat.reserve(static_cast<std::size_t>(list.size));
  for (const auto& t : list.tensors) {
    const auto& numbers = archive.numbers<float>(group + "/" + t.name, t.shape);
    flat.insert(flat.end(), numbers.begin(), numbers.end());
  }
  return flat;
}

RunState RunState::begin(std::vector<float> initial_theta) {
  RunState s;
  s.adam.m.assign(initial_theta.size(), 0.0f);
  s.adam.v.assign(initial_theta.size(), 0.0f);
  s.theta_average = initial_theta;
  s.theta = std::move(initial_theta);
  return s;
}

std::optional<Validated> best(const std::vector<Validated>& history) {
  const auto score = [](const Validated& v) {
    return MarkScore{v.point.mark, v.point.accuracy, v.point.objective};
  };
  std::optional<Validated> winner;
  for (const auto& v : history) {
    const MarkScore standing = winner ? score(*winner) : MarkScore{};
    if (beats(score(v), winner ? &standing : nullptr)) winner = v;
  }
  return winner;
}

Archive to_archive(const Config& config, const RunState& state, const InFlightPool& pool,
                   const std::vector<std::string>& provenance) {
  Archive a("snapshot");
  a.set("", "program_version", std::string(kVersion));
  a.set("", "kernels", std::string(autodiff::kernels::active<float>().isa));
  a.set("", "machine", machine());
  const TensorList list = theta_spec(config.rule);
  put_tensors(a, "theta", list, state.theta);
  put_tensors(a, "theta_average", list, state.theta_average);
  put_tensors(a, "adam/m", list, state.adam.m);
  put_tensors(a, "adam/v", list, state.adam.v);

  std::vector<std::uint64_t> ids;
  std::vector<std::int64_t> lengths, ages;
  for (const auto& task : pool.tasks()) {
    put_vector(a, slot_path(ids.size(), "phi"), task.phi);
    if (!task.particles.phi.empty()) {
      a.put(slot_path(ids.size(), "particles"), particles_shape(config, task.phi), task.particles.phi);
      a.put(slot_path(ids.size(), "xi"), xi_shape(config), task.particles.xi);
    }
    ids.push_back(task.id);
    lengths.push_back(task.length);
    ages.push_back(task.age);
  }
  put_vector(a, "in_flight/id", std::move(ids));
  put_vector(a, "in_flight/length", std::move(lengths));
  put_vector(a, "in_flight/age", std::move(ages));

  a.set("counters", "update", state.update);
  a.set("counters", "adam_steps", state.adam.steps);
  a.set("counters", "next_task", static_cast<std::int64_t>(pool.next_task()));
  a.set("counters", "consecutive_failures", state.consecutive_failures);
  a.set_texts("config", config.to_map());
  put_provenance(a, provenance);

  if (!state.validation.empty()) {
    std::vector<std::int64_t> updates, marks;
    std::vector<double> objectives, accuracies;
    for (const auto& v : state.validation) {
      updates.push_back(v.update);
      marks.push_back(v.point.mark);
      objectives.push_back(v.point.objective);
      accuracies.push_back(v.point.accuracy);
    }
    put_vector(a, "validation/update", std::move(updates));
    put_vector(a, "validation/mark", std::move(marks));
    put_vector(a, "validation/objective", std::move(objectives));
    put_vector(a, "validation/accuracy", std::move(accuracies));
  }
  if (const auto b = best(state.validation)) {
    a.set("validation", "best_update", b->update);
    a.set("validation", "best_mark", b->point.mark);
    a.set("validation", "best_objective", b->point.objective);
    a.set("validation", "best_accuracy", b->point.accuracy);
  }
  return a;
}

Config config_from(const Archive& archive, bool of_run) {
  try {
    const Config config = Config::from_map(archive.texts("config"));
    if (of_run) config.check();
    return config;
  } catch (const checkpoints::UsageError& e) {
    refuse(archive, fmt::format("its configuration is not valid in this program ({})", e.what()));
  }
}

RunState state_from(const Archive& archive, const Config& config) {
  const TensorList list = theta_spec(config.rule);
  RunState s;
  s.theta = take_tensors(archive, "theta", list);
  s.theta_average = take_tensors(archive, "theta_average", list);
  s.adam.m = take_tensors(archive, "adam/m", list);
  s.adam.v = take_tensors(archive, "adam/v", list);
  s.update = counter(archive, "update", kMaxUpdate);
  s.adam.steps = counter(archive, "adam_steps", s.update);
  s.consecutive_failures = counter(archive, "consecutive_failures", s.update);
  counter(archive, "next_task", kMaxTask);  // restore_pool takes it
  s.validation = validation_from(archive);
  for (const auto& v : s.validation)
    if (v.update > s.update)
      refuse(archive,
             fmt::format("it holds a validation of update {}, but is of update {}", v.update, s.update));
  return s;
}

std::vector<Validated> validation_from(const Archive& archive) {
  std::vector<Validated> history;
  if (!archive.find("validation/update")) return history;
  const auto& updates = archive.numbers<std::int64_t>("validation/update");
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(updates.size())};
  const auto& marks = archive.numbers<std::int64_t>("validation/mark", shape);
  const auto& objectives = archive.numbers<double>("validation/objective", shape);
  const auto& accuracies = archive.numbers<double>("validation/accuracy", shape);
  for (std::size_t i = 0; i < updates.size(); ++i) {
    if (updates[i] < 0 || updates[i] > kMaxUpdate || marks[i] < 0)
      refuse(archive, fmt::format("it holds an impossible validation: update {}, evaluation step {}",
                                  updates[i], marks[i]));
    history.push_back({updates[i], {marks[i], objectives[i], accuracies[i]}});
  }
  return history;
}

std::vector<StoredTask> in_flight_from(const Archive& archive, const Config& config) {
  const auto& ids = archive.numbers<std::uint64_t>("in_flight/id");
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(ids.size())};
  const auto& lengths = archive.numbers<std::int64_t>("in_flight/length", shape);
  const auto& ages = archive.numbers<std::int64_t>("in_flight/age", shape);
  if (shape[0] != config.in_flight)
    refuse(archive, fmt::format("it holds {} in-flight tasks, but its configuration says {}", shape[0],
                                config.in_flight));
  std::vector<StoredTask> tasks;
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    if (ages[slot] < 0 || ages[slot] >= lengths[slot])
      refuse(archive, fmt::format("in-flight task {} has done {} inner steps, which is outside its length {}",
                                  ids[slot], ages[slot], lengths[slot]));
    StoredTask task{ids[slot], lengths[slot], ages[slot], &archive.numbers<float>(slot_path(slot, "phi"))};
    const std::string particles = slot_path(slot, "particles"), xi = slot_path(slot, "xi");
    if (archive.find(particles) || archive.find(xi)) {
      task.particles = &archive.numbers<float>(particles, particles_shape(config, *task.phi));
      task.xi = &archive.numbers<float>(xi, xi_shape(config));
    }
    tasks.push_back(task);
  }
  return tasks;
}

void restore_pool(const Archive& archive, InFlightPool& pool) {
  for (const auto& task : in_flight_from(archive, pool.config())) {
    try {
      pool.restore(task.id, task.length, task.age, *task.phi,
                   task.particles ? Particles{*task.particles, *task.xi} : Particles{});
    } catch (const std::invalid_argument& e) {
      refuse(archive, e.what());
    }
  }
  pool.set_next_task(static_cast<std::uint64_t>(counter(archive, "next_task", kMaxTask)));
}

void put_provenance(Archive& archive, const std::vector<std::string>& provenance) {
  for (std::size_t i = 0; i < provenance.size(); ++i)
    archive.set("data", fmt::format("{:04}", i), provenance[i]);
}

std::vector<std::string> provenance_from(const Archive& archive) {
  std::map<std::pair<std::size_t, std::string>, std::string> in_order;  // "10000" comes after "9999"
  for (const auto& [index, line] : archive.texts("data")) in_order[{index.size(), index}] = line;
  std::vector<std::string> lines;
  for (const auto& [index, line] : in_order) lines.push_back(line);
  return lines;
}

std::string kernels_note(const Archive& archive) {
  const auto* was = archive.find_attribute<std::string>("", "kernels");
  const std::string is = autodiff::kernels::active<float>().isa;
  if (!was || same_bits(*was, is)) return "";
  std::string fix = "the same kernels are unavailable on this machine";
  for (const char* level : {"scalar", "v2", "v3", "v4"})
    if (same_bits(*was, level) && autodiff::kernels::table<float>(level))
      fix = fmt::format("METALEARN_ISA={} gives the same bits", level);
  return fmt::format(
      "{} was made by kernels of level {}, but level {} is in use: from here on the bits differ from those "
      "of a run that stayed with {}; {}",
      archive.name(), *was, is, *was, fix);
}

std::vector<float> theta_from(const Archive& archive, const std::string& group, const RuleConfig& rule) {
  return take_tensors(archive, group, theta_spec(rule));
}

}  // namespace metalearn
