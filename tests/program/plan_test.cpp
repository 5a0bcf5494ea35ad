// The plan of a long unroll, and its errors.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

using namespace program_test;

TEST_CASE("a plan says what a budget costs, and its neighbours; more never costs more") {
  Folder folder;
  const Result result = run(program({"plan", "--unroll", "300", "--memory", "96MiB", "--preset", "demo",
                                     "--threads", "1", "--json", "--svg", "plan.svg"}),
                            folder.path);
  REQUIRE(result.code == 0);
  const auto plan = nlohmann::json::parse(result.out);
  for (const char* key : {"schedule", "peak_bytes", "ram_checkpoints", "disk_checkpoints",
                          "forward_evaluations_per_step", "predicted_seconds", "lower_bound_evaluations"})
    CHECK(plan.contains(key));
  CHECK(plan["peak_bytes"] <= 96 << 20);
  CHECK(plan["lower_bound_evaluations"].get<double>() <=
        300 * plan["forward_evaluations_per_step"].get<double>() * (1 + 1e-12));  // both rounded
  const auto& twice = plan["double"];
  CHECK(twice["forward_evaluations_per_step"] <= plan["forward_evaluations_per_step"]);
  CHECK(twice["predicted_seconds"] <= plan["predicted_seconds"]);
  const std::string svg = slurp(folder / "plan.svg");
  CHECK(svg.rfind("<svg", 0) == 0);
  CHECK(svg.find("</svg>") != std::string::npos);
  for (const char* part : {">forward</text>", ">reverse</text>", ">step 0 .. 300</text>"})
    CHECK(contains(svg, part));
  CHECK(contains(svg, plan["ram_checkpoints"] > 0 ? ">state in RAM</text>" : ">tape kept</text>"));

  const std::string least = std::to_string(plan["smallest_memory_bytes"].get<std::int64_t>());
  CHECK(run(program({"plan", "--unroll", "300", "--memory", least, "--preset", "demo", "--threads", "1"}),
            folder.path)
            .code == 0);
  const Result less = run(program({"plan", "--unroll", "300", "--memory",
                                   std::to_string(plan["smallest_memory_bytes"].get<std::int64_t>() - 1),
                                   "--preset", "demo", "--threads", "1"}),
                          folder.path);
  CHECK(less.code == 71);
  CHECK(contains(less.err, "the smallest budget that works is " + least + " bytes"));
  CHECK(less.out.empty());
}

TEST_CASE("a plan with a disk uses its folder and leaves nothing there") {
  Folder folder;
  const Result result = run(program({"plan", "--unroll", "2000", "--memory", "24MiB", "--disk", "1GiB",
                                     "--disk-dir", ".", "--preset", "demo", "--threads", "1"}),
                            folder.path);
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(contains(result.out, "lower bound"));
  CHECK(fs::is_empty(folder.path));
  const auto figures = [&](const char* disk) {
    const Result json = run(program({"plan", "--unroll", "2000", "--memory", "24MiB", "--disk", disk,
                                     "--disk-dir", ".", "--preset", "demo", "--threads", "1", "--json"}),
                            folder.path);
    REQUIRE(json.code == 0);
    return nlohmann::json::parse(json.out);
  };
  const auto with_disk = figures("1GiB");
  if (with_disk["disk_too_slow"])
    MESSAGE("this disk is slower than a step forward of the preset demo");
  else {
    CHECK(with_disk["schedule"] == "two_level");
    CHECK(with_disk["disk_checkpoints"] > 0);
    CHECK(with_disk["written_bytes"] > 0);
    CHECK(contains(result.out, "written"));
  }
  const Result nowhere = run(
      program({"plan", "--unroll", "20", "--memory", "1GiB", "--disk", "1GiB", "--disk-dir", "not-there"}),
      folder.path);
  CHECK(nowhere.code == 74);
  CHECK(contains(nowhere.err, "not-there: checkpoints can't be kept there: open: No such file or directory"));
}

TEST_CASE("a plan refuses what it can't understand") {
  Folder folder;
  const auto refused = [&](std::vector<std::string> words, const char* why) {
    words.insert(words.begin(), "plan");
    const Result result = run(program(words), folder.path);
    CHECK(result.code == 64);
    CHECK(contains(result.err, why));
  };
  refused({"--memory", "1GiB"}, "no --unroll");
  refused({"--unroll", "10"}, "no --memory");
  refused({"--unroll", "0", "--memory", "1GiB"}, "unroll");
  refused({"--unroll", "10", "--memory", "1GiB", "--disk", "1GiB"},
          "needs --disk-dir (where) and the reverse");
  spill(folder / "notes.svg", "mine");
  refused({"--unroll", "10", "--memory", "1GiB", "--preset", "demo", "--svg", "notes.svg"},
          "notes.svg: cannot be overwritten: the existing file is not a picture of plan that this program "
          "wrote; name another file");
  CHECK(slurp(folder / "notes.svg") == "mine");
  refused({"--unroll", "10", "--memory", "1GiB", "--preset", "demo", "--svg", "/dev/null"},
          "--svg /dev/null: cannot be overwritten: it is not a regular file");
  for (const char* amount : {"0", "-1", "x", "1XB", "1..5MB", "MiB", "99999999999GiB"})
    refused({"--unroll", "10", "--memory=" + std::string(amount)}, "not an amount of memory");
}

