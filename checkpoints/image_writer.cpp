#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "checkpoints/error.hpp"
#include "checkpoints/hdf5_handle.hpp"
#include "checkpoints/image.hpp"

namespace checkpoints {
namespace {

constexpr std::size_t kCompactBytes = 4096;              // in the object header, which holds at most 64 KiB
constexpr std::size_t kChunkBytes = std::size_t{1} << 24;  // a chunk is checked and read as a whole

hid_t stored_type(float) { return H5T_IEEE_F32LE; }
hid_t stored_type(double) { return H5T_IEEE_F64LE; }
hid_t stored_type(std::int32_t) { return H5T_STD_I32LE; }
hid_t stored_type(std::int64_t) { return H5T_STD_I64LE; }
hid_t stored_type(std::uint64_t) { return H5T_STD_U64LE; }
hid_t memory_type(float) { return H5T_NATIVE_FLOAT; }
hid_t memory_type(double) { return H5T_NATIVE_DOUBLE; }
hid_t memory_type(std::int32_t) { return H5T_NATIVE_INT32; }
hid_t memory_type(std::int64_t) { return H5T_NATIVE_INT64; }
hid_t memory_type(std::uint64_t) { return H5T_NATIVE_UINT64; }

Handle space_of(const std::vector<hsize_t>& shape) {
  return {shape.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose, "a shape"};
}

/// Creation properties without times, so that equal archives make equal bytes.
Handle timeless(hid_t kind) {
  Handle properties(H5Pcreate(kind), H5Pclose, "properties");
  checked(H5Pset_obj_track_times(properties, false), "properties");
  return properties;
}

template <class T>
void write_array(hid_t file, const std::string& path, const std::vector<hsize_t>& shape, const std::vector<T>& data) {
  const std::size_t bytes = data.size() * sizeof(T);
  Handle properties = timeless(H5P_DATASET_CREATE);
  if (shape.empty() || bytes <= kCompactBytes) {
    checked(H5Pset_layout(properties, H5D_COMPACT), path);
  } else {
    std::vector<hsize_t> chunk = shape;
    std::size_t chunk_bytes = bytes;
    for (std::size_t axis = 0; axis < chunk.size() && chunk_bytes > kChunkBytes; ++axis) {
      const std::size_t row = chunk_bytes / chunk[axis];
      chunk[axis] = std::max<hsize_t>(1, kChunkBytes / row);
      chunk_bytes = row * chunk[axis];
    }
    checked(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), path);
    checked(H5Pset_fletcher32(properties), path);
  }
  Handle space = space_of(shape);
  Handle set(H5Dcreate2(file, path.c_str(), stored_type(T{}), space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose, path);
  if (!data.empty()) checked(H5Dwrite(set, memory_type(T{}), H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data()), path);
}

struct AttributeWriter {
  hid_t object;
  const std::string& name;

  void operator()(std::int64_t value) const { write(stored_type(value), memory_type(value), {}, &value); }
  void operator()(double value) const { write(stored_type(value), memory_type(value), {}, &value); }
  void operator()(const std::string& text) const {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose, name);
    checked(H5Tset_size(type, std::max<std::size_t>(1, text.size())), name);  // HDF5 has no text of length 0
    checked(H5Tset_strpad(type, H5T_STR_NULLPAD), name);
    checked(H5Tset_cset(type, H5T_CSET_UTF8), name);
    write(type, type, {}, text.c_str());
  }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    write(stored_type(T{}), memory_type(T{}), {values.size()}, values.data());
  }

