// WindowProgress: how far the reverse sweep of a long window has come, kept on the disk, so that a killed run goes on in the middle of it with the same bits.
//
// phi_0 of a window is in the run's snapshot, and every state follows from it. So what has to be kept is the adjoint, the gradient so far and phi at the window's end: the
// rest of the sweep is an unroll of the steps that are left, which runs forward once more. One file per window, DIR/window-UPDATE-TASK.progress, in the form of a snapshot
// (checksums, written durably). Any thread may use it, each for a window of its own.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoints/file_system.hpp"
#include "metalearn/outer/in_flight.hpp"

namespace metalearn {

struct WindowProgress {
  std::int64_t left = 0;                 ///< steps that are not reversed yet, the window's first ones
  std::vector<float> adjoint, gradient;  ///< of phi_left, and d/dtheta so far
  std::vector<float> last;               ///< phi behind the window
  double objective_first = 0, objective_last = 0;  ///< the first one once left is 0
  std::vector<double> adjoint_norm, contribution_norm;  ///< of the steps that are reversed
  std::uint64_t state_checksum = 0;      ///< of phi_left

  /// Is it one of a window of k steps, by its sizes?
  bool fits(std::int64_t k, std::size_t phi_size, std::size_t theta_size) const;
};

class WindowProgressFolder {
 public:
  /// directory: the run's.
  WindowProgressFolder(std::string directory, checkpoints::FileSystem& files) : directory_(std::move(directory)), files_(files) {}

  /// What the window's every bit depends on.
  static std::string window_key(std::int64_t update, const InFlight& task, std::int64_t k, std::span<const float> theta);

  /// Nothing where there is none of a window with this key, or it is damaged.
  std::optional<WindowProgress> find(std::int64_t update, const InFlight& task, const std::string& key) const;
  /// Durably. Throws checkpoints::IoError.
  void save(std::int64_t update, const InFlight& task, const std::string& key, const WindowProgress& progress) const;
  /// Removes what belongs to updates before this one.
  void forget_before(std::int64_t update) const;

 private:
  std::string path(std::int64_t update, const InFlight& task) const;
  std::string directory_;
  checkpoints::FileSystem& files_;
};

}  // namespace metalearn
