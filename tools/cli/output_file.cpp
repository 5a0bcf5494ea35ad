#include "tools/cli/output_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/data/formats/npz.hpp"
#include "metalearn/records/run_file_list.hpp"
#include "metalearn/report/page.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/schedule_svg.hpp"
#include "tools/cli/sweep_file.hpp"

namespace tools {

namespace fs = std::filesystem;
using checkpoints::UsageError;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

bool is_model_file(std::string_view content, const char* kind) {
  try {
    const auto archive = checkpoints::parse_snapshot(bytes_of(content), "");
    const auto* found = archive.find_attribute<std::string>("", "kind");
    return found && *found == kind;
  } catch (const checkpoints::Error&) {
    return false;
  }
}

/// An object with exactly these keys; optional ones may be missing.
bool is_evaluation_with(std::string_view content, const std::vector<std::string>& keys,
                        const std::vector<std::string>& optional) {
  constexpr int kMaxDepth = 8;  // of lists and objects; an evaluation needs 4
  bool is_shallow = true;
  const Json json = Json::parse(
      content,
      [&](int depth, Json::parse_event_t, Json&) { return is_shallow = is_shallow && depth <= kMaxDepth; },
      false);
  if (!is_shallow || !json.is_object() || !json.contains("results") || !json["results"].is_array())
    return false;
  const auto among = [](const std::vector<std::string>& names, const std::string& key) {
    return std::find(names.begin(), names.end(), key) != names.end();
  };
  std::size_t found = 0;
  for (const auto& [key, value] : json.items()) {
    if (among(keys, key))
      ++found;
    else if (!among(optional, key))
      return false;
  }
  const auto is_row = [](const Json& row) {
    return row.is_object() && row.contains("data") && row.contains("method") && row.contains("step") &&
           row.contains("accuracy_mean");
  };
  return found == keys.size() && std::all_of(json["results"].begin(), json["results"].end(), is_row);
}

}  // namespace

const FileKind kFeatures{"features of apply", ".h5", "MLSNAP",
                         [](std::string_view content) { return is_model_file(content, "features"); }};
const FileKind kModel{"a theta or phi of import or export", ".h5", "MLSNAP",
                      [](std::string_view content) { return is_model_file(content, "model"); }};
const FileKind kNumpyArrays{"the arrays of export", ".npz", "PK\3\4", [](std::string_view content) {
                              return metalearn::is_own_npz(bytes_of(content));
                            }};
const FileKind kEvaluation{"an evaluation of one theta", ".json", "{", [](std::string_view content) {
                             return is_evaluation_with(content, {"results", "chosen_step", "gain"},
                                                       {"meta_validation", "permutation"});
                           }};
const FileKind kComparison{"a comparison of methods", ".json", "{", [](std::string_view content) {
                             return is_evaluation_with(content, {"results", "methods", "protocol"}, {});
                           }};
const FileKind kReportPage{"a page of report", ".html", "<!DOCTYPE html>", metalearn::report::is_report_page};
const FileKind kSchedulePicture{"a picture of plan", ".svg", "<svg", is_schedule_svg};
const FileKind kSweepTable{"the table of a sweep", ".csv", "data,value,", is_sweep_table};

