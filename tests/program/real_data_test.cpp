// bench/real_data: the commands of the real-data table.
#include "program_fixture.hpp"

using namespace program_test;

TEST_CASE("the real-data benchmark's help says what it does and starts nothing") {
  Folder folder;
  const std::string script = (fs::path(METALEARN_SOURCE) / "bench/real_data").string();
  const Result result = run({script, "--help"}, folder.path);
  CHECK(result.code == 0);
  CHECK(contains(result.out, "usage: bench/real_data DATA_DIR [RUN_DIR]"));
  CHECK(run({script}, folder.path).code == 64);
  CHECK(fs::is_empty(folder.path));
}
