// import, export: theta and phi from and to NumPy's .npz; export: also only theta, as .h5.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/numpy_model.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "tools/cli/config_source.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/output_file.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/theta_source.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

using metalearn::ConfigKey;
using metalearn::ModelFile;

void report(const ModelFile& model, const std::string& out) {
  if (!model.theta.empty()) {
    const auto& r = model.config.rule;
    const auto* rule = metalearn::find_update_rule(r.rule);
    say("theta: {} numbers of the rule {}, {} N_L={}; inner rate {}, batch {}, {}\n", model.theta.size(),
        r.rule, rule->sizes ? rule->sizes(r) : "no sizes,", r.N_L, r.inner_rate, model.config.batch,
        metalearn::to_string(r.activation));
  }
  if (!model.phi.empty())
    say("phi:   {} numbers, widths {}\n", model.phi.size(), fmt::join(model.widths, "-"));
  say("written: {}\n", out);
}

/// What a model file holds, or the theta of a run.
ModelFile model_of(const std::string& path, bool raw) {
  if (!std::filesystem::is_directory(path))
    if (const auto archive = checkpoints::load_snapshot(path); metalearn::is_model(archive))
      return metalearn::model_from(archive);
  auto theta = load_theta(path, raw);
  return {theta.file, theta.config, std::move(theta.theta),
          {},         {},           {theta.update, theta.label, theta.mark, theta.provenance}};
}

/// The mean of the moving averages in the kept snapshots of a run, from update `from` on; summed in order.
/// mark: meta-validation chose its evaluation step for a single snapshot, so the user gives the mean's.
ModelFile mean_of(const std::string& run, std::int64_t from, std::optional<std::int64_t> mark) {
  if (!std::filesystem::is_directory(run))
    throw checkpoints::UsageError(
        fmt::format("--mean-from averages the snapshots of a run, but {} is not a run directory; give a run "
                    "directory, or leave it out",
                    run));
  auto theta = load_theta(run, false);
  std::vector<std::int64_t> updates;
  std::vector<double> sum(theta.theta.size());
  for (const auto& snapshot : checkpoints::list_snapshots(run)) {
    if (snapshot.update < from ||
        (theta.config.keep_every > 0 && snapshot.update % theta.config.keep_every != 0))
      continue;
    const auto one = load_theta(snapshot.path, false).theta;
    std::transform(sum.begin(), sum.end(), one.begin(), sum.begin(),
                   [](double total, float x) { return total + static_cast<double>(x); });
    updates.push_back(snapshot.update);
  }
  if (updates.size() < 2)
    throw checkpoints::UsageError(
        fmt::format("--mean-from {}: {} holds {} kept snapshots from this update on, but a mean needs two; "
                    "give an earlier update",
                    from, run, updates.size()));
  std::transform(sum.begin(), sum.end(), theta.theta.begin(), [&](double total) {
    return static_cast<float>(total / static_cast<double>(updates.size()));
  });
  const std::string label = fmt::format("{}s of updates {}", metalearn::kMeanLabel, fmt::join(updates, ", "));
  return {theta.file, theta.config, std::move(theta.theta),
          {},         {},           {updates.back(), label, mark, theta.provenance}};
}

/// Only theta, without the folders of this machine.
ModelFile to_hand_on(ModelFile model) {
  if (model.theta.empty())
    throw checkpoints::BadData(fmt::format(
        "{}: holds no theta, but a FILE.h5 holds only a theta; write NumPy arrays instead (--out FILE.npz)",
        model.file));
  for (const ConfigKey& key : metalearn::keys_where(&ConfigKey::holds_folders))
    key.map_folders(model.config, [](const std::string&) { return std::nullopt; });
  model.config.disk = 0;  // without a folder
  model.widths.clear();
  model.phi.clear();
  return model;
}