namespace {

const FileKind* const kAllKinds[] = {&kFeatures,   &kModel,      &kNumpyArrays,     &kEvaluation,
                                     &kComparison, &kReportPage, &kSchedulePicture, &kSweepTable};

bool is_one(const std::string& path, const FileKind& kind) {
  std::error_code none;
  if (!fs::is_regular_file(path, none)) return false;
  std::string head(kind.head.size(), '\0');
  auto& files = checkpoints::posix_file_system();
  try {
    const int file = checkpoints::open_to_read(files, path);
    const auto got = files.pread(file, head.data(), head.size(), 0);
    files.close(file);
    if (got != static_cast<ssize_t>(head.size()) || head != kind.head)
      return false;  // before all of it is read
    const auto bytes = checkpoints::read_file(files, path);
    return kind.is_one({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const checkpoints::Error&) {
    return false;
  }
}

/// Says what a file that is not of this kind is, if this program knows its kind.
std::string what_is(const std::string& path, const FileKind& wanted) {
  for (const FileKind* kind : kAllKinds)
    if (is_one(path, *kind)) return fmt::format("is {}, not {}", kind->name, wanted.name);
  return fmt::format("is not {} that this program wrote", wanted.name);
}

/// Whether a run keeps its state in this file.
bool is_of_a_run(const fs::path& file) {
  const std::string folder = file.parent_path().empty() ? "." : file.parent_path().string();
  if (!metalearn::is_run_file(file.filename())) return false;
  return fs::is_directory(folder) && !checkpoints::list_snapshots(folder).empty();
}

std::string source_of(const std::string& word) { return word.substr(word.find('=') + 1); }

bool is_within(const std::string& file, const std::string& folder) {
  std::error_code none;
  const fs::path below = fs::weakly_canonical(file, none), above = fs::weakly_canonical(folder, none);
  return std::mismatch(above.begin(), above.end(), below.begin(), below.end()).first == above.end();
}

void refuse_input(const std::string& words, const std::string& path, const std::string& input) {
  std::error_code none;
  if (fs::equivalent(path, input, none))
    throw UsageError(fmt::format("{} is an input of this command; name another file", words));
}

}  // namespace

OutputFile::OutputFile(const Arguments& arguments, const std::string& option, std::string path,
                       std::initializer_list<const FileKind*> kinds)
    : words_(option.empty() ? path : fmt::format("--{} {}", option, path)),
      path_(std::move(path)),
      kind_(*kinds.begin()),
      is_forced_(arguments.has("force")) {
  for (const metalearn::ConfigKey& key : metalearn::keys_where(&metalearn::ConfigKey::is_repeatable))
    for (const auto& list : arguments.all(key.name))
      for (auto& word : metalearn::split_list(list)) data_.push_back(std::move(word));
  for (const auto& word : data_) refuse_input(words_, path_, source_of(word));
  std::error_code none;
  if (path_.empty() || path_.ends_with('/') || (fs::is_directory(path_, none) && !option.empty()))
    throw UsageError(fmt::format("--{} '{}' is not a file name; name a file", option, path_));
  for (const char* input : {"theta", "phi", "config"})
    for (const auto& file : arguments.all(input)) refuse_input(words_, path_, file);
  for (const auto& file : arguments.words) refuse_input(words_, path_, file);
  if ((path_.starts_with("/dev/") && !path_.starts_with("/dev/shm/")) || path_.starts_with("/proc/"))
    throw UsageError(
        fmt::format("{}: cannot be overwritten: it is not a regular file; name another file", words_));
  if (is_of_a_run(fs::weakly_canonical(path_, none)))
    throw UsageError(
        fmt::format("{}: cannot be overwritten: a run keeps its state there; name another file", words_));
  if (fs::exists(fs::symlink_status(path_, none))) {
    if (!fs::is_regular_file(path_, none))
      throw UsageError(
          fmt::format("{}: cannot be overwritten: it is {}, not a regular file; name another file", words_,
                      fs::exists(path_, none) ? "a device, a pipe or a folder" : "a dangling link"));
    if (fs::is_symlink(fs::symlink_status(path_, none))) path_ = fs::canonical(path_).string();
  }

  const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                 [&](const FileKind* k) { return fs::path(path_).extension() == k->ending; });
  if (kind == kinds.end()) {
    std::string endings;
    for (const FileKind* k : kinds)
      endings += fmt::format("{}{} ({})", endings.empty() ? "" : " or ", k->ending, k->name);
    throw UsageError(fmt::format("{}: unknown ending; name a file that ends in {}", words_, endings));
  }
  kind_ = *kind;
  keep_off(data_);
  require_replaceable();
}

void OutputFile::keep_off(const std::vector<std::string>& words) const {
  std::error_code none;
  for (const auto& word : words) {
    const std::string source = source_of(word);
    refuse_input(words_, path_, source);
    if (fs::exists(path_, none) && fs::is_directory(source, none) && is_within(path_, source) &&
        !is_one(path_, *kind_))
      throw UsageError(
          fmt::format("{}: cannot be overwritten: the existing file {}, and is in a folder that is read "
                      "(data {}); name another file",
                      words_, what_is(path_, *kind_), source));
  }
}

void OutputFile::require_replaceable() const {
  std::error_code none;
  if (!fs::exists(fs::symlink_status(path_, none))) return;
  if (fs::is_regular_file(path_, none) &&
      (is_forced_ || fs::file_size(path_, none) == 0 || is_one(path_, *kind_)))
    return;
  throw UsageError(fmt::format(
      "{}: cannot be overwritten: the existing file {}; name another file, or give --force to replace it",
      words_, what_is(path_, *kind_)));
}

void OutputFile::write(std::span<const std::byte> bytes) const {
  keep_off(data_);
  require_replaceable();  // the file may have changed during a long computation
  auto& files = checkpoints::posix_file_system();
  checkpoints::make_directories(files, checkpoints::directory_of(path_));
  checkpoints::write_durably(files, path_, bytes);
}

Option force_option() {
  return {"force", "", "replace the output file, whatever it is, except inputs and files of a run's state"};
}

OutputFile required_output(const Arguments& arguments, std::initializer_list<const FileKind*> kinds) {
  const auto out = arguments.find("out");
  if (!out || out->empty()) {
    std::string endings;
    for (const FileKind* kind : kinds)
      endings += fmt::format("{}FILE{}", endings.empty() ? "" : " or ", kind->ending);
    throw UsageError(fmt::format("no file to write; give --out {}", endings));
  }
  std::error_code none;
  const auto folder = fs::path(*out).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, none))
    throw checkpoints::IoError(
        fmt::format("--out {}: no such folder: {}; create it first", *out, folder.string()));
  return {arguments, "out", *out, kinds};
}

OutputFile optional_output(const Arguments& arguments, const FileKind& kind, const std::string& option,
                           const std::string& fallback) {
  if (const auto out = arguments.find(option)) return {arguments, option, *out, {&kind}};
  if (!fallback.empty()) return {arguments, "", fallback, {&kind}};
  if (arguments.has("force"))
    throw UsageError(fmt::format("--force has no effect without --{}; leave it out", option));
  return {};
}

OutputFile output_at(const Arguments& arguments, const FileKind& kind, const std::string& path) {
  return {arguments, "", path, {&kind}};
}

}  // namespace tools
