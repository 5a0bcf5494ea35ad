#include "metalearn/data/fingerprint.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace metalearn {

std::string fingerprint(const Dataset& set) {
  std::string facts = set.split_note;
  for (const auto& line : set.provenance) facts += "\n" + line;
  return fmt::format("{:016x}", XXH3_64bits(facts.data(), facts.size()));
}

}  // namespace metalearn
