#include "checkpoints/hdf5_handle.hpp"

#include <cstring>

namespace checkpoints {

std::mutex& hdf5_mutex() {
  static std::mutex mutex;
  return mutex;
}

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string hdf5_reason() {
  struct Reason {
    char text[200] = "";
  } reason;  // of fixed size: no exception may pass through HDF5
  auto first = [](unsigned, const H5E_error2_t* error, void* to) -> herr_t {
    auto& text = static_cast<Reason*>(to)->text;
    if (text[0] == 0 && error->desc) std::strncpy(text, error->desc, sizeof text - 1);
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first, &reason);
  return reason.text[0] == 0 ? "no reason given" : reason.text;
}

bool hdf5_lacks_memory() {
  bool lacks = false;
  auto look = [](unsigned, const H5E_error2_t* error, void* to) -> herr_t {
    *static_cast<bool*>(to) |=
        error->maj_num == H5E_RESOURCE || error->min_num == H5E_NOSPACE || error->min_num == H5E_CANTALLOC;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look, &lacks);
  return lacks;
}

}  // namespace checkpoints
