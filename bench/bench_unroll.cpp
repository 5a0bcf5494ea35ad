// bench_unroll: one long unroll within a memory budget: predicted and measured cost.
//
// A real task (glyphs) at the largest architecture of a preset: planned from a few timed steps, then run
// once, forward and reverse; with --ratios before and after shorter ones that keep every state and every
// tape, in memory that was already touched.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "bench/program.hpp"
#include "bench/runner.hpp"
#include "bench/timing.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/steps/inner_segment.hpp"
#include "metalearn/steps/step_measurement.hpp"

namespace bench {
namespace {

class Bench {
 public:
  Bench(const std::string& preset, int threads)
      : config_(metalearn::Config::from_preset(preset)),
        threads_(threads),
        task_(metalearn::evaluation_task(
            metalearn::load_dataset("glyph"),
            std::vector<std::int64_t>(static_cast<std::size_t>(config_.task.hidden_max),
                                      config_.task.width_max),
            config_.task, 1)),
        shape_{task_.widths(), config_.batch, task_.classes(), config_.task.labels_per_class,
               config_.averages},
        theta_(metalearn::initial_theta(config_.rule, 1)),
        tapes_(metalearn::step_profiles(config_.rule, shape_)),
        speed_(metalearn::measure_speed(config_.rule, shape_, threads)) {}

  Json measure(autodiff::Step T, const autodiff::Budget& budget, const std::string& disk_dir) {
    const autodiff::DiskCosts fast{speed_.forward_seconds / 4,
                                   speed_.forward_seconds / 4};  // waiting is measured below
    const auto plan = autodiff::plan_unroll(T, tapes_, speed_, fast, budget);
    const std::size_t before = peak_rss_bytes();
    autodiff::Arena arena;
    const Carried c = carry_out(plan.schedule, metalearn::kSubSegments[plan.tape], arena, disk_dir);
    return {{"unroll", T},
            {"memory_bytes", budget.memory_bytes},
            {"schedule", plan.schedule.name},
            {"sub_segments", metalearn::kSubSegments[plan.tape]},
            {"kept_tapes", plan.predicted.tapes},
            {"ram_checkpoints", plan.predicted.ram_checkpoints},
            {"disk_checkpoints", plan.predicted.disk_checkpoints},
            {"evaluations_per_step", plan.evaluations_per_step},
            {"predicted_seconds", plan.predicted.seconds},
            {"seconds", c.seconds},
            {"processor_seconds", c.processor_seconds},
            {"processor_ms_per_step", c.ms_per_step},
            {"forward_ms", 1e3 * speed_.forward_seconds},
            {"reverse_ms", 1e3 * speed_.reverse_seconds},
            {"waited_seconds", c.waited_seconds},
            {"predicted_peak_bytes", plan.peak_bytes},
            {"arena_is_as_predicted",
             arena.high_water() == plan.arena_bytes && c.step_bytes <= tapes_[plan.tape].working_bytes},
            {"rss_before_bytes", before},
            {"peak_rss_bytes", peak_rss_bytes()},
            {"first_adjoint_norm", tools::number(c.first_adjoint_norm)}};
  }

  /// measure(), and the ratio of its time per step to that of an unroll that keeps all states, and of one
  /// that keeps all tapes; these are as long as `room` bytes and about twenty seconds allow, and run before
  /// and after.
  Json measure_ratios(autodiff::Step T, const autodiff::Budget& budget, const std::string& disk_dir,
                      std::size_t room) {
    const auto& plain = tapes_.front();
    const auto rho = autodiff::slots_of_tape(plain.tape_size, plain.state_size, plain.number_bytes);
    const auto slots =
        static_cast<autodiff::Slot>(room / autodiff::slot_bytes(plain.state_size, plain.number_bytes));
    const auto most =
        std::min(T, static_cast<autodiff::Step>(20 / (2 * speed_.forward_seconds + speed_.reverse_seconds)));
    const auto all_states = autodiff::store_states(std::min(most, slots + 1)),
               all_tapes = autodiff::store_all(std::min(most, slots / rho + 1), rho);
    autodiff::Arena states, tapes;
    const auto both = [&] {
      return std::pair(carry_out(all_states, 1, states).ms_per_step,
                       carry_out(all_tapes, 1, tapes).ms_per_step);
    };
    both();  // touches the memory
    const auto before = both();
    Json r = measure(T, budget, disk_dir);
    const auto after = both();
    const double by_states = (before.first + after.first) / 2, by_tapes = (before.second + after.second) / 2,
                 ms = r["processor_ms_per_step"];
    r["states_kept"] = {{"unroll", all_states.steps},
                        {"processor_ms_per_step", {before.first, after.first}},
                        {"ratio", ms / by_states}};
    r["tapes_kept"] = {{"unroll", all_tapes.steps},
                       {"processor_ms_per_step", {before.second, after.second}},
                       {"ratio", ms / by_tapes}};
    return r;
  }

