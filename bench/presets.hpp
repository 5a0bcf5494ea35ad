// Presets: the sizes at which the meta-gradient is measured (bench/peers has the same table), and the inputs
// of a turn at one of them.
#pragma once
#include <string>
#include <vector>

#include "metalearn/steps/inner_step.hpp"

namespace bench {

struct Preset {
  std::string name;
  metalearn::RuleConfig rule;
  metalearn::StepShape shape;
};

/// tiny, small, paper and wide.
const std::vector<Preset>& presets();
/// Throws checkpoints::UsageError naming the known presets.
const Preset& find_preset(const std::string& name);

/// Milliseconds of processor time to make the plan of a turn: recording, differentiating and compiling. Runs
/// no step.
double time_compiling(const Preset& preset);

/// One InnerStep with all inputs and outputs of its turn(). One thread at a time.
class Turn {
 public:
  /// kernel_threads: for the loops inside kernels.
  explicit Turn(const Preset& preset, int kernel_threads = 1);

  /// Forward and reverse of one inner step, objective included, always from the same phi. The first one also
  /// records and compiles. Returns the objective.
  float run();
  /// phi_next = step(phi) into `next`, phi_size() numbers each.
  void advance(std::span<const float> phi, std::span<float> next);
  /// The reverse of the step from phi; `adjoint` of phi_{t+1} becomes the adjoint of phi_t. Returns the
  /// objective.
  float reverse(std::span<const float> phi, std::span<float> adjoint);

  /// run(), with its time per kernel.
  std::vector<autodiff::KernelTiming> profile() { return step_.profile_turn(inputs()); }

  std::span<const float> initial_phi() const { return phi_; }
  metalearn::InnerStep<float>& step() { return step_; }

 private:
  metalearn::StepInputs<float> inputs() const { return {theta_, phi_, x_, pairs_, adjoint_next_}; }

  std::vector<float> theta_, phi_, x_, pair_x_, targets_, adjoint_next_, adjoint_, contribution_, phi_next_;
  std::vector<metalearn::LabelledPair<float>> pairs_;
  metalearn::InnerStep<float> step_;
};

}  // namespace bench
