// Windowed: the gradient by back-propagation through one window of k inner steps, with phi carried over from
// the window before.
//
// The window is an unroll (autodiff/unroll/): forward, and backward from the last step to the first. Without
// a memory budget it keeps every state; within one, what the planner decides (budget.hpp), with the same
// bits. The adjoint of phi starts at zero after the last step, and no gradient flows into the window before:
// that is the truncation. k = L is full back-propagation. metalearn/SOURCES.md, "procedure"; specification
// sections 10 and 11. Threads: as GradientEstimator.
#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "autodiff/unroll/budget.hpp"
#include "checkpoints/file_system.hpp"
#include "metalearn/steps/arena_pool.hpp"
#include "metalearn/windows/forward_steps.hpp"
#include "metalearn/windows/gradient_estimator.hpp"
#include "metalearn/windows/window_journals.hpp"

namespace metalearn {

class Windowed : public GradientEstimator {
 public:
  /// kernel_threads: for the loops inside a step of one window. share: part of the memory budget for one
  /// window; 0 bytes: no limit. sub_segments: of a step (InnerStep).
  explicit Windowed(const Config& config, int kernel_threads = 1, const autodiff::Budget& share = {},
                    checkpoints::FileSystem& files = checkpoints::posix_file_system(), int sub_segments = 1);

  /// Step t (from phi_t to phi_{t+1}) sees unlabelled batch t; phi_{t+1} is scored with the labelled pairs of
  /// t+1. Throws checkpoints::MemoryBudget if the window does not fit in its share, IoError if states cannot
  /// be kept on disk.
  GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                            const Stop& stop = {}) override;
  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override {
    return steps_.advance(theta, task, steps);
  }
  void keep_progress_in(const std::string& directory, const std::vector<std::string>& provenance) override {
    journals_.emplace(files_, directory, config_, provenance, sub_segments_);
  }
  bool has_progress() const override { return journals_ && journals_->is_any(); }
  void forget_progress() override;

  void release_memory() override {
    steps_.release_memory();
    arenas_.release();
  }

 protected:
  /// The schedule of a window of k steps: within the share, or keeping every state.
  virtual autodiff::Schedule schedule_of(InnerStep<float>& step, autodiff::Step k) const;

 private:
  Config config_;
  autodiff::Budget share_;
  checkpoints::FileSystem& files_;
  int sub_segments_;
  ForwardSteps steps_;
  ArenaPool arenas_;
  std::optional<WindowJournals> journals_;
  std::atomic<bool> is_failure_told_ = false;  ///< whether a failure to save progress was reported
};

}  // namespace metalearn
