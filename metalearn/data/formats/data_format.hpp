// DataFormat: one format of a user's data at a path. Its row has its names for messages and help, and its
// reader.
//
// To add one: a file in this folder that defines the row, and an entry in load_dataset.cpp's table.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

struct DataFormat {
  const char* name;
  const char* holds;   ///< for messages, after "expected:": "train.csv"
  const char* layout;  ///< for help: what the folder or the file must contain
  /// Data sets known by these names come in this format.
  std::vector<std::string> data_sets = {};
  /// Nothing if the path does not hold this format. Throws NoInput or BadData if it does but cannot be read.
  std::optional<Dataset> (*read)(const std::string& name, const std::filesystem::path& path,
                                 const LoadOptions& options);
};

}  // namespace metalearn
