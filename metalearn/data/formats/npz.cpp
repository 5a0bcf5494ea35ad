#include "metalearn/data/formats/npz.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>

#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

using checkpoints::BadData;

constexpr std::string_view kComment = "theta or phi, written by metalearn export";
constexpr std::uint64_t kDeflateRatio = 1040;  // deflate makes at most 1032 bytes of one

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Entry = std::unique_ptr<zip_file_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;

std::string text_of(zip_error_t& error) {
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

/// libzip takes ownership of the source if that succeeds.
Archive open(Source source, int flags, const std::string& name) {
  zip_error_t error;
  zip_error_init(&error);
  Archive archive(zip_open_from_source(source.get(), flags, &error));
  if (!archive)
    throw BadData(
        fmt::format("{}: damaged, or not NumPy's .npz ({}); save it with numpy.savez", name, text_of(error)));
  source.release();
  zip_error_fini(&error);
  return archive;
}

std::vector<std::uint8_t> read_entry(zip_t* archive, std::uint64_t index, const zip_stat_t& stat,
                                     const std::string& name) {
  const auto refuse = [&](const std::string& what) {
    return BadData(fmt::format("{}: entry '{}' {}; save it again with numpy.savez", name, stat.name, what));
  };
  constexpr std::uint64_t kNeeded =
      ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if ((stat.valid & kNeeded) != kNeeded) throw refuse("lacks its sizes");
  if (stat.encryption_method != ZIP_EM_NONE) throw refuse("is encrypted");
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
    throw refuse("uses a compression that NumPy does not use");
  if (stat.size > kDeflateRatio * stat.comp_size + kDeflateRatio)
    throw refuse("claims to unpack to more than it can hold");
  const Entry entry(zip_fopen_index(archive, index, 0));
  if (!entry) throw refuse(fmt::format("cannot be opened ({})", zip_strerror(archive)));
  std::vector<std::uint8_t> bytes(stat.size);
  std::size_t have = 0;
  while (have < bytes.size()) {
    const zip_int64_t got = zip_fread(entry.get(), bytes.data() + have, bytes.size() - have);
    if (got <= 0) throw refuse("is damaged or truncated");
    have += static_cast<std::size_t>(got);
  }
  std::uint8_t more = 0;
  if (zip_fread(entry.get(), &more, 1) != 0)
    throw refuse(
        "is damaged: its checksum or size is wrong");  // libzip compares the checksum at the end of an entry
  return bytes;
}

}  // namespace

bool is_own_npz(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("PK\3\4") && text.ends_with(kComment);  // the comment is at the end of the file
}

NpzFiles parse_npz(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.empty()) throw BadData(fmt::format("{}: is empty; save it with numpy.savez", name));
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, nullptr));
  if (!source) throw std::bad_alloc();
  const Archive archive = open(std::move(source), ZIP_RDONLY, name);
  NpzFiles files;
  std::uint64_t left =
      bytes.size();  // packed bytes not yet claimed by an entry: overlapping entries could unpack to any size
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW, &stat) != 0 ||
        !(stat.valid & ZIP_STAT_NAME))
      throw BadData(fmt::format("{}: entry {} cannot be read ({}); save it again with numpy.savez", name, i,
                                zip_strerror(archive.get())));
    std::string entry = stat.name;
    if (std::any_of(entry.begin(), entry.end(), [](unsigned char c) { return c < ' '; }) ||
        !entry.ends_with(".npy"))
      throw BadData(fmt::format(
          "{}: entry {} is not an array (its name does not end in .npy); save it with numpy.savez", name, i));
    entry.resize(entry.size() - 4);
    if ((stat.valid & ZIP_STAT_COMP_SIZE) && stat.comp_size > left)
      throw BadData(fmt::format(
          "{}: damaged: its entries claim more bytes than it has; save it again with numpy.savez", name));
    left -= (stat.valid & ZIP_STAT_COMP_SIZE) ? stat.comp_size : 0;
    if (files.contains(entry))
      throw BadData(fmt::format("{}: holds two arrays '{}'; save it again with numpy.savez", name, entry));
    files[entry] = read_entry(archive.get(), static_cast<std::uint64_t>(i), stat, name);
  }
  return files;
}

std::vector<std::byte> npz_bytes(const NpzFiles& files) {
  if (files.empty()) throw std::invalid_argument("[npz_bytes] expected one file at least");
  Source buffer(zip_source_buffer_create(nullptr, 0, 0, nullptr));
  if (!buffer) throw std::bad_alloc();
  zip_source_keep(buffer.get());  // it outlives the archive that is written into it
  Archive archive = open(Source(buffer.get()), ZIP_TRUNCATE, "archive");
  for (const auto& [name, bytes] : files) {
    Source file(zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0));
    if (!file) throw std::bad_alloc();
    const zip_int64_t index =
        zip_file_add(archive.get(), (name + ".npy").c_str(), file.get(), ZIP_FL_ENC_UTF_8);
    if (index < 0) throw std::bad_alloc();
    file.release();
    zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
    zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), 0, 1 << 5 | 1,
                         0);  // 1 January 1980, the earliest date
  }
  if (zip_set_archive_comment(archive.get(), kComment.data(), static_cast<zip_uint16_t>(kComment.size())) !=
      0)
    throw std::bad_alloc();
  if (zip_close(archive.get()) != 0) throw std::bad_alloc();
  archive.release();
  std::vector<std::byte> bytes;
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_source_stat(buffer.get(), &stat) != 0 || zip_source_open(buffer.get()) != 0) throw std::bad_alloc();
  bytes.resize(stat.size);
  const zip_int64_t got = zip_source_read(buffer.get(), bytes.data(), bytes.size());
  zip_source_close(buffer.get());
  if (got != static_cast<zip_int64_t>(bytes.size())) throw std::bad_alloc();
  return bytes;
}

}  // namespace metalearn
