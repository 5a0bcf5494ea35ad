#include "metalearn/records/rows_file.hpp"

#include <cerrno>
#include <charconv>
#include <span>
#include <utility>

#include "checkpoints/error.hpp"

namespace metalearn {
namespace {

[[noreturn]] void refuse(const std::string& path, const char* step = "write") {
  throw checkpoints::can_not_write(path, step, errno);
}

struct Kept {
  std::size_t bytes = 0;
  std::int64_t rows = 0;
};

/// The header and the complete rows up to `update`; an incomplete row (from a kill) ends them.
Kept kept(std::string_view text, std::string_view header, std::int64_t update) {
  Kept k{header.size()};
  while (true) {
    const std::size_t line_end = text.find('\n', k.bytes);
    if (line_end == std::string_view::npos) return k;
    std::int64_t row = 0;
    const auto parsed = std::from_chars(text.data() + k.bytes, text.data() + line_end, row);
    if (parsed.ec != std::errc{} || row > update) return k;
    k = {line_end + 1, k.rows + 1};
  }
}

}  // namespace

std::string text_of_own(const std::string& path, checkpoints::FileSystem& files) {
  try {
    return checkpoints::read_text(files, path, checkpoints::Links::refused).value_or("");
  } catch (const checkpoints::NoInput& e) {
    throw checkpoints::IoError(e.what());
  }
}

RowsFile::RowsFile(std::string path, const std::string& header, std::int64_t update,
                   checkpoints::FileSystem& files)
    : files_(files), path_(std::move(path)) {
  const std::string text = text_of_own(path_, files_);
  const bool whole = text.starts_with(header);
  if (!whole && update > 0 && text.find('\n') != std::string::npos)
    throw checkpoints::BadData(path_ +
                               ": its columns do not match this run; move it away to start a new file");

  file_ = files_.open(path_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0666);
  if (file_ < 0) refuse(path_);
  try {
    const Kept keep = whole ? kept(text, header, update) : Kept{};
    rows_ = keep.rows;
    if (files_.ftruncate(file_, static_cast<off_t>(keep.bytes)) != 0) refuse(path_);
    if (keep.bytes == 0) append(header);
  } catch (...) {
    files_.close(file_);
    throw;
  }
}

RowsFile::~RowsFile() { files_.close(file_); }

void RowsFile::append(std::string_view text) {
  if (!checkpoints::write_all(files_, file_, std::as_bytes(std::span(text)))) refuse(path_);
}

void RowsFile::flush() {
  if (!checkpoints::sync_file(files_, file_)) refuse(path_, "fsync");
}

}  // namespace metalearn
