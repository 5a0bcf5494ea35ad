#include "metalearn/records/run_log.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/records/evaluation_rows.hpp"
#include "metalearn/records/log_rows.hpp"
#include "metalearn/records/step_rows.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

UpdateRows rows_of(std::int64_t update) {
  UpdateRows rows;
  rows.metrics.update = update;
  rows.steps = fmt::format("{},3,0,1,1\n", update);
  rows.evaluated.emplace_back().data = "toy";
  rows.events = {{EventKind::note, "one \"word\""}, {EventKind::dropped, "dropped task 3 (a): ..."}};
  return rows;
}

}  // namespace

TEST_CASE("a run has the row files that its configuration asks for, with the rows of each update in each") {
  Folder folder;
  Config all = tiny_config(), few = tiny_config();
  all.telemetry = all.tensorboard = true;
  for (const bool is_all : {true, false}) {
    const std::string path = folder / (is_all ? "all" : "few");
    auto directory = checkpoints::RunDirectory::create(path);
    RunLog log(directory, is_all ? all : few, {"a"},
               is_all ? std::optional(RunLog::Sources{{"toy", "0a"}}) : std::nullopt, 0,
               checkpoints::posix_file_system());
    CHECK(log.rows_lost() == 0);
    log.append(0, {{EventKind::note, "before"}});
    log.append(rows_of(1));
    log.append(rows_of(2));
    log.flush();
    CHECK(text_of(path + "/" + kLogName) ==
          "update,event\n0,\"before\"\n1,\"one \"\"word\"\"\"\n1,\"dropped task 3 (a): ...\"\n"
          "2,\"one \"\"word\"\"\"\n2,\"dropped task 3 (a): ...\"\n");
    const std::string metrics = text_of(path + "/metrics.csv");
    CHECK(std::count(metrics.begin(), metrics.end(), '\n') == 3);
    if (is_all) {
      CHECK(text_of(path + "/" + kStepRowsName) == step_rows_header() + "1,3,0,1,1\n2,3,0,1,1\n");
      CHECK(text_of(path + "/" + kEvaluationRowsName).ends_with(",0a\n"));
    }
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      files += entry.path().filename() != "lock";
    CHECK(files == (is_all ? 5 : 2));
  }
}

TEST_CASE("a log opened at an update keeps the rows up to it, and says how many of the metrics are missing") {
  Folder folder;
  auto directory = checkpoints::RunDirectory::create(folder / "run");
  const Config c = tiny_config();
  const auto open = [&](std::int64_t update) {
    return RunLog(directory, c, {"a"}, {}, update, checkpoints::posix_file_system()).rows_lost();
  };
  {
    RunLog log(directory, c, {"a"}, {}, 0, checkpoints::posix_file_system());
    for (std::int64_t update : {1, 2, 3}) log.append(rows_of(update));
  }
  CHECK(open(2) == 0);
  CHECK(text_of(folder / "run/log.csv").find("\n3,") == std::string::npos);
  CHECK(open(5) == 3);
}

TEST_CASE("evaluations of another set of the same name are refused before any file is made") {
  Folder folder;
  auto directory = checkpoints::RunDirectory::create(folder / "run");
  std::ofstream(folder / "run/evaluations.csv") << evaluation_rows_header() << "1,toy,0,0.5,0,1,0,1,0a\n";
  CHECK_THROWS_AS(RunLog(directory, tiny_config(), {"a"}, RunLog::Sources{{"toy", "0b"}}, 1,
                         checkpoints::posix_file_system()),
                  checkpoints::UsageError);
  CHECK_FALSE(std::filesystem::exists(folder / "run/metrics.csv"));
}
