// TemporaryFolder: a folder under TMPDIR that goes away with its owner, however the owner goes: a second process waits for the end of the first and then removes it.
//
// Make it before any other thread is there.
#pragma once
#include <sys/types.h>

#include <string>

namespace tools {

class TemporaryFolder {
 public:
  /// Throws checkpoints::IoError.
  explicit TemporaryFolder(const std::string& purpose);
  ~TemporaryFolder();  ///< returns when it is gone
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int alive_ = -1;      ///< the write end of a pipe: closed when this process ends
  pid_t remover_ = -1;
};

}  // namespace tools
