#include "metalearn/data/formats/class_folders.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "checkpoints/archive.hpp"
#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;

/// Names in a folder that do not start with a dot, ascending. `folders`: folders, otherwise files.
std::vector<std::string> names_in(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code error, ignored;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name[0] != '.' && (folders ? entry->is_directory(ignored) : entry->is_regular_file(ignored)))
      names.push_back(std::move(name));
  }
  if (error)
    throw checkpoints::NoInput(
        fmt::format("{}: cannot be listed ({}); check its permissions", folder.string(), error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

std::string extension_of(const std::string& name) {
  std::string extension = fs::path(name).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

bool has_extension(const std::string& name, const std::vector<std::string>& extensions) {
  const std::string extension = extension_of(name);
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

struct Class {
  std::string name;
  std::vector<fs::path> files;
};

/// left_out: files of other kinds, by their endings.
std::vector<Class> classes_in(const fs::path& folder, const std::vector<std::string>& extensions,
                              const std::vector<std::string>& excluded,
                              std::map<std::string, std::int64_t>& left_out) {
  std::vector<Class> classes;
  for (const auto& name : names_in(folder, true)) {
    if (std::find(excluded.begin(), excluded.end(), name) != excluded.end()) continue;
    if (!checkpoints::is_proper_name(name))
      throw checkpoints::BadData(
          fmt::format("{}: has a class folder whose name is not UTF-8, or has control characters; rename it",
                      folder.string()));
    classes.push_back({name, {}});
    for (const auto& file : names_in(folder / name, false))
      if (has_extension(file, extensions))
        classes.back().files.push_back(folder / name / file);
      else
        ++left_out[extension_of(file)];
  }
  return classes;
}

/// If so, they are class folders: a class itself may be called "train".
bool holds_folders(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) && !names_in(path, true).empty();
}

}  // namespace

std::optional<ClassFolders> list_class_folders(const fs::path& folder,
                                               const std::vector<std::string>& extensions,
                                               const std::vector<std::string>& excluded) {
  if (std::error_code ignored; !fs::is_directory(folder, ignored)) return {};
  std::vector<fs::path> roots = {holds_folders(folder / "train") ? folder / "train" : folder};
  std::vector<std::string> tests;  // the first one is used
  for (const char* name : {"test", "val"})
    if (roots[0] != folder && holds_folders(folder / name)) tests.push_back(name);
  std::string both;
  if (!tests.empty()) {
    roots.push_back(folder / tests[0]);
    both = fmt::format("folders train and {}{}", tests[0],
                       tests.size() > 1 ? fmt::format(" ({} is not read)", tests[1]) : "");
  }
  std::vector<std::vector<Class>> parts;
  std::map<std::string, std::int64_t> left_out;
  for (const auto& root : roots) parts.push_back(classes_in(root, extensions, excluded, left_out));
  const auto holds_one = [](const std::vector<Class>& part) {
    return std::any_of(part.begin(), part.end(), [](const Class& c) { return !c.files.empty(); });
  };
  if (std::none_of(parts.begin(), parts.end(), holds_one)) return {};

  ClassFolders found;
  found.both = both;
  if (!left_out.empty()) {
    std::vector<std::string> counts;
    for (const auto& [extension, count] : left_out)
      counts.push_back(fmt::format("{} {}", count, extension.empty() ? "without an ending" : extension));
    found.notes.push_back(
        fmt::format("{}: files left out because of their endings: {} (read are {}); convert them",
                    folder.string(), fmt::join(counts, ", "), fmt::join(extensions, ", ")));
  }
  std::set<std::string> names;
  for (std::size_t p = 0; p < parts.size(); ++p)
    for (const Class& c : parts[p]) {
      if (c.files.empty())
        throw checkpoints::BadData(
            fmt::format("{}: no files in this class ({} expected); add some or remove the folder",
                        (roots[p] / c.name).string(), fmt::join(extensions, ", ")));
      names.insert(c.name);
    }
  found.class_names.assign(names.begin(), names.end());
  const auto flat = [&](const std::vector<Class>& part) {
    std::vector<ClassFile> files;
    for (const Class& c : part) {
      const auto label = static_cast<std::int32_t>(std::distance(names.begin(), names.find(c.name)));
      for (const auto& file : c.files) files.push_back({file, label});
    }
    return files;
  };
  found.train = flat(parts[0]);
  if (parts.size() == 2) found.test = flat(parts[1]);
  return found;
}

FileBytes PartReader::read(const fs::path& path) {
  FileBytes file = read_file(path);
  file.name = (path.parent_path().filename() / path.filename()).string();
  crc_ = static_cast<std::uint32_t>(
      crc32_z(crc_, reinterpret_cast<const Bytef*>(file.name.data()), file.name.size()));
  crc_ = static_cast<std::uint32_t>(crc32_z(crc_, file.bytes.data(), file.bytes.size()));
  file.name = path.string();
  ++files_;
  return file;
}

std::string PartReader::checksum(const std::string& part) const {
  return fmt::format("{}: {} files crc32 {:08x}", part, files_, crc_);
}

}  // namespace metalearn