 private:
  struct Carried {
    double seconds = 0, processor_seconds = 0, ms_per_step = 0, waited_seconds = 0, first_adjoint_norm = 0;
    std::size_t step_bytes = 0;
  };
  Carried carry_out(const autodiff::Schedule& schedule, int sub_segments, autodiff::Arena& arena,
                    const std::string& disk_dir = "") {
    metalearn::InnerStep<float> step(config_.rule, shape_, threads_, sub_segments);
    step.record_size(), step.unroll_bytes();  // compiles
    metalearn::InnerSegment segment(step, theta_, task_, 0, schedule.steps);
    auto phi = metalearn::initial_phi(shape_.widths, 1, 0);
    std::vector<float> adjoint(phi.size()), gradient(theta_.size());
    std::optional<checkpoints::DiskCheckpoints> disk;
    if (schedule.disk_slots > 0)
      disk.emplace(checkpoints::posix_file_system(), disk_dir, schedule.disk_slots,
                   phi.size() * sizeof(float));
    autodiff::UnrollTelemetry telemetry;
    Carried c;
    c.seconds = 1e-3 * time_once([&] {
                  c.processor_seconds =
                      1e-3 * processor_time_once([&] {
                        telemetry = autodiff::unroll<float>(segment, schedule, phi, adjoint, gradient, arena,
                                                            disk ? &*disk : nullptr);
                      });
                });
    c.ms_per_step = 1e3 * c.processor_seconds / static_cast<double>(schedule.steps);
    c.waited_seconds = telemetry.waited_seconds;
    c.first_adjoint_norm = telemetry.adjoint_norm.front();
    c.step_bytes = step.high_water_bytes();
    return c;
  }

  metalearn::Config config_;
  int threads_;
  metalearn::Task task_;
  metalearn::StepShape shape_;
  std::vector<float> theta_;
  std::vector<autodiff::StepProfile> tapes_;
  autodiff::StepSpeed speed_;
};

void run(const std::vector<std::string>& words) {
  const tools::Usage usage{
      "bench_unroll --unroll T --memory BYTES [options]",
      "Runs one unroll of inner steps on glyphs within a memory budget; compares time and memory with the "
      "plan.",
      {{"unroll", "T", "inner steps"},
       {"memory", "BYTES", "64MiB, ..."},
       {"disk", "BYTES", "for states on disk", "none"},
       {"disk-dir", "DIR", "folder for these states", "."},
       {"preset", "NAME", "demo, small or paper", "small"},
       {"threads", "N", "threads inside a step", "1"},
       {"ratios", "BYTES",
        "compare with shorter unrolls that keep all states, and all tapes, within this many bytes",
        "no comparison"},
       {"json", "", "print JSON"}}};
  const auto arguments = tools::parse(usage, words);
  if (!arguments) return;
  if (!arguments->has("memory"))
    throw checkpoints::UsageError("--memory is missing; usage: " + usage.synopsis);
  const autodiff::Budget budget{arguments->bytes("memory"), arguments->bytes("disk")};
  Bench bench(arguments->find("preset").value_or("small"),
              static_cast<int>(arguments->whole("threads", 1, 0, 4096)));
  const autodiff::Step T = arguments->whole("unroll", 100, 1, 1'000'000);
  const std::string disk_dir = arguments->find("disk-dir").value_or(".");
  const Json r = arguments->has("ratios")
                     ? bench.measure_ratios(T, budget, disk_dir, arguments->bytes("ratios"))
                     : bench.measure(T, budget, disk_dir);
  if (arguments->has("json")) return tools::print_json(r);
  for (const auto& [key, value] : r.items()) fmt::print("{:<24}{}\n", key, value.dump());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run_program("bench_unroll", argc, argv, bench::run); }
