// plan: what an unroll in a memory budget will store, recompute and cost, before it is run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>

#include "autodiff/unroll/budget.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/config/presets.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/output_file.hpp"
#include "tools/cli/say.hpp"
#include "tools/cli/schedule_svg.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/plan_training.hpp"

namespace tools {
namespace {

using autodiff::Budget;
using autodiff::UnrollPlan;
using metalearn::show_bytes;

Json figures(const UnrollPlan& plan, const Budget& budget) {
  const auto& p = plan.predicted;
  return {{"memory_bytes", budget.memory_bytes},
          {"disk_bytes", budget.disk_bytes},
          {"schedule", plan.schedule.name},
          {"sub_segments", metalearn::kSubSegments[plan.tape]},
          {"peak_bytes", plan.peak_bytes},
          {"ram_checkpoints", p.ram_checkpoints},
          {"disk_checkpoints", p.disk_checkpoints},
          {"kept_tapes", p.tapes},
          {"forward_evaluations_per_step", number(plan.evaluations_per_step)},
          {"predicted_seconds", number(p.seconds)},
          {"waiting_seconds", number(p.waiting_seconds)},
          {"disk_too_slow", plan.disk_too_slow},
          {"written_bytes", p.written_bytes},
          {"read_bytes", p.read_bytes},
          {"lower_bound_evaluations", number(plan.lower_bound_evaluations)}};
}

void print_row(const char* name, const UnrollPlan& plan, const Budget& budget) {
  const auto& p = plan.predicted;
  say("{:<12}  {:>10}  {:>10}  {:<12}  {:>6}  {:>6}  {:>5}  {:>9.3f}  {:>9.1f}\n", name,
      show_bytes(budget.memory_bytes), show_bytes(plan.peak_bytes), plan.schedule.name, p.ram_checkpoints,
      p.disk_checkpoints, p.tapes, plan.evaluations_per_step, p.seconds);
}

Usage make_usage() {
  return {
      "metalearn plan --unroll T --memory BYTES [--disk BYTES --disk-dir DIR] [--preset P] [--threads N] "
      "[--json] [--svg FILE]",
      "Plans the exact gradient through T inner steps within a memory budget: what is stored, what is "
      "recomputed, how long it takes. Times a few steps of the preset's largest task.",
      {{"unroll", "T", "inner steps; 1 .. 1000000"},
       {"memory", "BYTES",
        "budget for states, tapes and the step's own arena: 67108864, 64MiB, 2GB; the program itself and "
        "data sets "
        "are extra"},
       {"disk", "BYTES", "budget for states on disk; needs --disk-dir", "none"},
       {"disk-dir", "DIR", "folder for these states; no file stays there"},
       {"preset", "NAME", fmt::format("{}", fmt::join(metalearn::preset_names(), ", ")), "small"},
       {"threads", "N", "threads; 0: all cores; 0 .. 4096", "0"},
       {"json", "", "print JSON"},
       {"svg", "FILE.svg", "draw the schedule: step against time"},
       force_option()},
      "",
      "Evaluations count forward arithmetic in units of one plain forward step, including what the reverse "
      "sweep recomputes within a step. A larger budget never needs more.\n"
      "Exit code 71: no schedule fits; the smallest budget that works is named.\n"
      "metalearn plan --training --help: how long a training will take."};
}

int run(const Words& words) {
  if (std::find(words.begin(), words.end(), "--training") != words.end()) return plan_training(words);
  const Usage usage = make_usage();
  const auto arguments = parse(usage, words);
  if (!arguments) return 0;
  for (const char* needed : {"unroll", "memory"})
    if (!arguments->has(needed))
      throw checkpoints::UsageError(fmt::format("no --{}; usage: {}", needed, usage.synopsis));
  if (arguments->has("disk") != arguments->has("disk-dir"))
    throw checkpoints::UsageError(
        "--disk (how much) needs --disk-dir (where) and the reverse; give both or neither");
  const autodiff::Step T = arguments->whole("unroll", 1, 1, 1'000'000);
  const Budget budget{arguments->bytes("memory"), arguments->bytes("disk")};
  const OutputFile svg = optional_output(*arguments, kSchedulePicture, "svg");
  const int threads = static_cast<int>(arguments->whole("threads", 0, 0, 4096));
  const auto config = metalearn::Config::from_preset(arguments->find("preset").value_or("small"));

  const auto shape = metalearn::largest_shape(config);
  const auto tapes = metalearn::step_profiles(config.rule, shape);
  const std::size_t slot = autodiff::slot_bytes(tapes[0].state_size, tapes[0].number_bytes),
                    smallest = autodiff::smallest_memory(T, tapes);
  if (budget.memory_bytes < smallest)  // before anything is timed or written
    throw checkpoints::MemoryBudget(
        fmt::format("an unroll of {} steps does not fit in {} of memory; the smallest budget that works is "
                    "{} bytes: --memory {}",
                    T, show_bytes(budget.memory_bytes), smallest, smallest));
  const auto speed = metalearn::measure_speed(config.rule, shape, threads);
  const autodiff::DiskCosts disk =
      budget.disk_bytes > 0 ? checkpoints::measure_disk(checkpoints::posix_file_system(),
                                                        *arguments->find("disk-dir"), slot, budget.disk_bytes)
                            : autodiff::DiskCosts{};
  const auto planned = [&](const Budget& b) { return autodiff::plan_unroll(T, tapes, speed, disk, b); };
  const auto before = std::chrono::steady_clock::now();
  const UnrollPlan chosen = planned(budget);
  const double planning = std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  const Budget half{budget.memory_bytes / 2, budget.disk_bytes / 2},
      twice{budget.memory_bytes * 2, budget.disk_bytes * 2};
  if (svg) svg.write(schedule_svg(chosen.schedule));

  if (arguments->has("json")) {
    Json json = figures(chosen, budget);
    json["unroll"] = T;
    json["smallest_memory_bytes"] = smallest;
    json["planning_seconds"] = number(planning);
    json["step"] = {{"state_bytes", slot},
                    {"forward_seconds", number(speed.forward_seconds)},
                    {"reverse_seconds", number(speed.reverse_seconds)},
                    {"disk_write_seconds", number(disk.write_seconds)},
                    {"disk_read_seconds", number(disk.read_seconds)},
                    {"tapes", Json::array()}};
    for (std::size_t i = 0; i < tapes.size(); ++i)
      json["step"]["tapes"].push_back({{"sub_segments", metalearn::kSubSegments[i]},
                                       {"tape_bytes", tapes[i].tape_size * tapes[i].number_bytes},
                                       {"working_bytes", tapes[i].working_bytes},
                                       {"recomputed_evaluations", number(tapes[i].recomputed)}});
    json["half"] = half.memory_bytes < smallest ? Json(nullptr) : figures(planned(half), half);
    json["double"] = figures(planned(twice), twice);
    print_json(json);
    return 0;
  }
  say("{} inner steps of the preset {}: state {}; forward {:.2f} ms, reverse {:.2f} ms\n\n", T, config.preset,
      show_bytes(slot), 1e3 * speed.forward_seconds, 1e3 * speed.reverse_seconds);
  say("{:<12}  {:>10}  {:>10}  {:>9}\n", "sub-segments", "tape", "work space", "eval/step");
  for (std::size_t i = 0; i < tapes.size(); ++i)
    say("{:<12}  {:>10}  {:>10}  {:>9.3f}{}\n", metalearn::kSubSegments[i],
        show_bytes(tapes[i].tape_size * tapes[i].number_bytes), show_bytes(tapes[i].working_bytes),
        1 + tapes[i].recomputed, i == chosen.tape ? "  chosen" : "");
  say("\n{:<12}  {:>10}  {:>10}  {:<12}  {:>6}  {:>6}  {:>5}  {:>9}  {:>9}\n", "", "budget", "peak",
      "schedule", "in RAM", "disk", "tapes", "eval/step", "seconds");
  if (half.memory_bytes < smallest)
    say("{:<12}  {:>10}  does not fit\n", "half", show_bytes(half.memory_bytes));
  else
    print_row("half", planned(half), half);
  print_row("this budget", chosen, budget);
  print_row("double", planned(twice), twice);
  say("\nlower bound: {:.3f} evaluations per step, with any memory; smallest budget that works: {} bytes\n",
      chosen.lower_bound_evaluations / static_cast<double>(T), smallest);
  if (budget.disk_bytes > 0 && !chosen.disk_too_slow)
    say("disk: {} written, {} read, {:.2f} ms and {:.2f} ms per state, {:.1f} s of waiting\n",
        show_bytes(chosen.predicted.written_bytes), show_bytes(chosen.predicted.read_bytes),
        1e3 * disk.write_seconds, 1e3 * disk.read_seconds, chosen.predicted.waiting_seconds);
  if (chosen.disk_too_slow)
    say("the disk is not used: writing and reading a state takes {:.2f} ms, longer than a forward step\n",
        1e3 * (disk.write_seconds + disk.read_seconds));
  return 0;
}

}  // namespace

extern const Command kPlan{"plan", "what a long unroll in a memory budget stores, recomputes and costs",
                           make_usage, run};

}  // namespace tools
