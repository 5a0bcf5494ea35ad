// TemporaryFolder: a folder under TMPDIR that its destructor removes. (A killed process leaves it there.)
#pragma once
#include <string>

namespace tools {

class TemporaryFolder {
 public:
  /// Throws checkpoints::IoError.
  explicit TemporaryFolder(const std::string& purpose);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tools
