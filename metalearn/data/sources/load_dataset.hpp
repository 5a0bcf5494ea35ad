// load_dataset: a data set from a word of the command line. The format is detected from the files at the path
// (load_dataset.cpp).
#pragma once
#include <memory>
#include <span>
#include <string>

#include "metalearn/data/dataset.hpp"
#include "metalearn/data/formats/data_format.hpp"

namespace metalearn {

/// In the order in which they are tried: the first one that a path holds is read.
std::span<const DataFormat* const> data_formats();

/// A word of the command line: NAME or NAME=PATH. "glyph" is drawn from fonts, synthetic families
/// (synthetic.hpp) have no PATH; for everything else the format is detected from the contents of PATH. Throws
/// NoInput, BadData or UsageError with one line that names the file and the fix. Reads and checks everything
/// immediately, and caches nothing.
std::shared_ptr<const Dataset> load_dataset(const std::string& word, const LoadOptions& options = {});

}  // namespace metalearn
