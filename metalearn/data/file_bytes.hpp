// FileBytes: a data file in memory, unpacked if it is gzip; if the stream ends early, the part that could be
// read.
//
// A reader that knows the format can report how much is missing, so it compares sizes first and checks
// `ends_early` afterwards. Plain data.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace metalearn {

struct FileBytes {
  std::string name;  ///< file name without its folder, for messages
  std::vector<std::uint8_t> bytes;
  bool ends_early = false;  ///< the gzip stream breaks off before its end

  /// "NAME crc32 XXXXXXXX", for provenance: the checksum of the unpacked bytes and the name without ".gz", so
  /// that compressing a file changes neither.
  std::string checksum() const;
};

/// Throws NoInput if there is no such file or it can't be opened, BadData if the gzip stream is damaged (or
/// its checksum differs).
FileBytes read_file(const std::filesystem::path& path);

/// The first of names, each also with ".gz" added, that is a file in the folder; empty if there is none.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// Throws NoInput if it is not a folder; `data` is the name of the data set it should hold.
void require_folder(const std::filesystem::path& folder, const std::string& data);

}  // namespace metalearn
