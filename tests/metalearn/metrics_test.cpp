#include "metalearn/records/metrics.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "checkpoints/error.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

MetricsRow row(std::int64_t update) {
  MetricsRow r;
  r.update = update;
  r.objective = {1.5, 1.25};
  r.by_family["a"] = {1.5, 1.25};
  r.gradient_by_family["a"] = 0.5;
  r.gradient_norm = 0.75;
  r.rate = 0.001;
  r.length_limit = 20;
  r.inner_steps = 9;
  return r;
}

const std::string kHeader =
    "update,objective_first,objective_last,objective_first.a,objective_last.a,gradient_norm.a,objective_"
    "first.b,objective_last.b,gradient_norm.b,"
    "gradient_norm,clipped_share,rate,replaced,dropped,mean_age,length_limit,inner_steps,validation_"
    "objective.0,validation_accuracy.0,"
    "validation_objective.10,validation_accuracy.10,seconds\n";

}  // namespace

TEST_CASE("a row has a cell for every column, empty where there is nothing to say") {
  Folder folder;
  Metrics m(folder / ".", {"a", "b"}, {0, 10}, 0);
  m.append(row(1));
  MetricsRow second = row(2);
  second.objective.first = std::numeric_limits<double>::quiet_NaN();
  second.validation = {{10, 1.125, 0.5}};
  m.append(second);
  CHECK(text_of(folder / "metrics.csv") ==
        kHeader +
            "1,1.5,1.25,1.5,1.25,0.5,,,,0.75,0,0.001,0,0,0,20,9,,,,,0.000\n"
            "2,,1.25,1.5,1.25,0.5,,,,0.75,0,0.001,0,0,0,20,9,,,1.125,0.5,0.000\n");
}

TEST_CASE(
    "opening at an update cuts off the rows after it, and a torn one, so that there is no gap and no "
    "duplicate") {
  Folder folder;
  std::string whole;
  {
    Metrics m(folder / ".", {"a", "b"}, {0, 10}, 0);
    for (int u = 1; u <= 5; ++u) m.append(row(u));
    whole = text_of(folder / "metrics.csv");
  }
  std::ofstream(folder / "metrics.csv", std::ios::app) << "6,1.5,1.2";
  {
    Metrics m(folder / ".", {"a", "b"}, {0, 10}, 3);
    for (int u = 4; u <= 5; ++u) m.append(row(u));
  }
  CHECK(text_of(folder / "metrics.csv") == whole);
}

TEST_CASE("a new run begins a new file") {
  Folder folder;
  std::ofstream(folder / "metrics.csv") << "something else\n1,2\n";
  Metrics m(folder / ".", {"a", "b"}, {0, 10}, 0);
  CHECK(text_of(folder / "metrics.csv") == kHeader);
}

TEST_CASE("a metrics file with other columns is refused on resume, not overwritten") {
  Folder folder;
  std::ofstream(folder / "metrics.csv") << "update,objective\n1,2\n";
  CHECK_THROWS_AS(Metrics(folder / ".", {"a"}, {}, 1), checkpoints::BadData);
  CHECK(text_of(folder / "metrics.csv") == "update,objective\n1,2\n");
}

TEST_CASE("rows that are gone on resume are noticed") {
  Folder folder;
  CHECK(Metrics(folder / ".", {"a"}, {}, 0).rows_lost() == 0);
  {
    Metrics m(folder / ".", {"a"}, {}, 0);
    for (int u = 1; u <= 4; ++u) m.append(row(u));
  }
  CHECK(Metrics(folder / ".", {"a"}, {}, 4).rows_lost() == 0);
  CHECK(Metrics(folder / ".", {"a"}, {}, 6).rows_lost() == 2);
  std::filesystem::remove(folder / "metrics.csv");
  CHECK(Metrics(folder / ".", {"a"}, {}, 4).rows_lost() == 4);
}

TEST_CASE("a folder that does not exist is an I/O error that names the file") {
  CHECK_THROWS_WITH_AS(Metrics("/nonexistent-folder", {}, {}, 0),
                       "/nonexistent-folder/metrics.csv: can't be written: write: No such file or directory; "
                       "write elsewhere (--run, --out), or change the permissions of this folder",
                       checkpoints::IoError);
}
