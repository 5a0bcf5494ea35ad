// bench_snapshot: the cost of saving during a training: how long training waits for a save, and how long one
// save takes on its own thread.
//
// A real training (glyphs) that saves after every update. The trainer itself reports the stall. The same
// snapshot is then saved in the foreground, to measure a save without a separate thread, and an upper bound
// of the processor time it takes from the training.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "bench/program.hpp"
#include "bench/timing.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/train/trainer.hpp"

namespace bench {
namespace {

constexpr double kInterval = 10e3;  // ms between saves, the presets' save-every

/// A folder that is removed at the end.
struct Folder {
  explicit Folder(const std::string& parent) {
    path = parent + "/bench-snapshot-XXXXXX";
    if (!::mkdtemp(path.data())) throw checkpoints::can_not_write(parent, "mkdtemp", errno);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

double percentile(std::vector<double> samples, double share) {
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5)];
}

Json measure(const std::string& preset, std::int64_t saves, const std::string& directory) {
  const Folder folder(directory);
  metalearn::Config config = metalearn::Config::from_preset(preset);
  config.updates = saves;
  config.save_every = "1";
  config.validate_every = 0;
  const std::string run = folder.path + "/run";
  std::vector<double> stalls, updates;
  std::string newest;
  {
    const auto trainer = metalearn::Trainer::start(config, run);
    trainer->run([&](const metalearn::Progress& progress) {
      if (progress.update > 1)
        stalls.push_back(1e3 * progress.save_stall);  // before the first update it includes the start
      updates.push_back(1e3 * progress.seconds);
      return true;
    });
    newest = trainer->newest_snapshot();
  }
  const auto archive = checkpoints::load_snapshot(newest);
  std::vector<double> processor;
  const auto wall = sample_for(1, 20, [&](std::vector<double>& samples) {
    processor.push_back(processor_time_once([&] {
      samples.push_back(time_once([&] { checkpoints::save_snapshot(folder.path + "/again.h5", archive); }));
    }));
  });
  const double lost = summarise(stalls).median + summarise(processor).median;
  return {{"preset", preset},
          {"saves", stalls.size()},
          {"snapshot_bytes", std::filesystem::file_size(newest)},
          {"update_ms", summarise(updates).median},
          {"stall_ms_median", summarise(stalls).median},
          {"stall_ms_p99", percentile(stalls, 0.99)},
          {"stall_ms_max", percentile(stalls, 1)},
          {"foreground_ms_median", summarise(wall).median},
          {"foreground_ms_p99", percentile(wall, 0.99)},
          {"processor_ms", summarise(processor).median},
          {"share_at_one_save_in_10s", lost / kInterval}};
}

void run(const std::vector<std::string>& words) {
  const tools::Usage usage{
      "bench_snapshot [--preset NAME] [options]",
      "Times how long a training waits for a save.",
      {{"preset", "NAME", "demo, small or paper", "small"},
       {"saves", "N", "updates, each saved; 2 .. 100000", "220"},
       {"directory", "DIR", "where to make a temporary run directory, on the disk to measure",
        "the current folder"},
       {"json", "", "print JSON"}}};
  const auto arguments = tools::parse(usage, words);
  if (!arguments) return;
  const Json r =
      measure(arguments->find("preset").value_or("small"), arguments->whole("saves", 220, 2, 100000),
              arguments->find("directory").value_or("."));
  if (arguments->has("json")) return tools::print_json(r);
  const auto ms = [&](const char* name) { return r[name].get<double>(); };
  fmt::print("{}: {} saves of {} bytes, an update takes {:.1f} ms\n", r["preset"].get<std::string>(),
             r["saves"].get<std::size_t>(), r["snapshot_bytes"].get<std::size_t>(), ms("update_ms"));
  fmt::print("training waits: median {:.3f} ms, p99 {:.3f} ms, longest {:.3f} ms\n", ms("stall_ms_median"),
             ms("stall_ms_p99"), ms("stall_ms_max"));
  fmt::print(
      "in the foreground the same save takes: median {:.2f} ms, p99 {:.2f} ms; {:.2f} ms of them processor "
      "time\n",
      ms("foreground_ms_median"), ms("foreground_ms_p99"), ms("processor_ms"));
  fmt::print("at one save in 10 s, stall and processor time are {:.4f} % of the time\n",
             100 * r["share_at_one_save_in_10s"].get<double>());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run_program("bench_snapshot", argc, argv, bench::run); }
