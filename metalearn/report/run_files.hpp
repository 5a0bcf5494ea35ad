// RunFiles: the contents of a run directory that a report shows. Reads only, takes no lock: the run may be
// training meanwhile.
//
// A damaged file is not an error: it is left out, and one line names the file and the reason.
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

/// metrics.csv as columns of numbers, one row per update; NaN for an empty cell.
struct MetricsColumns {
  std::vector<std::string> names;
  std::map<std::string, std::vector<double>> columns;

  std::size_t rows() const { return columns.empty() ? 0 : columns.begin()->second.size(); }
  const std::vector<double>& at(const std::string& name) const { return columns.at(name); }
  /// The rest of the column names that begin with `prefix`, in order.
  std::vector<std::string> suffixes(const std::string& prefix) const;
};

/// The parts of an output file of `metalearn apply` that a report shows.
struct Features {
  std::string data;        ///< name of the data set
  ModelFile model;         ///< phi, widths, config
  std::string theta = {};  ///< its file; empty: none was applied
  std::optional<std::uint64_t> phi_seed =
      {};  ///< phi before the first step is initial_phi(widths, phi_seed, 0)
  std::int64_t steps = 0;
  std::vector<float> features = {};  ///< [examples of the test split, N_L]
  std::vector<std::int32_t> labels = {};
  std::vector<std::string> classes = {};
};

struct RunFiles {
  std::string directory;     ///< as the caller named it
  std::string name, beside;  ///< its name; a path to it to which a suffix can be added
  std::optional<Config> config;
  std::optional<TrainedTheta> theta;      ///< the theta that eval uses
  std::int64_t update = 0;                ///< of the newest snapshot
  std::string version, kernels, machine;  ///< of its writer
  std::vector<std::string> provenance;    ///< of the data
  MetricsColumns metrics;
  std::optional<Evaluation> during;          ///< evaluations.csv
  std::optional<Evaluation> methods;         ///< evaluations/methods.json
  std::map<std::string, Evaluation> sweeps;  ///< evaluations/sweep-AXIS.json, by axis
  std::vector<Features> features;            ///< evaluations/features-*.h5

  /// What could not be read, by the section of the report that needs it.
  std::vector<std::string> run_problems, metrics_problems, during_problems, methods_problems, sweep_problems,
      features_problems;
  std::vector<std::string> problems() const;  ///< all of them
};

/// Throws checkpoints::NoInput if there is no such folder, or it holds no files of a run.
RunFiles read_run(const std::string& directory);

}  // namespace metalearn::report
