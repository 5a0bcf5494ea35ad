// The section about what was run and how to repeat it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "checkpoints/error.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/report/sections.hpp"
#include "metalearn/report/text.hpp"

namespace metalearn::report {
namespace {

using Keys = std::map<std::string, std::string>;

std::set<std::string> differing(const Keys& a, const Keys& b) {
  std::set<std::string> keys;
  for (const auto& [key, value] : a)
    if (b.at(key) != value) keys.insert(key);
  return keys;
}

/// The configuration that a command line with these keys gives.
Keys settled(const Config& wanted, const std::set<std::string>& given) {
  Config c = Config::from_preset(wanted.preset);
  const Keys keys = wanted.to_map();
  for (const auto& key : given) c.set(key, keys.at(key));
  c.settle(given);
  return c.to_map();
}

Table facts(const RunFiles& run) {
  Table t{"The run"};
  const auto add = [&](const std::string& what, const std::string& value) {
    t.rows.push_back({what, value});
  };
  const auto seconds = run.metrics.columns.find("seconds");
  add("run directory", run.directory);
  if (run.config)
    add("updates",
        fmt::format("{} of {}", std::max(run.update, static_cast<std::int64_t>(run.metrics.rows())),
                    run.config->updates));
  if (seconds != run.metrics.columns.end())
    add("hours",
        fmt::format("{:.2f} (sum of the updates' seconds)",
                    std::accumulate(seconds->second.begin(), seconds->second.end(), 0.0,
                                    [](double sum, double s) { return std::isfinite(s) ? sum + s : sum; }) /
                        3600));
  if (run.config) add("seed", fmt::format("{}", run.config->seed));
  if (run.theta) {
    add("theta", fmt::format("{} of update {} ({})", run.theta->label, run.theta->update, run.theta->file));
    add("inner steps that meta-validation chose",
        run.theta->mark ? fmt::format("{}", *run.theta->mark) : "none yet");
  }
  add("newest snapshot", run.version.empty()
                             ? "none"
                             : fmt::format("of update {}, by metalearn {}, kernels {}", run.update,
                                           run.version, run.kernels.empty() ? "not recorded" : run.kernels));
  add("machine", run.machine.empty()
                     ? "not recorded"
                     : run.machine + " (of the newest snapshot; results depend only on its kernels)");
  return t;
}

Table configuration(const Config& config) {
  Table t{"Configuration (last column: the value of the preset, if it differs)",
          {"key", "value", "preset " + config.preset}};
  const Keys keys = config.to_map(), preset = Config::from_preset(config.preset).to_map();
  for (const auto& [key, value] : keys)
    t.rows.push_back({key, value, preset.at(key) == value ? "" : preset.at(key)});
  return t;
}

/// The first fact about each data set, which describes its split; "NAME: ...".
Table data_sets(const std::vector<std::string>& provenance) {
  Table t{"The data"};
  std::set<std::string> seen;
  for (const auto& line : provenance)
    if (seen.insert(line.substr(0, line.find(':'))).second) t.rows.push_back({line});
  return t;
}

Table data_files(const std::vector<std::string>& provenance) {
  Table t{.title = fmt::format("all {} facts about the data, with checksums", provenance.size()),
          .folded = true};
  for (const auto& line : provenance) t.rows.push_back({line});
  return t;
}

}  // namespace

std::string train_options(const Config& config) {
  const Keys keys = config.to_map(), preset = Config::from_preset(config.preset).to_map();
  std::set<std::string> given = differing(keys, preset);
  given.erase("preset");
  // Given keys change the defaults of others; keys that must not change are given too.
  for (auto more = differing(keys, settled(config, given));
       !std::includes(given.begin(), given.end(), more.begin(), more.end());
       more = differing(keys, settled(config, given))) {
    given.insert(more.begin(), more.end());
    given.erase("preset");
  }
  std::string line = "--preset " + shell_word(config.preset);
  for (const ConfigKey& key : keys_where(&ConfigKey::is_repeatable)) {
    given.erase(key.name);
    for (const auto& entry : split_list(key.text(config)))
      line += fmt::format(" --{} {}", key.name, shell_word(entry));
  }
  for (const auto& key : given) line += fmt::format(" --{} {}", key, shell_word(keys.at(key)));
  return line;
}

std::string data_options(const RunFiles& run) {
  std::string line;
  if (run.config)
    for (const auto& entry : run.config->eval_data.empty() ? run.config->data : run.config->eval_data)
      if (entry.find('=') != std::string::npos)
        line += (line.empty() ? "" : " ") + ("--data " + shell_word(entry));
  return line.empty() ? "--data glyph" : line;
}

Section run_section(const RunFiles& run) {
  Section s{"run", "What was run",
            "Configuration and provenance of the run, and the commands that repeat it."};
  s.problems = run.run_problems;
  s.tables.push_back(facts(run));
  const std::string directory = shell_word(run.directory);
  if (run.config)
    s.commands.push_back(
        {"To repeat the training (the same bits with the same build of the program and level of kernels):",
         fmt::format("metalearn train --run {} {}", shell_word(run.beside + "-again"),
                     train_options(*run.config))});
  s.commands.push_back({"To recompute a part of it and compare bits:", "metalearn reproduce " + directory});
  if (!run.provenance.empty()) s.tables.push_back(data_sets(run.provenance));
  if (!run.provenance.empty()) s.tables.push_back(data_files(run.provenance));
  if (run.config) s.tables.push_back(configuration(*run.config));
  return s;
}

}  // namespace metalearn::report
