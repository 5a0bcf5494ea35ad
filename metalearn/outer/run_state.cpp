#include "metalearn/outer/run_state.hpp"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/outer/version.hpp"

namespace metalearn {
namespace {

using checkpoints::Archive;

void put_tensors(Archive& archive, const std::string& group, const TensorList& list, const std::vector<float>& flat) {
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

std::string phi_path(std::size_t slot) { return fmt::format("in_flight/{:04}/phi", slot); }

template <class T>
void put_vector(Archive& archive, const std::string& path, std::vector<T> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  archive.put(path, {n}, std::move(values));
}

[[noreturn]] void refuse(const Archive& archive, const std::string& what) {
  throw checkpoints::BadData(fmt::format("{}: {}; resume from another snapshot", archive.name(), what));
}

}  // namespace

RunState RunState::begin(std::vector<float> initial_theta) {
  RunState s;
  s.adam.m.assign(initial_theta.size(), 0.0f);
  s.adam.v.assign(initial_theta.size(), 0.0f);
  s.theta_average = initial_theta;
  s.theta = std::move(initial_theta);
  return s;
}

std::optional<Validated> best(const std::vector<Validated>& history) {
  const auto score = [](const Validated& v) { return MarkScore{v.point.mark, v.point.accuracy, v.point.objective}; };
  std::optional<Validated> winner;
  for (const auto& v : history) {
    const MarkScore standing = winner ? score(*winner) : MarkScore{};
    if (beats(score(v), winner ? &standing : nullptr)) winner = v;
  }
  return winner;
}

Archive to_archive(const Config& config, const RunState& state, const InFlightPool& pool, const std::vector<std::string>& provenance) {
  Archive a("snapshot");
  a.set("", "program_version", std::string(kVersion));
  const TensorList list = theta_spec(config.rule);
  put_tensors(a, "theta", list, state.theta);
  put_tensors(a, "theta_average", list, state.theta_average);
  put_tensors(a, "adam/m", list, state.adam.m);
  put_tensors(a, "adam/v", list, state.adam.v);

  std::vector<std::uint64_t> ids;
  std::vector<std::int64_t> lengths, ages;
  for (const auto& task : pool.tasks()) {
    put_vector(a, phi_path(ids.size()), task.phi);
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
  for (std::size_t i = 0; i < provenance.size(); ++i) a.set("data", fmt::format("{:04}", i), provenance[i]);

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

Config config_from(const Archive& archive) {
  try {
    return Config::from_map(archive.texts("config"));
  } catch (const checkpoints::UsageError& e) {
    refuse(archive, fmt::format("its configuration is not one of this program ({})", e.what()));
  }
}

RunState state_from(const Archive& archive, const Config& config) {
  const TensorList list = theta_spec(config.rule);
  RunState s;
  s.theta = take_tensors(archive, "theta", list);
  s.theta_average = take_tensors(archive, "theta_average", list);
  s.adam.m = take_tensors(archive, "adam/m", list);
  s.adam.v = take_tensors(archive, "adam/v", list);
  s.update = archive.attribute<std::int64_t>("counters", "update");
  s.adam.steps = archive.attribute<std::int64_t>("counters", "adam_steps");
  s.consecutive_failures = archive.attribute<std::int64_t>("counters", "consecutive_failures");
  s.validation = validation_from(archive);
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
  for (std::size_t i = 0; i < updates.size(); ++i) history.push_back({updates[i], {marks[i], objectives[i], accuracies[i]}});
  return history;
}

void restore_pool(const Archive& archive, InFlightPool& pool) {
  const auto& ids = archive.numbers<std::uint64_t>("in_flight/id");
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(ids.size())};
  const auto& lengths = archive.numbers<std::int64_t>("in_flight/length", shape);
  const auto& ages = archive.numbers<std::int64_t>("in_flight/age", shape);
  if (ids.size() != pool.slots()) refuse(archive, fmt::format("it holds {} in-flight tasks, its configuration {}", ids.size(), pool.slots()));
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    if (ages[slot] < 0 || ages[slot] >= lengths[slot])
      refuse(archive, fmt::format("in-flight task {} is {} inner steps old, which is not within its length {}", ids[slot], ages[slot], lengths[slot]));
    try {
      pool.restore(ids[slot], lengths[slot], ages[slot], archive.numbers<float>(phi_path(slot)));
    } catch (const std::invalid_argument& e) {
      refuse(archive, e.what());
    }
  }
  pool.set_next_task(static_cast<std::uint64_t>(archive.attribute<std::int64_t>("counters", "next_task")));
}

std::vector<std::string> provenance_from(const Archive& archive) {
  std::map<std::pair<std::size_t, std::string>, std::string> in_order;  // "10000" comes after "9999"
  for (const auto& [index, line] : archive.texts("data")) in_order[{index.size(), index}] = line;
  std::vector<std::string> lines;
  for (const auto& [index, line] : in_order) lines.push_back(line);
  return lines;
}

std::vector<float> theta_from(const Archive& archive, const std::string& group, const RuleConfig& rule) {
  return take_tensors(archive, group, theta_spec(rule));
}

}  // namespace metalearn
