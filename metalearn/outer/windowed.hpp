// Windowed: the gradient by back-propagation through one window of k inner steps, phi carried over from the window before.
//
// The window is an unroll (autodiff/unroll/): forward, and backward from the last step to the first. Without a memory budget every state is kept; within one, as the
// planner says (budget.hpp), with the same bits. The adjoint of phi starts at zero behind the last step, and nothing flows into the window before: that is the truncation.
// k = L is full back-propagation. training_and_evaluation.md "Meta-training, procedure"; specification sections 10 and 11. Threads: as GradientEstimator.
#pragma once
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "autodiff/unroll/budget.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/unroll_journal_file.hpp"
#include "metalearn/outer/gradient_estimator.hpp"
#include "metalearn/outer/step_cache.hpp"

namespace metalearn {

class Windowed final : public GradientEstimator {
 public:
  /// kernel_threads: for the loops inside a step of one window. share: of the memory budget, for one window; 0 bytes: without bounds. sub_segments: of a step (InnerStep).
  explicit Windowed(const Config& config, int kernel_threads = 1, const autodiff::Budget& share = {}, checkpoints::FileSystem& files = checkpoints::posix_file_system(), int sub_segments = 1);

  /// Step t (from phi_t to phi_{t+1}) sees unlabelled batch t; phi_{t+1} is scored with the labelled pairs of t+1.
  /// Throws checkpoints::MemoryBudget where the window does not fit in its share, IoError where states can't be kept on disk.
  GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update) override;
  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override;
  /// In window-<task>.journal, every config.journal_every seconds of a window.
  void keep_progress_in(const std::string& directory) override { directory_ = directory; }
  bool has_progress() const override;
  void forget_progress() override;

  /// Gives the memory of steps that nobody has on loan back.
  void release_memory() { steps_.release(); }

 private:
  StepShape shape_of(const Task& task) const;
  std::unique_ptr<checkpoints::UnrollJournalFile> journal_of(std::span<const float> theta, const InFlight& task, const autodiff::Schedule& schedule);
  autodiff::Schedule schedule_of(InnerStep<float>& step, autodiff::Step k) const;

  Config config_;
  autodiff::Budget share_;
  checkpoints::FileSystem& files_;
  StepCache steps_;
  std::string directory_;            ///< of journals; empty: none are kept
  mutable std::mutex mutex_;         ///< guards what follows
  std::set<std::string> journals_;   ///< files that were found or written
};

}  // namespace metalearn