Usage import_usage() {
  Usage usage{"metalearn import FILE.npz --out FILE.h5 [options]",
              "Converts NumPy arrays, named as in the specification, to a file for `eval --theta`, `apply "
              "--theta` or `apply --phi` (top_delta/conv0/w, ..., W/1, V/1, b/1).",
              {{"out", "FILE.h5", "the file to write"}, force_option()},
              "FILE.npz",
              "float32 or float64 (rounded), in C or Fortran order, as written by numpy.savez and "
              "numpy.savez_compressed. The rule's sizes follow from the shapes.\n"
              "Exit code 65: arrays are missing, unexpected or of a wrong shape; they are named."};
  for (const ConfigKey& key : metalearn::keys_where(&ConfigKey::is_trained_with))
    usage.options.push_back(
        {.name = key.name,
         .value = key.placeholder,
         .meaning = fmt::format("what theta was trained with: {}", key.meaning),
         .fallback = fmt::format("{}, or else {}", metalearn::array_of(key), key.published)});
  return usage;
}

int run_import(const Words& words) {
  const Usage usage = import_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no file; usage: " + usage.synopsis);
  require_input(arguments->word, "NumPy's arrays (*.npz)");
  const OutputFile out = required_output(*arguments, {&kModel});
  auto model = metalearn::model_from_npz(
      checkpoints::read_file(checkpoints::posix_file_system(), arguments->word), arguments->word);
  for (const ConfigKey& key : metalearn::keys_where(&ConfigKey::is_trained_with))
    if (const auto value = arguments->find(key.name)) set_option(model.config, key.name, *value);
  out.write(checkpoints::snapshot_bytes(metalearn::to_archive(model)));
  report(model, out.path());
  return 0;
}

Usage export_usage() {
  return {"metalearn export FILE|RUN --out FILE.npz|FILE.h5 [options]",
          "Writes a theta, or the phi of `apply`, as NumPy arrays named as in the specification "
          "(top_delta/conv0/w, ..., W/1, V/1, b/1); or only a theta as one small file for --theta.",
          {{"out", "FILE", "the file to write; its ending selects the format"},
           force_option(),
           {"raw", "", "use theta itself, not its moving average"},
           {"mean-from", "UPDATE",
            "for a run: the mean over its kept snapshots (--keep-every) from this update on, instead of the "
            "best snapshot; 0 .. 99999999"},
           {"mark", "N",
            "with --mean-from: the evaluation step to store, the number of inner steps that eval and apply "
            "use; 1 .. 100000",
            "none"}},
          "FILE|RUN",
          "From a run directory the best snapshot on meta-validation tasks is taken. NumPy: config/rule, "
          "representation, "
          "inner_rate, batch, activation, resolution, colour and words are the settings that theta was "
          "trained with.\n"
          "FILE.h5 also holds how theta was trained, the evaluation step that meta-validation chose (for a "
          "mean: --mark), and the training data's names and checksums, but no folders."};
}

int run_export(const Words& words) {
  const Usage usage = export_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no theta; usage: " + usage.synopsis);
  require_input(arguments->word, "a run directory, a snapshot, or what import or apply wrote (*.h5)");
  const OutputFile out = required_output(*arguments, {&kNumpyArrays, &kModel});
  const bool is_mean = arguments->has("mean-from");
  if (arguments->has("mark") && !is_mean)
    throw checkpoints::UsageError(
        "--mark has no effect without --mean-from: for a single theta meta-validation chose the evaluation "
        "step; leave it out");
  if (is_mean && arguments->has("raw"))
    throw checkpoints::UsageError(
        "--raw has no effect with --mean-from, which averages moving averages; leave one of them out");
  const auto mark = arguments->has("mark")
                        ? std::optional<std::int64_t>(arguments->whole("mark", 1, 1, 100000))
                        : std::nullopt;
  ModelFile model = is_mean ? mean_of(arguments->word, arguments->whole("mean-from", 0, 0, 99999999), mark)
                            : model_of(arguments->word, arguments->has("raw"));
  const bool is_alone = &out.kind() == &kModel;
  if (is_alone) model = to_hand_on(std::move(model));
  out.write(is_alone ? checkpoints::snapshot_bytes(metalearn::to_archive(model))
                     : metalearn::npz_from_model(model));
  report(model, out.path());
  return 0;
}

}  // namespace

extern const Command kImport{"import", "a theta or phi from NumPy's .npz", import_usage, run_import};
extern const Command kExport{"export", "a theta or phi to NumPy's .npz", export_usage, run_export};

}  // namespace tools
