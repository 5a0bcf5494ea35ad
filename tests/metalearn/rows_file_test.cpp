#include "metalearn/records/rows_file.hpp"

#include <doctest/doctest.h>

#include "../checkpoints/fixture.hpp"
#include "outer_fixture.hpp"

using metalearn::RowsFile;
using outer_test::text_of;

namespace {

const std::string kHeader = "update,a\n";

/// What is in the file once it was opened at this update, and how many rows were kept.
std::pair<std::string, std::int64_t> opened(const std::string& before, std::int64_t update) {
  checkpoints::test::TemporaryDirectory dir;
  const std::string path = dir / "rows.csv";
  if (!before.empty()) std::ofstream(path, std::ios::binary) << before;
  const RowsFile rows(path, kHeader, update, checkpoints::posix_file_system());
  return {text_of(path), rows.rows()};
}

}  // namespace

TEST_CASE(
    "a file keeps its rows up to the update that it is opened at; later ones and a torn one go, however it "
    "was torn") {
  CHECK(opened("", 0) == std::pair(kHeader, std::int64_t{0}));
  const std::string three = kHeader + "1,x\n1,y\n2,z\n";
  CHECK(opened(three, 2) == std::pair(three, std::int64_t{3}));
  CHECK(opened(three, 1) == std::pair(kHeader + "1,x\n1,y\n", std::int64_t{2}));
  CHECK(opened(three, 0) == std::pair(kHeader, std::int64_t{0}));
  const std::vector<std::string> up_to = {kHeader, kHeader + "1,x\n", kHeader + "1,x\n1,y\n", three};
  for (std::size_t n = 0; n <= three.size(); ++n) {  // written before the first snapshot, or behind it
    CAPTURE(n);
    const std::string torn = three.substr(0, n);
    const std::string expected = *std::find_if(up_to.rbegin(), up_to.rend(), [&](const auto& whole) {
      return whole == kHeader || torn.starts_with(whole);
    });
    CHECK(opened(torn, 2).first == expected);
  }
  CHECK(opened(kHeader + "1,x\nnot a row\n2,z\n", 2) == std::pair(kHeader + "1,x\n", std::int64_t{1}));
}

TEST_CASE("rows are appended as they come, and what is appended before flush() is on the disk") {
  checkpoints::test::TemporaryDirectory dir;
  checkpoints::test::FaultyFileSystem files;
  files.longest_write = 3;
  RowsFile rows(dir / "rows.csv", kHeader, 0, files);
  rows.append("1,x\n1,y\n");
  rows.append("");
  rows.append("2,z\n");
  rows.flush();
  CHECK(text_of(dir / "rows.csv") == kHeader + "1,x\n1,y\n2,z\n");
}

TEST_CASE("other columns are refused where a run goes on, and replaced where one begins") {
  CHECK_THROWS_WITH_AS(opened("update,b\n1,x\n", 1), doctest::Contains("its columns do not match this run"),
                       checkpoints::BadData);
  CHECK(opened("update,b\n", 0).first == kHeader);
}

TEST_CASE("whichever system call fails, the error names the file") {
  int failures = 0;
  for (int i = 0;; ++i) {
    checkpoints::test::TemporaryDirectory dir;
    checkpoints::test::FaultyFileSystem files(i, ENOSPC);
    std::string m;
    const int code = checkpoints::test::exit_code_of(
        [&] {
          RowsFile rows(dir / "rows.csv", kHeader, 0, files);
          rows.append("1,x\n");
          rows.flush();
        },
        &m);
    if (files.calls <= i) break;
    if (code == 0) continue;  // the look whether there is a file, or the last close
    ++failures;
    CAPTURE(m);
    CHECK(code == 74);
    CHECK(m.find(dir / "rows.csv") == 0);
  }
  CHECK(failures >= 4);
}
