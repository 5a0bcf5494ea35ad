// RowsFile: a CSV file of a run, to which every update adds its rows, whatever happens to the process.
//
// Rows begin with their update. They are written as they come and made durable before the snapshot that
// belongs to them; a resumed run first cuts off the rows after its snapshot, so that there is no gap and no
// duplicate. One thread; flush() may come from another.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoints/file_system.hpp"

namespace metalearn {

/// The text of a file of this run; empty where there is none. Throws checkpoints::IoError where it can't be
/// read.
std::string text_of_own(const std::string& path, checkpoints::FileSystem& files);

class RowsFile {
 public:
  /// Opens or makes the file, keeping the rows up to `update` and cutting off the rest. header: its first
  /// line, with the line's end. Throws checkpoints::IoError where it can't be written, BadData where its
  /// columns are not these.
  RowsFile(std::string path, const std::string& header, std::int64_t update, checkpoints::FileSystem& files);
  ~RowsFile();
  RowsFile(const RowsFile&) = delete;
  RowsFile& operator=(const RowsFile&) = delete;

  std::int64_t rows() const { return rows_; }  ///< kept when it was opened
  void append(std::string_view text);          ///< whole lines
  /// Returns when all rows appended before it are on the disk.
  void flush();

 private:
  checkpoints::FileSystem& files_;
  std::string path_;
  int file_ = -1;
  std::int64_t rows_ = 0;
};

}  // namespace metalearn
