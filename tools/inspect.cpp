// inspect: what a snapshot or a run holds.
#include <cmath>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "tools/commands.hpp"
#include "tools/json.hpp"
#include "tools/options.hpp"

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
    arrays.push_back({{"path", path}, {"shape", array.shape}, {"type", checkpoints::Archive::type_name(array.data)}, {"norm", number(norm(array.data))}});
  for (const auto& [path, values] : archive.attributes())
    for (const auto& [name, value] : values) attributes[path.empty() ? "/" : path][name] = to_json(value);
  return {{"attributes", attributes}, {"arrays", arrays}};
}

}  // namespace

int inspect(const Words& words) {
  const Usage usage{"metalearn inspect FILE|RUN [--json]",
                    "Prints what a snapshot holds: configuration, provenance of the data, arrays with shapes and 2-norms. Of a run, its newest snapshot that is whole.",
                    {{"json", "", "print JSON"}},
                    "FILE|RUN"};
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  if (arguments->word.empty()) throw checkpoints::UsageError("no snapshot; usage: " + usage.synopsis);
  require_input(arguments->word, "a snapshot (*.h5) or a run directory");
  checkpoints::NewestWhole newest;
  if (std::filesystem::is_directory(arguments->word)) newest = checkpoints::newest_whole_snapshot(arguments->word);
  else newest.archive = checkpoints::load_snapshot(arguments->word);
  for (const auto& line : newest.notes) fmt::print(stderr, "note: {}\n", line);
  const auto& archive = newest.archive;
  const auto& path = archive.name();

  if (arguments->has("json")) {
    Json json = {{"file", path}};
    json.update(describe(archive));
    print_json(json);
    return 0;
  }
  fmt::print("{}\n", path);
  for (const auto& [group, values] : archive.attributes()) {
    fmt::print("\n{} (attributes)\n", group.empty() ? "/" : group);
    for (const auto& [name, value] : values) fmt::print("  {:<18} {}\n", name, text(value));
  }
  fmt::print("\n{:<44}{:<10}{:<18}{:>12}\n", "array", "type", "shape", "2-norm");
  for (const auto& [name, array] : archive.arrays())
    fmt::print("{:<44}{:<10}{:<18}{:>12.6g}\n", name, checkpoints::Archive::type_name(array.data), fmt::format("[{}]", fmt::join(array.shape, ", ")), norm(array.data));
  return 0;
}

}  // namespace tools
