// import, export: theta and phi from and to NumPy's .npz.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/outer/numpy_model.hpp"
#include "metalearn/outer/trained_theta.hpp"
#include "tools/commands.hpp"
#include "tools/config_source.hpp"
#include "tools/json.hpp"
#include "tools/options.hpp"

namespace tools {
namespace {

using metalearn::ModelFile;

void report(const ModelFile& model, const std::string& out) {
  if (!model.theta.empty()) {
    const auto& r = model.config.rule;
    const std::string sizes = fmt::format("H={} Q={} S={} P={} D={} G={}{}", r.H, r.Q, r.S, r.P, r.D, r.G, r.identical_updates ? "" : ", W and V changed apart,");
    fmt::print("theta: {} numbers of the rule {}, {} N_L={}; inner rate {}, batch {}, {}\n", model.theta.size(), r.rule, r.rule == "metz" ? sizes : "no sizes of its own,", r.N_L,
               r.inner_rate, model.config.batch, metalearn::to_string(r.activation));
  }
  if (!model.phi.empty()) fmt::print("phi:   {} numbers, widths {}\n", model.phi.size(), fmt::join(model.widths, "-"));
  fmt::print("written: {}\n", out);
}

}  // namespace

int import_numpy(const Words& words) {
  const Usage usage{"metalearn import FILE.npz --out FILE.h5 [options]",
                    "Makes a file for `eval --theta`, `apply --theta` or `apply --phi` of NumPy's arrays under the names of the specification (top_delta/conv0/w, ..., W/1, V/1, b/1).",
                    {{"out", "FILE.h5", "the file to write"},
                     {"inner-rate", "X", "the inner rate that theta was trained with", "config/inner_rate, or else 1e-4"},
                     {"batch", "N", "the batch size that theta was trained with", "config/batch, or else 128"},
                     {"activation", "X", "of the base model", "config/activation, or else relu"}},
                    "FILE.npz",
                    "float32 or float64 (rounded), in C or Fortran order, as numpy.savez and numpy.savez_compressed write them. The rule's sizes follow from the shapes.\n"
                    "Exit code 65 names arrays that are missing, extra or of another shape."};
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no file; usage: " + usage.synopsis);
  require_input(arguments->word, "NumPy's arrays (*.npz)");
  const std::string out = output_file(*arguments, "FILE.h5", {arguments->word});
  auto model = metalearn::model_from_npz(checkpoints::read_file(checkpoints::posix_file_system(), arguments->word), arguments->word);
  for (const char* key : {"inner-rate", "batch", "activation"})
    if (const auto value = arguments->find(key)) set_option(model.config, key, *value);
  checkpoints::save_snapshot(out, metalearn::to_archive(model));
  report(model, out);
  return 0;
}

int export_numpy(const Words& words) {
  const Usage usage{"metalearn export FILE|RUN --out FILE.npz [options]",
                    "Writes a theta, or the phi of `apply`, as NumPy's arrays under the names of the specification (top_delta/conv0/w, ..., W/1, V/1, b/1).",
                    {{"out", "FILE.npz", "the file to write"}, {"raw", "", "theta itself, not its moving average"}},
                    "FILE|RUN",
                    "Of a run directory: its best snapshot on meta-validation tasks. config/rule, representation, inner_rate, batch, activation, resolution, colour and words say what theta was trained with."};
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no theta; usage: " + usage.synopsis);
  require_input(arguments->word, "a run directory, a snapshot, or what import or apply wrote (*.h5)");
  const std::string out = output_file(*arguments, "FILE.npz", {arguments->word});
  const auto model = [&]() -> ModelFile {
    if (!std::filesystem::is_directory(arguments->word))
      if (const auto archive = checkpoints::load_snapshot(arguments->word); metalearn::is_model(archive)) return metalearn::model_from(archive);
    auto theta = metalearn::load_trained_theta(arguments->word, arguments->has("raw"));
    for (const auto& event : theta.events) fmt::print(stderr, "note: {}\n", event);
    return {theta.file, theta.config, std::move(theta.theta), {}, {}};
  }();
  checkpoints::write_durably(checkpoints::posix_file_system(), out, metalearn::npz_from_model(model));
  report(model, out);
  return 0;
}

}  // namespace tools
