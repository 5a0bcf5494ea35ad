// OutputFile: a file that the user names for a command to write. It replaces nothing of the user's: what is
// there stays, unless this program wrote it, as the same kind of file, or --force is given; and even then
// where it is read by the same command, or where a run keeps its state. The ending says what is written.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/options.hpp"

namespace tools {

/// What the program writes, and how it is told from everything else, by its content.
struct FileKind {
  const char *name, *ending;
  std::string_view head;                     ///< how it begins
  bool (*is_one)(std::string_view content);  ///< asked of what begins so
};
extern const FileKind kFeatures, kModel, kNumpyArrays, kEvaluation, kComparison, kReportPage,
    kSchedulePicture, kSweepTable;

class OutputFile {
 public:
  OutputFile() = default;  ///< none
  explicit operator bool() const { return kind_ != nullptr; }
  /// Behind a link, the file that it leads to.
  const std::string& path() const { return path_; }
  /// Of those asked for, the one of this ending.
  const FileKind& kind() const { return *kind_; }

  /// Refuses (UsageError) to be a data set that is read, or in the folder of one and not of this kind. words:
  /// NAME=DIR.
  void keep_off(const std::vector<std::string>& words) const;

  /// Makes or replaces the file, whole, and the folders above it where they are missing. Looks again at what
  /// is there first. Throws IoError, UsageError.
  void write(std::span<const std::byte> bytes) const;
  void write(const std::string& text) const { write(std::as_bytes(std::span(text))); }

 private:
  friend OutputFile required_output(const Arguments&, std::initializer_list<const FileKind*>);
  friend OutputFile optional_output(const Arguments&, const FileKind&, const std::string&,
                                    const std::string&);
  friend OutputFile output_at(const Arguments&, const FileKind&, const std::string&);
  OutputFile(const Arguments& arguments, const std::string& option, std::string path,
             std::initializer_list<const FileKind*> kinds);
  void require_replaceable() const;

  std::string words_, path_;  ///< words: as the user has written it, for messages
  const FileKind* kind_ = nullptr;
  bool is_forced_ = false;
  std::vector<std::string> data_ = {};  ///< folders and files
};

/// --force, for the usage of every command that writes a file.
Option force_option();

/// What --out names, in a folder that is there. Throws UsageError where it names none, or what would be lost;
/// IoError without the folder.
OutputFile required_output(const Arguments& arguments, std::initializer_list<const FileKind*> kinds);
/// The same where the option may be left out: then it is `fallback`, or none.
OutputFile optional_output(const Arguments& arguments, const FileKind& kind,
                           const std::string& option = "out", const std::string& fallback = "");
/// A file of a name that the program chooses, in a folder that the user names.
OutputFile output_at(const Arguments& arguments, const FileKind& kind, const std::string& path);

}  // namespace tools
