// DataFormat: one way in which a user's data may lie at a path. Its row says in which words messages and help
// name it, and how it is read.
//
// To add one: a file in this room that defines the row, and its place in load_dataset.cpp's table.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

struct DataFormat {
  const char* name;
  const char* holds;   ///< for messages, after "expected are": "train.csv"
  const char* layout;  ///< for help: what the folder, or the file, has to hold
  /// Data sets known by these names come in this format.
  std::vector<std::string> data_sets = {};
  /// Nothing where the path does not hold this format. Throws NoInput or BadData where it does, but can't be
  /// read.
  std::optional<Dataset> (*read)(const std::string& name, const std::filesystem::path& path,
                                 const LoadOptions& options);
};

}  // namespace metalearn
