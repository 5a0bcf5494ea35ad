// The trainer with the real model, tasks and windows, tiny: what the toy can't show.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "data_fixture.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/windows/windowed.hpp"
#include "small_training.hpp"
#include "with_tapes.hpp"

using namespace outer_test;

TEST_CASE(
    "with the real model 20 updates, a resume on two threads and 20 more give the bits of 40 in one go") {
  Folder folder;
  Config c = small_config();
  const auto whole = finish(*start_with(c, folder / "whole", small_parts<>));
  CHECK(all_finite(whole));
  CHECK(whole != initial_theta(c.rule, c.seed));
  c.updates = 20;
  finish(*start_with(c, folder / "parts", small_parts<>));
  const auto parts =
      finish(*resume_with(folder / "parts", {{"updates", "40"}, {"threads", "2"}}, small_parts<>));
  REQUIRE(parts.size() == whole.size());
  CHECK(std::memcmp(parts.data(), whole.data(), whole.size() * sizeof(float)) == 0);
}

TEST_CASE(
    "a training whose windows keep tapes has the bits of one that keeps states, also where it is stopped "
    "within every window and goes on") {
  Folder folder;
  Config c = small_config();
  c.set("unroll", "12");
  c.updates = 3;
  const auto whole = finish(*start_with(c, folder / "states", small_parts<>));
  CHECK(finish(*start_with(c, folder / "tapes", small_parts<WithTapes>)) == whole);
  int asked = 0, patience = 30, stops = 0, went_on = 0;
  const auto goes_on = [&](Trainer& trainer) {
    asked = 0;
    trainer.run(
        [&](const Progress& p) {
          for (const auto& event : p.events)
            went_on += event.text.find("resumed inside its window") != std::string::npos;
          return true;
        },
        [&] { return ++asked > patience; });
    stops += asked > patience;
    return trainer.update() == c.updates;
  };
  bool is_done = goes_on(*start_with(c, folder / "stopped", small_parts<WithTapes>));
  for (; !is_done && stops < 200; patience += 3)
    is_done = goes_on(*resume_with(folder / "stopped", {}, small_parts<WithTapes>));
  CHECK(is_done);
  CHECK(stops > 3);
  CHECK(went_on >= 3);
  CHECK(resume_with(folder / "stopped", {}, small_parts<WithTapes>)->theta() == whole);
  for (const auto& entry : std::filesystem::directory_iterator(folder / "stopped"))
    CHECK(entry.path().extension() != ".journal");
}

namespace {

/// Of the windows of an update, the first to begin fails, but not before another one is in its midst, which
/// waits there to be stopped.
class OneFails final : public Windowed {
 public:
  using Windowed::Windowed;
  GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                            const Stop& stop) override {
    const auto within = [](const auto& happens) {
      for (int ms = 0; ms < 20000 && !happens(); ++ms)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    if (begun_++ == 0) {
      within([&] { return asked_ > 20; });
      throw checkpoints::IoError("the disk is gone");
    }
    return Windowed::estimate(theta, task, update, [&] {
      if (++asked_ == 21) within(stop);
      return stop();
    });
  }

 private:
  std::atomic<int> begun_ = 0, asked_ = 0;
};

}  // namespace

TEST_CASE(
    "a window that fails stops the others at their next step: the failure comes out, what they had is kept, "
    "and a resume goes on with it, to the same bits") {
  Folder folder;
  Config c = small_config();
  c.set("unroll", "60");
  c.tasks = c.threads = 2;
  c.updates = 1;
  const auto whole = finish(*start_with(c, folder / "whole", small_parts<>));
  CHECK_THROWS_WITH_AS(finish(*start_with(c, folder / "failed", small_parts<OneFails>)), "the disk is gone",
                       checkpoints::IoError);
  int went_on = 0;
  const auto resumed = resume_with(folder / "failed", {}, small_parts<>);
  REQUIRE(resumed->update() == 0);
  resumed->run([&](const Progress& p) {
    for (const auto& event : p.events)
      went_on += event.text.find("resumed inside its window") != std::string::npos;
    return true;
  });
  CHECK(went_on == 1);
  CHECK(resumed->theta() == whole);
}

