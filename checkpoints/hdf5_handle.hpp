// Handle: an HDF5 identifier that is closed at the end of its scope; and the message of HDF5's last error.
//
// Private to this folder. REQUIRES holding the HDF5 mutex during a handle's lifetime.
#pragma once
#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

namespace checkpoints {

/// Guards all calls of the HDF5 library.
std::mutex& hdf5_mutex();

/// Turns off HDF5's own error output.
void silence_hdf5();

/// The innermost entry of HDF5's error stack: what went wrong first.
std::string hdf5_reason();

/// Whether HDF5's error stack reports a failed allocation.
bool hdf5_lacks_memory();

/// Thrown when an HDF5 call fails; the reader turns it into an error that names the file.
struct Hdf5Failure {
  std::string what;
  bool lacks_memory = false;
};

/// Returns `result`; if it is negative, throws Hdf5Failure "what (reason)".
template <class T>
T checked(T result, const std::string& what) {
  if (result < 0) throw Hdf5Failure{what + " (" + hdf5_reason() + ")", hdf5_lacks_memory()};
  return result;
}

class Handle {
 public:
  Handle(hid_t id, herr_t (*closer)(hid_t), const std::string& what)
      : id_(checked(id, what)), close_(closer) {}
  ~Handle() { close(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;
  operator hid_t() const { return id_; }
  /// Closes it before its scope ends, where a failure matters.
  herr_t close() { return id_ < 0 ? 0 : close_(std::exchange(id_, -1)); }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

}  // namespace checkpoints
