#include "checkpoints/image_storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "checkpoints/hdf5_handle.hpp"

namespace checkpoints {
namespace {

constexpr hsize_t kChunkBytes = hsize_t{1} << 26;  // larger chunks only in larger arrays
constexpr hsize_t kMostChunks = 4096;  // that are checked one by one, with a search by HDF5 for each
constexpr hsize_t kChecksumBytes = 4;  // Fletcher32, after each chunk

struct Filters {
  bool deflate = false, fletcher32 = false;
};

/// Checks the filters: what is wrong, or empty.
std::string filter_fault(hid_t properties, Filters& found) {
  const int filters = checked(H5Pget_nfilters(properties), "the filters");
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
    const bool compression = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE;
    if (filter != H5Z_FILTER_FLETCHER32 && !compression) return fmt::format("uses filter number {}", filter);
    if (filter == H5Z_FILTER_FLETCHER32 && std::exchange(found.fletcher32, true))
      return "uses Fletcher32 twice";
    found.deflate |= filter == H5Z_FILTER_DEFLATE;
  }
  return {};
}

/// Checks that every chunk of an array lies in the file. HDF5 1.10.8 reads a chunk shorter than its checksum
/// as one of unlimited length.
std::string chunk_fault(hid_t set, hid_t space, std::size_t file_bytes, const Filters& filters) {
  hsize_t chunks = 0;
  checked(H5Dget_num_chunks(set, space, &chunks), "the chunks");
  const hsize_t least = filters.fletcher32 ? kChecksumBytes : 1;
  for (hsize_t i = 0; i < std::min(chunks, kMostChunks); ++i) {
    hsize_t at[kMaxRank + 1] = {}, size = 0;
    unsigned skipped_filters = 0;
    haddr_t address = HADDR_UNDEF;
    checked(H5Dget_chunk_info(set, space, i, at, &skipped_filters, &address, &size), "a chunk");
    if (address > file_bytes || size > file_bytes - address || size < least)
      return "has a chunk that does not lie in the file";
  }
  return {};
}

}  // namespace

std::string storage_fault(hid_t set, hid_t space, hsize_t bytes, std::size_t width, std::size_t file_bytes) {
  Handle properties(H5Dget_create_plist(set), H5Pclose, "its properties");
  if (checked(H5Pget_external_count(properties), "its properties") != 0) return "is stored in another file";
  const H5D_layout_t layout = H5Pget_layout(properties);
  if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) return "is a virtual array";
  Filters filters;
  if (auto fault = filter_fault(properties, filters); !fault.empty()) return fault;

  const hsize_t stored = std::min<hsize_t>(H5Dget_storage_size(set), file_bytes);
  if (bytes > (filters.deflate ? stored * kDeflateRatio : stored))
    return fmt::format("declares {} bytes where {} are stored", bytes, stored);
  if (layout == H5D_CONTIGUOUS && bytes > 0) {
    const haddr_t address = H5Dget_offset(set);
    if (address > file_bytes || bytes > file_bytes - address) return "does not lie in the file";
  }
  if (layout != H5D_CHUNKED) return {};
  hsize_t chunk[kMaxRank] = {}, chunk_bytes = width;
  const int rank = checked(H5Pget_chunk(properties, kMaxRank, chunk), "its chunks");
  for (int axis = 0; axis < std::min(rank, kMaxRank); ++axis)
    if (__builtin_mul_overflow(chunk_bytes, chunk[axis], &chunk_bytes) ||
        chunk_bytes > std::max(bytes, kChunkBytes))
      return "has chunks larger than the array";
  return chunk_fault(set, space, file_bytes, filters);
}

}  // namespace checkpoints
