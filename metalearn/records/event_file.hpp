// EventFile: the rows of metrics.csv once more, for TensorBoard: an event file (TFRecord frames around
// protocol buffers of tensorflow/core/util/event.proto).
//
// Each process that trains writes a file of its own, named by the time; it begins with a session start, by
// which TensorBoard drops what an earlier process wrote of later updates. Nothing is ever read from it. One
// thread; the file is not made durable.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "checkpoints/file_system.hpp"
#include "metalearn/records/metrics.hpp"

namespace metalearn {

using Scalars = std::vector<std::pair<std::string, double>>;  ///< tag and value

/// What TensorBoard shows of a row: objective/last, gradient_norm/FAMILY, validation_accuracy/MARK, ...
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
