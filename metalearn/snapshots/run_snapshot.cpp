#include "metalearn/snapshots/run_snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/model_file.hpp"
#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {
namespace {

using checkpoints::Archive;

[[noreturn]] void refuse(const Archive& archive, const std::string& what) {
  throw checkpoints::BadData(
      fmt::format("{}: {}; another program wrote this file; use another snapshot", archive.name(), what));
}

/// The number type of every array that is allowed.
std::map<std::string, std::string> known_arrays(const Config& config) {
  std::map<std::string, std::string> known = {
      {"in_flight/id", "uint64"},        {"in_flight/length", "int64"}, {"in_flight/age", "int64"},
      {"validation/update", "int64"},    {"validation/mark", "int64"},  {"validation/objective", "float64"},
      {"validation/accuracy", "float64"}};
  for (const auto& tensor : theta_spec(config.rule).tensors)
    for (const char* group : {"theta/", "theta_average/", "adam/m/", "adam/v/"})
      known[group + tensor.name] = "float32";
  std::vector<std::string> of_slot = {"phi"};
  if (config.estimator == "pes") of_slot.insert(of_slot.end(), {"particles", "xi"});
  for (std::int64_t slot = 0; slot < config.in_flight; ++slot)
    for (const auto& name : of_slot) known[fmt::format("in_flight/{:04}/{}", slot, name)] = "float32";
  return known;
}

enum class Kind { text, whole, real };

Kind kind_of(const Archive& archive, const std::string& what, const checkpoints::Attribute& value) {
  if (std::holds_alternative<std::string>(value)) return Kind::text;
  if (std::holds_alternative<std::int64_t>(value)) return Kind::whole;
  if (std::holds_alternative<double>(value)) return Kind::real;
  refuse(archive, fmt::format("attribute {} is a list", what));
}

const std::map<std::string, std::map<std::string, Kind>> kKnownAttributes = {
    {"", {{"program_version", Kind::text}, {"kernels", Kind::text}, {"machine", Kind::text}}},
    {"counters",
     {{"update", Kind::whole},
      {"adam_steps", Kind::whole},
      {"next_task", Kind::whole},
      {"consecutive_failures", Kind::whole}}},
    {"validation",
     {{"best_update", Kind::whole},
      {"best_mark", Kind::whole},
      {"best_objective", Kind::real},
      {"best_accuracy", Kind::real}}},
};

void require_known_attribute(const Archive& archive, const std::string& group, const std::string& name,
                             const checkpoints::Attribute& value) {
  const std::string what = fmt::format("/{}:{}", group, name);
  const Kind kind = kind_of(archive, what, value);
  if (group == "config" ||
      group == "data") {  // config_from checks the keys; facts about data may have any name
    if (kind != Kind::text) refuse(archive, fmt::format("attribute {} is not a text", what));
    return;
  }
  const auto known_group = kKnownAttributes.find(group);
  if (known_group == kKnownAttributes.end() || !known_group->second.contains(name))
    refuse(archive, fmt::format("holds an unknown attribute {}", what));
  if (known_group->second.at(name) != kind)
    refuse(archive, fmt::format("attribute {} has the wrong type", what));
}

/// FORMAT.md, "User block"; the bytes are checked already.
std::uint32_t schema_of(std::span<const std::byte> bytes) {
  std::uint32_t schema = 0;
  std::memcpy(&schema, bytes.data() + 8, sizeof schema);
  return schema;
}

RunSnapshot checked(const std::string& path, std::span<const std::byte> bytes, Archive archive) {
  RunSnapshot s{path, schema_of(bytes), bytes.size(), 0, config_from(archive), std::move(archive)};
  try {
    require_known_names(s.archive, s.config);
  } catch (const std::invalid_argument& e) {  // sizes that the rule refuses
    refuse(s.archive, e.what());
  }
  s.generation = s.archive.attribute<std::int64_t>("counters", "update");
  return s;
}

}  // namespace

void require_known_names(const Archive& archive, const Config& config) {
  const auto known = known_arrays(config);
  for (const auto& [path, array] : archive.arrays()) {
    const auto found = known.find(path);
    if (found == known.end()) refuse(archive, fmt::format("holds an unknown array /{}", path));
    if (const auto type = Archive::type_name(array.data); type != found->second)
      refuse(archive, fmt::format("/{} holds {} ({} expected)", path, type, found->second));
  }
  for (const auto& [group, values] : archive.attributes())
    for (const auto& [name, value] : values) require_known_attribute(archive, group, name, value);
}

RunSnapshot read_run_snapshot(const std::string& path, checkpoints::FileSystem& files,
                              checkpoints::Links links) {
  const auto bytes = checkpoints::read_file(files, path, links);
  return checked(path, bytes, checkpoints::parse_snapshot(bytes, path));
}

RunSnapshot read_any_snapshot(const std::string& path, checkpoints::FileSystem& files) {
  return parse_any_snapshot(checkpoints::read_file(files, path), path);
}

RunSnapshot parse_any_snapshot(std::span<const std::byte> bytes, const std::string& name) {
  Archive archive = checkpoints::parse_snapshot(bytes, name);
  if (!is_model(archive)) return checked(name, bytes, std::move(archive));
  return {name, schema_of(bytes), bytes.size(), 0, config_from(archive, false), std::move(archive)};
}

Archive load_run_snapshot(const std::string& path, checkpoints::FileSystem& files) {
  return read_run_snapshot(path, files).archive;
}

RunSnapshot run_snapshot(checkpoints::NewestWhole found) {
  RunSnapshot s = checked(found.snapshot.path, found.bytes, std::move(found.archive));
  if (s.generation != found.snapshot.update)
    throw checkpoints::BadData(
        fmt::format("{}: holds generation {}, which does not match its name; move it away, or rename it to "
                    "its generation",
                    s.path, s.generation));
  return s;
}

RunSnapshot newest_run_snapshot(const std::string& directory, std::vector<std::string>* notes,
                                checkpoints::FileSystem& files) {
  auto found = checkpoints::newest_whole_snapshot(directory, files);
  if (notes) {
    for (const auto& damaged : found.damaged) notes->push_back(damaged.note);
    notes->insert(notes->end(), found.notes.begin(), found.notes.end());
  }
  return run_snapshot(std::move(found));
}

}  // namespace metalearn
