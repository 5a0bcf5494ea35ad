#include "metalearn/report/run_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/evaluate/sweep.hpp"
#include "metalearn/records/metrics_text.hpp"
#include "metalearn/report/text.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"

namespace metalearn::report {
namespace {

using checkpoints::Archive;

std::optional<std::string> read(const std::string& path) {
  std::error_code none;
  if (std::filesystem::exists(path, none) &&
      !std::filesystem::is_regular_file(path, none))  // reading a pipe would block
    throw checkpoints::BadData(fmt::format("{}: is not a file; move it away", path));
  return checkpoints::read_text(checkpoints::posix_file_system(), path, checkpoints::Links::refused);
}

/// Calls read(); an error becomes a line of problems.
template <class Read>
void attempt(std::vector<std::string>& problems, Read&& read) {
  try {
    read();
  } catch (const checkpoints::Error& e) {
    problems.emplace_back(e.what());
  }
}

Config config_from_text(const std::string& text, const std::string& path) {
  try {
    return Config::from_map(nlohmann::json::parse(text).get<std::map<std::string, std::string>>());
  } catch (const nlohmann::json::exception& e) {
    throw checkpoints::BadData(
        fmt::format("{}: is not a configuration ({}); a resume rewrites it", path, e.what()));
  } catch (const checkpoints::UsageError& e) {
    throw checkpoints::BadData(fmt::format("{}: {}", path, e.what()));
  }
}

void read_snapshots(RunFiles& run) {
  const RunSnapshot newest = newest_run_snapshot(run.directory, &run.run_problems);
  run.update = newest.generation;
  for (const auto& [attribute, into] :
       {std::pair{"program_version", &run.version}, {"kernels", &run.kernels}, {"machine", &run.machine}})
    if (const auto* text = newest.archive.find_attribute<std::string>("", attribute)) *into = *text;
  run.provenance = provenance_from(newest.archive);
  if (!run.config) run.config = newest.config;
  run.theta = load_trained_theta(run.directory);
  for (const auto& event : run.theta->events)
    if (std::find(run.run_problems.begin(), run.run_problems.end(), event) == run.run_problems.end())
      run.run_problems.push_back(event);
}

/// Checks the columns that the sections use, in addition to those of families.
void require_columns(const MetricsText& m, const std::string& path) {
  const auto require = [&](const std::string& column) {
    if (std::find(m.columns.begin(), m.columns.end(), column) == m.columns.end())
      throw checkpoints::BadData(fmt::format(
          "{}: there is no column {}; the file was changed after training wrote it", path, column));
  };
  for (const char* column :
       {"gradient_norm", "clipped_share", "rate", "replaced", "dropped", "mean_age", "length_limit"})
    require(column);
  const std::string accuracy = "validation_accuracy.";
  for (const auto& column : m.columns)
    if (column.starts_with(accuracy)) require("validation_objective." + column.substr(accuracy.size()));
}

void read_metrics(RunFiles& run, const std::string& path) {
  const auto text = read(path);
  if (!text) return;
  const MetricsText m = parse_metrics(*text);
  if (m.columns.empty() && !text->empty())
    throw checkpoints::BadData(
        fmt::format("{}: its first line is not the header of a run's metrics; see metalearn verify {}", path,
                    run.directory));
  if (!m.columns.empty()) require_columns(m, path);
  run.metrics.names = m.columns;
  for (const auto& name : m.columns) run.metrics.columns[name];
  std::size_t wrong = 0;
  for (const auto& row : m.rows) {
    if (!row.wrong.empty()) {
      if (wrong++ == 0)
        run.metrics_problems.push_back(fmt::format(
            "{}: line {} {}; it is skipped, and so are other invalid lines", path, row.line, row.wrong));
      continue;
    }
    for (std::size_t i = 0; i < m.columns.size(); ++i)
      run.metrics.columns[m.columns[i]].push_back(
          row.cells[i].empty() ? kNone : std::strtod(row.cells[i].c_str(), nullptr));
  }
}

/// Rows are durable before their snapshot is: if rows are missing, the file was changed later.
void compare_with_snapshot(RunFiles& run) {
  const std::string more = fmt::format("see metalearn verify {}", shell_word(run.directory));
  if (run.metrics_problems.empty()) {
    const double last = run.metrics.rows() == 0 ? 0 : run.metrics.at("update").back();
    for (std::size_t i = 1; i < run.metrics.rows() && run.metrics_problems.empty(); ++i)
      if (const double before = run.metrics.at("update")[i - 1], update = run.metrics.at("update")[i];
          update != before + 1)
        run.metrics_problems.push_back(
            fmt::format("{}/metrics.csv: update {:g} is followed by update {:g}; {}", run.directory, before,
                        update, more));
    if (last < static_cast<double>(run.update) && run.metrics_problems.empty())
      run.metrics_problems.push_back(fmt::format(
          "{}/metrics.csv: {}, but the newest snapshot is of update {}; {}", run.directory,
          run.metrics.rows() == 0 ? "it has no rows" : fmt::format("it ends with update {:g}", last),
          run.update, more));
  }
  if (!run.config || run.config->eval_data.empty() || run.config->eval_every == 0 ||
      !run.during_problems.empty())
    return;
  const std::int64_t due = run.update / run.config->eval_every * run.config->eval_every;
  const bool is_there =
      run.during && std::any_of(run.during->scores.begin(), run.during->scores.end(),
                                [&](const Score& s) { return s.update >= static_cast<double>(due); });
  if (due > 0 && !is_there)
    run.during_problems.push_back(
        fmt::format("{}/evaluations.csv: has no evaluation of update {}, although eval-every is {}; it was "
                    "lost, or eval-every was set later",
                    run.directory, due, run.config->eval_every));
}

std::string text_of(const Archive& a, const char* attribute) {
  const auto* text = a.find_attribute<std::string>("apply", attribute);
  return text ? *text : "";
}

Archive load(const std::string& path) {
  try {
    return checkpoints::load_snapshot(path);
  } catch (const checkpoints::BadData& e) {
    throw checkpoints::BadData(
        fmt::format("{} (or write these features again with metalearn apply)", e.what()));
  }
}

Features features_from(const std::string& path) {
  const Archive a = load(path);
  Features f{.data = text_of(a, "data"), .model = model_from(a)};
  f.model.file = path;
  if (f.model.phi.empty() || f.data.empty())
    throw checkpoints::BadData(
        fmt::format("{}: holds no features of metalearn apply; write it again with metalearn apply", path));
  f.theta = text_of(a, "theta");
  if (const auto* seed = a.find_attribute<std::int64_t>("apply", "phi_seed"))
    f.phi_seed = static_cast<std::uint64_t>(*seed);
  f.steps = a.attribute<std::int64_t>("apply", "steps");
  f.labels = a.numbers<std::int32_t>("test/labels");
  f.features =
      a.numbers<float>("test/features", {static_cast<std::int64_t>(f.labels.size()), f.model.widths.back()});
  if (f.labels.empty() || !all_finite(f.features) || !all_finite(f.model.phi))
    throw checkpoints::BadData(fmt::format(
        "{}: holds no examples, or numbers that are not finite; write it again with metalearn apply", path));
  for (const auto& [place, name] : a.texts("classes")) f.classes.push_back(name);
  for (const auto label : f.labels)
    if (label < 0 || label >= static_cast<std::int64_t>(f.classes.size()))
      throw checkpoints::BadData(
          fmt::format("{}: no class has the label {}; write it again with metalearn apply", path, label));
  return f;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  auto& files = checkpoints::posix_file_system();
  if (files.is_directory(folder) == 1) files.list(folder, names);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<std::string> MetricsColumns::suffixes(const std::string& prefix) const {
  std::vector<std::string> found;
  for (const auto& name : names)
    if (name.starts_with(prefix)) found.push_back(name.substr(prefix.size()));
  return found;
}

std::vector<std::string> RunFiles::problems() const {
  std::vector<std::string> all;
  for (const auto* some : {&run_problems, &metrics_problems, &during_problems, &methods_problems,
                           &sweep_problems, &features_problems})
    all.insert(all.end(), some->begin(), some->end());
  return all;
}

RunFiles read_run(const std::string& directory) {
  RunFiles run;
  run.directory = directory;
  const auto last = std::filesystem::path(directory).filename();
  std::error_code none;
  run.name = last == "." || last == ".." ? std::filesystem::canonical(directory, none).filename().string()
                                         : last.string();
  run.beside = last == "." || last == ".." ? directory + "/../" + run.name : directory;
  const std::string folder = directory + "/evaluations";
  if (checkpoints::posix_file_system().is_directory(directory) != 1)
    throw checkpoints::NoInput(
        fmt::format("{}: no such folder; name a run directory of metalearn train", directory));
  attempt(run.run_problems, [&] {
    if (const auto text = read(directory + "/config.json"))
      run.config = config_from_text(*text, directory + "/config.json");
  });
  const bool has_snapshots = !checkpoints::list_snapshots(directory).empty();
  if (!run.config && run.run_problems.empty() && !has_snapshots && !read(directory + "/metrics.csv"))
    throw checkpoints::NoInput(
        fmt::format("{}: is not a run directory: it has no config.json, metrics.csv or snapshot-*.h5; name a "
                    "run directory of metalearn train",
                    directory));
  if (has_snapshots) attempt(run.run_problems, [&] { read_snapshots(run); });
  attempt(run.metrics_problems, [&] { read_metrics(run, directory + "/metrics.csv"); });
  attempt(run.during_problems, [&] {
    if (const auto text = read(directory + "/evaluations.csv"))
      run.during = parse_evaluation_rows(*text, directory + "/evaluations.csv", run.during_problems);
  });
  compare_with_snapshot(run);
  attempt(run.methods_problems, [&] {
    if (const auto text = read(folder + "/methods.json"))
      run.methods = parse_evaluation(*text, folder + "/methods.json");
    if (run.methods && !run.methods->compares) {
      run.methods.reset();
      throw checkpoints::BadData(fmt::format(
          "{}/methods.json: is not a comparison of methods (metalearn eval --methods); move it away",
          folder));
    }
  });
  for (const auto& axis : axis_names())
    attempt(run.sweep_problems, [&] {
      const std::string path = fmt::format("{}/sweep-{}.json", folder, axis);
      if (const auto text = read(path)) run.sweeps[axis] = parse_evaluation(*text, path, axis);
    });
  for (const auto& name : names_in(folder))
    if (name.starts_with("features-") && name.ends_with(".h5"))
      attempt(run.features_problems, [&] { run.features.push_back(features_from(folder + "/" + name)); });
  return run;
}

}  // namespace metalearn::report
