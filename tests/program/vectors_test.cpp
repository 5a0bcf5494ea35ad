// vectors: the program agrees with every golden file, and notices one number that is off.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

using namespace program_test;

TEST_CASE("every golden file agrees in float64") {
  Folder folder;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(METALEARN_GOLDEN)) {
    if (entry.path().extension() != ".h5") continue;
    ++files;
    CAPTURE(entry.path().filename().string());
    const Result result = run(program({"vectors", entry.path().string(), "--json"}), folder.path);
    CAPTURE(result.err);
    CHECK(result.code == 0);
    const auto report = nlohmann::json::parse(result.out);
    CHECK(report["ok"] == true);
    CHECK(report["groups"].size() > 3);
    for (const auto& group : report["groups"])
      CHECK(group["worst_relative_error"].get<double>() <= group["tolerance"].get<double>());
  }
  CHECK(files > 0);
}

TEST_CASE("a golden file with one changed number is told from a good one") {
  Folder folder;
  fs::path golden;
  for (const auto& entry : fs::directory_iterator(METALEARN_GOLDEN))
    if (entry.path().extension() == ".h5" &&
        (golden.empty() || fs::file_size(entry.path()) < fs::file_size(golden)))
      golden = entry.path();
  REQUIRE(!golden.empty());
  const std::string script =
      "import h5py, shutil, sys\n"
      "shutil.copy(sys.argv[1], sys.argv[2])\n"
      "with h5py.File(sys.argv[2], 'r+') as f:\n"
      "    J = f['objective'][()]; J[1] *= 1 + 1e-8; f['objective'][...] = J\n";
  const Result made =
      run({"/usr/bin/python3", "-c", script, golden.string(), (folder / "changed.h5").string()}, folder.path);
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  const Result result = run(program({"vectors", "changed.h5"}), folder.path);
  CHECK(result.code == 1);
  CHECK(contains(result.out, "WRONG"));
  CHECK(contains(result.out, "some do not agree"));
}
