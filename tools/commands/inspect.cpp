// inspect: what a snapshot or a run holds.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

double norm(const checkpoints::Numbers& numbers) {
  return std::visit(
      [](const auto& values) {
        double sum = 0;
        for (const auto v : values) sum += static_cast<double>(v) * static_cast<double>(v);
        return std::sqrt(sum);
      },
      numbers);
}

Json to_json(const checkpoints::Attribute& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

std::string text(const checkpoints::Attribute& value) {
  const Json json = to_json(value);
  return json.is_string() ? json.get<std::string>() : json.dump();
}

Json describe(const checkpoints::Archive& archive) {
  Json arrays = Json::array(), attributes = Json::object();
  for (const auto& [path, array] : archive.arrays())
    arrays.push_back({{"path", path},
                      {"shape", array.shape},
                      {"type", checkpoints::Archive::type_name(array.data)},
                      {"norm", number(norm(array.data))}});
  for (const auto& [path, values] : archive.attributes())
    for (const auto& [name, value] : values) attributes[path.empty() ? "/" : path][name] = to_json(value);
  return {{"attributes", attributes}, {"arrays", arrays}};
}

/// A listed snapshot of a run; its content is not read.
struct Listed {
  std::int64_t generation = 0;
  std::uint64_t bytes = 0;
  bool best = false;
};

std::vector<Listed> list(const std::string& directory, const checkpoints::Archive& newest) {
  const auto winner = metalearn::best(metalearn::validation_from(newest));
  std::vector<Listed> found;
  for (const auto& entry : checkpoints::list_snapshots(directory)) {
    std::error_code gone;  // a run in training removes old snapshots
    const auto bytes = std::filesystem::file_size(entry.path, gone);
    if (!gone) found.push_back({entry.update, bytes, winner && winner->update == entry.update});
  }
  return found;
}

std::string maker(const checkpoints::Archive& archive, const char* attribute) {
  const auto* text = archive.find_attribute<std::string>("", attribute);
  return text ? *text : "";
}

Usage make_usage() {
  return {"metalearn inspect FILE|RUN [--json]",
          "Prints what a snapshot holds: the program that wrote it, configuration, provenance of the data, "
          "arrays with shapes and 2-norms. For a run: its snapshots, and the newest whole one. Also reads "
          "files of import and apply.",
          {{"json", "", "print JSON"}},
          "FILE|RUN"};
}

int run(const Words& words) {
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no snapshot; usage: " + usage.synopsis);
  require_input(arguments->word, "a snapshot (*.h5) or a run directory");
  const bool is_run = std::filesystem::is_directory(arguments->word);
  std::vector<std::string> skipped;
  const auto snapshot = is_run ? metalearn::newest_run_snapshot(arguments->word, &skipped)
                               : metalearn::read_any_snapshot(arguments->word);
  for (const auto& line : skipped) say(stderr, "note: {}\n", line);
  const auto& archive = snapshot.archive;
  const auto all = is_run ? list(arguments->word, archive) : std::vector<Listed>{};
  const std::string version = maker(archive, "program_version"), kernels = maker(archive, "kernels");

  if (arguments->has("json")) {
    const auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
    Json json = {{"file", snapshot.path},
                 {"schema", snapshot.schema},
                 {"bytes", snapshot.bytes},
                 {"generation", snapshot.generation},
                 {"program_version", or_null(version)},
                 {"kernels", or_null(kernels)}};
    if (is_run) {
      json["snapshots"] = Json::array();
      for (const auto& s : all)
        json["snapshots"].push_back({{"generation", s.generation}, {"bytes", s.bytes}, {"best", s.best}});
    }
    json.update(describe(archive));
    print_json(json);
    return 0;
  }
  say("{}\nschema {}, {} bytes, generation {}, written by version {} with kernels {}\n", snapshot.path,
      snapshot.schema, snapshot.bytes, snapshot.generation, version.empty() ? "?" : version,
      kernels.empty() ? "?" : kernels);
  if (is_run) say("\n{:<12}{:>12}\n", "generation", "bytes");
  for (const auto& s : all)
    say("{:<12}{:>12}{}\n", s.generation, s.bytes, s.best ? "  best by meta-validation" : "");
  for (const auto& [group, values] : archive.attributes()) {
    say("\n{} (attributes)\n", group.empty() ? "/" : group);
    for (const auto& [name, value] : values) say("  {:<18} {}\n", name, text(value));
  }
  std::size_t width = 44;
  for (const auto& entry : archive.arrays()) width = std::max(width, entry.first.size() + 2);
  say("\n{:<{}}{:<10}{:<18}{:>12}\n", "array", width, "type", "shape", "2-norm");
  for (const auto& [name, array] : archive.arrays())
    say("{:<{}}{:<10}{:<18}{:>12.6g}\n", name, width, checkpoints::Archive::type_name(array.data),
        fmt::format("[{}]", fmt::join(array.shape, ", ")), norm(array.data));
  return 0;
}

}  // namespace

extern const Command kInspect{"inspect", "what a snapshot or a run holds", make_usage, run};

}  // namespace tools