 private:
  void write(hid_t stored, hid_t memory, const std::vector<hsize_t>& shape, const void* from) const {
    Handle space = space_of(shape);
    Handle attribute(H5Acreate2(object, name.c_str(), stored, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, name);
    if (from) checked(H5Awrite(attribute, memory, from), name);
  }
};

/// Near the final size: growing in small steps copies the image each time.
std::size_t expected_bytes(const Archive& archive) {
  std::size_t bytes = 1 << 16;
  for (const auto& [path, array] : archive.arrays())
    bytes += 1024 + path.size() + std::visit([](const auto& v) { return v.size() * sizeof(v[0]); }, array.data);
  for (const auto& [path, values] : archive.attributes()) bytes += 256 * values.size();
  return bytes;
}

/// The core driver's memory, kept when HDF5 closes the file. (H5Fget_file_image would serve only an open file, whose superblock says "open for writing"; in
/// HDF5 1.10.8 it clears that mark without mending the superblock's checksum.)
class Memory {
 public:
  explicit Memory(hid_t access) {
    H5FD_file_image_callbacks_t calls{nullptr, nullptr, resize, release, share, leave, this};
    checked(H5Pset_file_image_callbacks(access, &calls), "access");
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { std::free(bytes_); }

  /// The file, once it is closed. The superblock at `user_block` says where it ends (version 3: 8 bytes at 28); beyond lies the driver's reserve.
  std::vector<std::byte> file(std::size_t user_block) const {
    std::uint64_t end = 0;
    if (size_ >= user_block + 48) std::memcpy(&end, bytes_ + user_block + 28, sizeof end);
    if (end < user_block + 48 || end > size_) throw Hdf5Failure{"the image has no end"};
    return {bytes_, bytes_ + end};
  }

 private:
  static void* resize(void* from, std::size_t size, H5FD_file_image_op_t, void* self) {
    auto& memory = *static_cast<Memory*>(self);
    auto* bytes = static_cast<std::byte*>(std::realloc(from, size));
    if (bytes) memory.bytes_ = bytes, memory.size_ = size;
    return bytes;
  }
  static herr_t release(void*, H5FD_file_image_op_t, void*) { return 0; }  // it stays ours
  static void* share(void* self) { return self; }
  static herr_t leave(void*) { return 0; }

  std::byte* bytes_ = nullptr;
  std::size_t size_ = 0;
};

void fill(hid_t file, const Archive& archive) {
  Handle group_properties = timeless(H5P_GROUP_CREATE);
  for (const auto& path : archive.groups()) Handle(H5Gcreate2(file, path.c_str(), H5P_DEFAULT, group_properties, H5P_DEFAULT), H5Gclose, path);
  for (const auto& [path, array] : archive.arrays()) {
    const std::vector<hsize_t> shape(array.shape.begin(), array.shape.end());
    std::visit([&, &where = path](const auto& data) { write_array(file, where, shape, data); }, array.data);
  }
  for (const auto& [path, values] : archive.attributes()) {
    Handle object(H5Oopen(file, path.empty() ? "/" : path.c_str(), H5P_DEFAULT), H5Oclose, path);
    for (const auto& [name, value] : values) std::visit(AttributeWriter{object, name}, value);
  }
}

std::vector<std::byte> build(const Archive& archive, std::size_t user_block) {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "access");
  checked(H5Pset_fapl_core(access, expected_bytes(archive), false), "access");
  checked(H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST), "access");
  checked(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "access");
  Handle creation = timeless(H5P_FILE_CREATE);
  checked(H5Pset_userblock(creation, user_block), "user block");
  Memory memory(access);
  Handle file(H5Fcreate("image being built", H5F_ACC_TRUNC, creation, access), H5Fclose, "the image");
  fill(file, archive);
  checked(file.close(), "closing the image");
  return memory.file(user_block);
}

}  // namespace

std::vector<std::byte> to_image(const Archive& archive, std::size_t user_block) {
  const std::lock_guard lock(hdf5_mutex());
  silence_hdf5();
  try {
    return build(archive, user_block);
  } catch (const Hdf5Failure& failure) {
    throw IoError(fmt::format("{}: HDF5 could not build the file: {}", archive.name(), failure.what));
  }
}

}  // namespace checkpoints
