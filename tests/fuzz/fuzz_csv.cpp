// Harness of the CSV reader: the input is a file. What it accepts is a full table of finite numbers with
// labels.
#include <cmath>
#include <cstdlib>

#include "checkpoints/error.hpp"
#include "metalearn/data/formats/csv.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  metalearn::FileBytes file;
  file.name = "fuzz";
  file.bytes.assign(data, data + size);
  try {
    const auto table = metalearn::parse_csv(file);
    if (table.labels.empty() || table.columns < 1 ||
        table.features.size() != table.labels.size() * static_cast<std::size_t>(table.columns))
      std::abort();
    for (double x : table.features)
      if (!std::isfinite(x)) std::abort();
    for (const auto& label : table.labels)
      if (label.empty()) std::abort();
  } catch (const checkpoints::BadData&) {
  }
  return 0;
}
