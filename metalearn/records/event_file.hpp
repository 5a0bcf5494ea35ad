// EventFile: the rows of metrics.csv again, for TensorBoard: an event file (TFRecord frames around protocol
// buffers of tensorflow/core/util/event.proto).
//
// Each training process writes its own file, named by the time. It begins with a session start, at which
// TensorBoard drops later updates of earlier processes. Nothing ever reads it back. One thread; the file is
// not made durable.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "checkpoints/file_system.hpp"
#include "metalearn/records/metrics.hpp"

namespace metalearn {

using Scalars = std::vector<std::pair<std::string, double>>;  ///< tag and value

/// The scalars that TensorBoard shows for a row: objective/last, gradient_norm/FAMILY,
/// validation_accuracy/STEP, ...
Scalars scalars_of(const MetricsRow& row);

/// One record of an event file: a summary of scalars at a step. time: seconds since 1970.
std::string scalar_record(double time, std::int64_t step, const Scalars& scalars);

class EventFile {
 public:
  /// Makes DIRECTORY/events.out.tfevents.SECONDS.metalearn, which begins after `update`. Throws
  /// checkpoints::IoError, as append().
  EventFile(const std::string& directory, std::int64_t update,
            checkpoints::FileSystem& files = checkpoints::posix_file_system());
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void append(std::int64_t update, const Scalars& scalars);
  const std::string& name() const { return name_; }  ///< in the directory

 private:
  void write(const std::string& record);
  checkpoints::FileSystem& files_;
  std::string name_, path_;
  int file_ = -1;
};

}  // namespace metalearn