TEST_CASE("a training's time is projected, here and at the paper's scale") {
  Folder folder;
  const Result result = run(program({"plan", "--training", "--preset", "demo", "--updates", "100", "--tasks",
                                     "4", "--threads", "2", "--machines", "64", "--json"}),
                            folder.path);
  REQUIRE(result.code == 0);
  const auto plan = nlohmann::json::parse(result.out);
  const auto& here = plan["training"];
  CHECK(here["updates"] == 100);
  CHECK(here["counted"] == true);
  // A lower bound: every inner step, on two threads that never wait.
  CHECK(here["seconds"].get<double>() >=
        here["inner_steps"].get<double>() * plan["step_seconds"].get<double>() / 2);
  const auto &alone = plan["paper_scale"][0], &together = plan["paper_scale"][1];
  CHECK(alone["updates"] == 200000);
  CHECK(alone["tasks"] == 256);
  CHECK(together["machines"] == 64);
  CHECK(together["seconds"].get<double>() < alone["seconds"].get<double>() / 16);
  CHECK(together["seconds"].get<double>() >= alone["seconds"].get<double>() / 64);

  const Result text = run(program({"plan", "--training", "--preset", "demo"}), folder.path);
  CHECK(text.code == 0);
  CHECK(contains(text.out, "this training"));
  CHECK(contains(text.out, "200000"));
  CHECK(contains(text.out, "of 200000 updates "));  // extrapolated
  // A budget: fewer windows at a time, steps recomputed; data and evaluations as in the training.
  IdxImages().write(folder / "data");
  auto words = tiny_training("r", "squares=data",
                             {"--eval-data", "held=data", "--eval-every", "1", "--eval-steps", "0,1000",
                              "--eval-seeds", "2", "--threads", "2", "--json"});
  words.erase(std::find(words.begin(), words.end(), "train"),
              std::find(words.begin(), words.end(), "--data"));
  words.insert(words.begin() + 1, {"plan", "--training"});
  const auto facts = [&](std::vector<std::string> more) {
    auto all = words;
    all.insert(all.end(), more.begin(), more.end());
    const Result planned = run(all, folder.path);
    CAPTURE(planned.err);
    REQUIRE(planned.code == 0);
    return nlohmann::json::parse(planned.out);
  };
  auto least = words;
  least.insert(least.end(), {"--memory", "1kB"});
  const Result none = run(least, folder.path);
  CHECK(none.code == 71);
  const auto plain = facts({}), tight = facts({"--memory", "2MB"}),
             smallest = facts({"--memory", none.err.substr(none.err.rfind(' ') + 1,
                                                           none.err.size() - none.err.rfind(' ') - 2)});
  CHECK(plain["windows_at_once"] == 2);
  CHECK(plain["evaluations_per_step"] == 2);
  CHECK(tight["evaluations_per_step"] > 2);
  CHECK(smallest["windows_at_once"] == 1);
  const double windows = plain["training"]["inner_steps"].get<double>() * plain["step_seconds"].get<double>(),
               evaluations = 6 * 1000 * plain["validation_step_seconds"].get<double>() / 4;
  CHECK(plain["training"]["seconds"].get<double>() > windows / 2 + evaluations);
  const Result missing = run(program({"plan", "--training", "--data", "mine=nowhere"}), folder.path);
  CHECK(missing.code == 66);
  const Result small =
      run(program({"plan", "--training", "--preset", "demo", "--memory", "1000000"}), folder.path);
  CHECK(small.code == 71);
  CHECK(contains(small.err, "the smallest budget that works is"));
  const Result es = run(program({"plan", "--training", "--estimator", "es"}), folder.path);
  CHECK(es.code == 64);
  CHECK(contains(es.err, "--estimator es cannot be projected"));
  const Result wrong = run(program({"plan", "--training", "--inner-rat", "0.1"}), folder.path);
  CHECK(wrong.code == 64);
  CHECK(contains(wrong.err, "inner-rate"));
}
