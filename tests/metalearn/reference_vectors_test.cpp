#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "checkpoints/error.hpp"
#include "metalearn/model/reference_vectors.hpp"

using namespace metalearn;

namespace {
void check_file(const std::string& path) {
  CAPTURE(path);
  const VectorReport r = check_reference_vectors(path);
  CHECK(r.ok);
  CHECK(r.groups.size() >= 14);  // intermediates, states, objectives, gradients
  for (const VectorGroup& g : r.groups) {
    CAPTURE(g.worst_array);
    CHECK(g.worst <= g.tolerance);
    CHECK(g.arrays > 0);
  }
}
}  // namespace

TEST_CASE("the rule agrees with the reference vectors in every intermediate, state, objective and gradient") {
  for (const char* name : {"tiny", "tiny_tanh", "tiny_separate", "medium"}) check_file(std::string(METALEARN_GOLDEN) + "/" + name + ".h5");
}

TEST_CASE("the rule agrees with the reference vectors at the paper's channel counts") {
  const std::string path = std::string(METALEARN_SHARED) + "/golden/paper_channels.h5";  // too large to keep in the repository
  if (std::filesystem::exists(path)) check_file(path);
  else MESSAGE("skipped: no " << path);
}

TEST_CASE("a file that is not of the layout is refused as bad data, a missing one as missing") {
  const auto path = std::filesystem::temp_directory_path() / "metalearn_not_vectors.h5";
  std::ofstream(path) << "not an HDF5 file at all";
  CHECK_THROWS_AS(check_reference_vectors(path.string()), checkpoints::BadData);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(check_reference_vectors(path.string()), checkpoints::NoInput);
}
