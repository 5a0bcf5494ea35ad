// load_dataset: a data set from a word of the command line. Which format a path holds is told from what is
// there (load_dataset.cpp).
#pragma once
#include <memory>
#include <string>

#include "metalearn/data/dataset.hpp"

namespace metalearn {

/// A word of the command line: NAME or NAME=PATH. "glyph" is drawn from fonts, "bags", "mixture" and
/// "teacher" without a PATH are synthetic (synthetic.hpp); of everything else the kind is told from what PATH
/// holds (dataset.cpp). Throws NoInput, BadData or UsageError with one line that names the file and the fix.
/// Reads and checks everything at once, and keeps nothing for the next call.
std::shared_ptr<const Dataset> load_dataset(const std::string& word, const LoadOptions& options = {});

}  // namespace metalearn
