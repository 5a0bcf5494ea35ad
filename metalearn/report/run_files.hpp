// RunFiles: what a run directory holds that a report shows. Reads only, takes no lock: a run may be training
// meanwhile.
//
// What is damaged is no error: it is left out, and one line says which file and why.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/config/config.hpp"
#include "metalearn/report/evaluation_files.hpp"
#include "metalearn/snapshots/model_file.hpp"
#include "metalearn/snapshots/trained_theta.hpp"

namespace metalearn::report {

/// metrics.csv as columns of numbers, a row per update; NaN where a cell is empty.
struct MetricsColumns {
  std::vector<std::string> names;
  std::map<std::string, std::vector<double>> columns;

  std::size_t rows() const { return columns.empty() ? 0 : columns.begin()->second.size(); }
  const std::vector<double>& at(const std::string& name) const { return columns.at(name); }
  /// What stands behind PREFIX in the names of columns, in their order.
  std::vector<std::string> suffixes(const std::string& prefix) const;
};

/// What `metalearn apply` wrote, as far as a report shows it.
struct Features {
  std::string data;        ///< name of the data set
  ModelFile model;         ///< phi, widths, config
  std::string theta = {};  ///< the file that it was from; empty: none was applied
  std::optional<std::uint64_t> phi_seed =
      {};  ///< phi before the first step is initial_phi(widths, phi_seed, 0)
  std::int64_t steps = 0;
  std::vector<float> features = {};  ///< [examples of the test split, N_L]
  std::vector<std::int32_t> labels = {};
  std::vector<std::string> classes = {};
};

struct RunFiles {
  std::string directory;     ///< as it was named
  std::string name, beside;  ///< its own name; a path to it to which an ending may be added
  std::optional<Config> config;
  std::optional<TrainedTheta> theta;      ///< what eval takes
  std::int64_t update = 0;                ///< of the newest snapshot
  std::string version, kernels, machine;  ///< what made that
  std::vector<std::string> provenance;    ///< of the data
  MetricsColumns metrics;
  std::optional<Evaluation> during;          ///< evaluations.csv
  std::optional<Evaluation> methods;         ///< evaluations/methods.json
  std::map<std::string, Evaluation> sweeps;  ///< evaluations/sweep-AXIS.json, by axis
  std::vector<Features> features;            ///< evaluations/features-*.h5

  /// What could not be read, in which part of a report that is missed.
  std::vector<std::string> run_problems, metrics_problems, during_problems, methods_problems, sweep_problems,
      features_problems;
  std::vector<std::string> problems() const;  ///< all of them
};

/// Throws checkpoints::NoInput where there is no such folder, or nothing of a run in it.
RunFiles read_run(const std::string& directory);

}  // namespace metalearn::report
