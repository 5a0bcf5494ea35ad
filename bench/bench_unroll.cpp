// bench_unroll: one long unroll within a memory budget: what was predicted, and what it took.
//
// A real task (glyphs) at the largest architecture of a preset: planned from a few timed steps, then carried out once, there and back.
#include <fmt/format.h>

#include <optional>

#include "autodiff/unroll/unroll.hpp"
#include "bench/program.hpp"
#include "bench/runner.hpp"
#include "bench/timing.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/data/dataset.hpp"
#include "metalearn/outer/inner_segment.hpp"
#include "metalearn/outer/step_measurement.hpp"

namespace bench {
namespace {

Json measure(const std::string& preset, autodiff::Step T, const autodiff::Budget& budget, const std::string& disk_dir, int threads) {
  const auto config = metalearn::Config::from_preset(preset);
  const auto hidden = std::vector<std::int64_t>(static_cast<std::size_t>(config.task.hidden_max), config.task.width_max);
  const auto task = metalearn::evaluation_task(metalearn::load_dataset("glyph"), hidden, config.task, 1);
  const metalearn::StepShape shape{task.widths(), config.batch, task.classes(), config.task.labels_per_class, config.averages};
  const auto tapes = metalearn::step_profiles(config.rule, shape);
  const auto speed = metalearn::measure_speed(config.rule, shape, threads);
  const autodiff::DiskCosts fast{speed.forward_seconds / 4, speed.forward_seconds / 4};  // what is waited for is measured below
  const auto plan = autodiff::plan_unroll(T, tapes, speed, fast, budget);
  const std::size_t before = peak_rss_bytes();

  metalearn::InnerStep<float> step(config.rule, shape, threads, metalearn::kSubSegments[plan.tape]);
  const auto theta = metalearn::initial_theta(config.rule, 1);
  metalearn::InnerSegment segment(step, theta, task, 0, T);
  auto phi = metalearn::initial_phi(shape.widths, 1, 0);
  std::vector<float> adjoint(phi.size()), gradient(theta.size());
  std::optional<checkpoints::DiskCheckpoints> disk;
  if (plan.schedule.disk_slots > 0) disk.emplace(checkpoints::posix_file_system(), disk_dir, plan.schedule.disk_slots, phi.size() * sizeof(float));
  autodiff::Arena arena;
  autodiff::UnrollTelemetry telemetry;
  double processor = 0;
  const double seconds = 1e-3 * time_once([&] {
    processor = 1e-3 * processor_time_once([&] { telemetry = autodiff::unroll<float>(segment, plan.schedule, phi, adjoint, gradient, arena, disk ? &*disk : nullptr); });
  });
  return {{"preset", preset}, {"unroll", T}, {"memory_bytes", budget.memory_bytes}, {"schedule", plan.schedule.name}, {"sub_segments", metalearn::kSubSegments[plan.tape]}, {"kept_tapes", plan.predicted.tapes}, {"evaluations_per_step", plan.evaluations_per_step},
          {"predicted_seconds", plan.predicted.seconds}, {"seconds", seconds}, {"processor_seconds", processor}, {"processor_ms_per_step", 1e3 * processor / static_cast<double>(T)}, {"forward_ms", 1e3 * speed.forward_seconds}, {"reverse_ms", 1e3 * speed.reverse_seconds},
          {"waited_seconds", telemetry.waited_seconds},
          {"predicted_peak_bytes", plan.peak_bytes}, {"arena_is_as_predicted", arena.high_water() == plan.arena_bytes && step.high_water_bytes() <= tapes[plan.tape].working_bytes}, {"rss_before_bytes", before},
          {"peak_rss_bytes", peak_rss_bytes()}, {"first_adjoint_norm", tools::number(telemetry.adjoint_norm.front())}};
}

void run(const std::vector<std::string>& words) {
  const tools::Usage usage{"bench_unroll --unroll T --memory BYTES [options]",
                           "Carries out one unroll of inner steps on glyphs within a memory budget; time and memory beside what the plan said.",
                           {{"unroll", "T", "inner steps"},
                            {"memory", "BYTES", "64MiB, ..."},
                            {"disk", "BYTES", "for states on disk", "none"},
                            {"disk-dir", "DIR", "folder for them", "."},
                            {"preset", "NAME", "demo, small or paper", "small"},
                            {"threads", "N", "threads inside a step", "1"},
                            {"json", "", "print JSON"}}};
  const auto arguments = tools::parse(usage, words);
  if (!arguments) return;
  if (!arguments->has("memory")) throw checkpoints::UsageError("no --memory; usage: " + usage.synopsis);
  const autodiff::Budget budget{arguments->bytes("memory"), arguments->bytes("disk")};
  const Json r = measure(arguments->find("preset").value_or("small"), arguments->whole("unroll", 100, 1, 1'000'000), budget, arguments->find("disk-dir").value_or("."),
                         static_cast<int>(arguments->whole("threads", 1, 0, 4096)));
  if (arguments->has("json")) return tools::print_json(r);
  for (const auto& [key, value] : r.items()) fmt::print("{:<24}{}\n", key, value.dump());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run_program("bench_unroll", argc, argv, bench::run); }
