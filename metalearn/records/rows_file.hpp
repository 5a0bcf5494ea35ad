// RowsFile: a CSV file of a run to which every update appends its rows, also across crashes.
//
// Each row begins with its update. Rows are written immediately and made durable before their snapshot; a
// resumed run first cuts off the rows after its snapshot, so there are no gaps and no duplicates. One thread;
// flush() may run on another.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoints/file_system.hpp"

namespace metalearn {

/// The text of a file of this run; empty if there is none. Throws checkpoints::IoError if it cannot be read.
std::string text_of_own(const std::string& path, checkpoints::FileSystem& files);

class RowsFile {
 public:
  /// Opens or creates the file, keeps the rows up to `update` and cuts off the rest. header: its first line,
  /// with the newline. Throws checkpoints::IoError if it cannot be written, BadData if it has other columns.
  RowsFile(std::string path, const std::string& header, std::int64_t update, checkpoints::FileSystem& files);
  ~RowsFile();
  RowsFile(const RowsFile&) = delete;
  RowsFile& operator=(const RowsFile&) = delete;

  std::int64_t rows() const { return rows_; }  ///< rows kept when it was opened
  void append(std::string_view text);          ///< text: complete lines
  /// Returns when all rows appended so far are on the disk.
  void flush();

 private:
  checkpoints::FileSystem& files_;
  std::string path_;
  int file_ = -1;
  std::int64_t rows_ = 0;
};

}  // namespace metalearn