TEST_CASE(
    "a run on glyphs trains, validates on held-out families, and gives the same snapshot on one thread and "
    "on two") {
  Folder folder;
  Config c = small_config();
  c.data = {"glyph"};
  c.updates = 4;
  c.validate_every = 2;
  c.validate_tasks = 2;
  c.validate_steps = {0, 3};
  const auto train = [&](int threads, const std::string& directory) {
    c.threads = threads;
    std::optional<double> accuracy;
    Trainer::start(c, directory)->run([&](const Progress& p) {
      if (p.update == 4) accuracy = p.validation_accuracy;
      return true;
    });
    REQUIRE(accuracy);
    CHECK(*accuracy > 0);
    return checkpoints::load_snapshot(checkpoints::snapshot_path(directory, 4));
  };
  const auto one = train(1, folder / "one"), two = train(2, folder / "two");
  REQUIRE(one.arrays().size() == two.arrays().size());
  for (const auto& [path, array] : one.arrays()) {
    CAPTURE(path);
    CHECK(two.array(path).data == array.data);
  }
  CHECK(one.attribute<std::string>("data", "0000").find("glyph: ") == 0);
  CHECK(text_of(folder / "one/config.json").find("\"data\": \"glyph\"") != std::string::npos);
  const auto resumed = Trainer::resume(folder / "one", {{"updates", "5"}});
  resumed->run([](const Progress&) { return true; });
  CHECK(resumed->update() == 5);
}

TEST_CASE(
    "by the real start and on files of two data sets: 10 updates on two threads give the bits of one, and "
    "20, a resume and 20 more those of 40") {
  Folder folder;
  std::vector<std::string> data;
  for (const char* name : {"one", "two"}) {
    std::filesystem::create_directory(folder / name);
    const int classes = name == std::string("one") ? 4 : 3;
    for (const char* part : {"train", "t10k"}) {
      fixture::write(folder / name + "/" + part + "-images-idx3-ubyte",
                     fixture::idx_images(60 * classes, 6, 6));
      fixture::write(folder / name + "/" + part + "-labels-idx1-ubyte",
                     fixture::idx_labels(60 * classes, classes));
    }
    data.push_back(name + std::string("=") + (folder / name));
  }
  Config c = small_config();
  c.data = data;
  c.validate_every = 5;
  c.validate_tasks = 2;
  c.validate_steps = {0, 2};
  const auto after = [&](const std::string& run, std::int64_t updates, int threads) {
    c.updates = updates;
    c.threads = threads;
    finish(*Trainer::start(c, folder / run));
    return checkpoints::load_snapshot(checkpoints::snapshot_path(folder / run, updates));
  };
  const auto same = [](const checkpoints::Archive& a, const checkpoints::Archive& b) {
    CHECK(a.arrays().size() == b.arrays().size());
    for (const auto& [path, array] : a.arrays()) {
      CAPTURE(path);
      CHECK(b.array(path).data == array.data);
    }
  };
  same(after("ten", 10, 1), after("ten-on-two", 10, 2));
  const auto whole = after("whole", 40, 1);
  const auto half = after("half", 20, 1);
  CHECK(half.array("theta/" + theta_spec(c.rule).tensors[0].name).data !=
        whole.array("theta/" + theta_spec(c.rule).tensors[0].name).data);
  finish(*Trainer::resume(folder / "half", {{"updates", "40"}, {"threads", "2"}}));
  same(whole, checkpoints::load_snapshot(checkpoints::snapshot_path(folder / "half", 40)));

  fixture::write(folder / "two/t10k-labels-idx1-ubyte",
                 fixture::idx_labels(180, 3, 1));  // other labels, the same counts
  CHECK_THROWS_AS(Trainer::resume(folder / "half", {{"updates", "41"}}), checkpoints::BadData);
}

TEST_CASE("with full back-propagation every window is a task's whole life") {
  Folder folder;
  Config c = small_config();
  c.set("unroll", "3");
  c.updates = 6;
  std::int64_t replaced = 0;
  const auto trainer = start_with(c, folder / "run", small_parts<>);
  trainer->run([&](const Progress& p) {
    CHECK(p.inner_steps == 3 * c.tasks);
    replaced += p.replaced;
    return true;
  });
  CHECK(replaced == 6 * c.tasks);
}
