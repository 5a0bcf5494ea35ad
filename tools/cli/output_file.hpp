// OutputFile: a file that the user names for a command to write. It never replaces a user's file: an existing
// file is replaced only if this program wrote it as the same kind of file, or with --force; an input of the
// same command, or a file of a run's state, is never replaced. The ending selects what is written.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/options.hpp"

namespace tools {

/// A kind of file that the program writes, and how its content is recognised.
struct FileKind {
  const char *name, *ending;
  std::string_view head;                     ///< how it begins
  bool (*is_one)(std::string_view content);  ///< called only for content with this head
};
extern const FileKind kFeatures, kModel, kNumpyArrays, kEvaluation, kComparison, kReportPage,
    kSchedulePicture, kSweepTable;

class OutputFile {
 public:
  OutputFile() = default;  ///< none
  explicit operator bool() const { return kind_ != nullptr; }
  /// Of a link, the file that it leads to.
  const std::string& path() const { return path_; }
  /// The requested kind that has this ending.
  const FileKind& kind() const { return *kind_; }

  /// Throws UsageError if the file is one of these data sets, or a file of another kind in the folder of one.
  /// words: NAME=DIR.
  void keep_off(const std::vector<std::string>& words) const;

  /// Creates or replaces the file atomically, and creates missing folders above it. First checks again that
  /// it may replace an existing file. Throws IoError, UsageError.
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

  std::string words_, path_;  ///< words: as the user wrote it, for messages
  const FileKind* kind_ = nullptr;
  bool is_forced_ = false;
  std::vector<std::string> data_ = {};  ///< folders and files
};

/// --force, for the usage of every command that writes a file.
Option force_option();

/// The file that --out names, in an existing folder. Throws UsageError if it names none or may not be
/// replaced; IoError if the folder is missing.
OutputFile required_output(const Arguments& arguments, std::initializer_list<const FileKind*> kinds);
/// The same for an option that may be left out: then the file is `fallback`, or none.
OutputFile optional_output(const Arguments& arguments, const FileKind& kind,
                           const std::string& option = "out", const std::string& fallback = "");
/// A file whose name the program chooses, in a folder that the user names.
OutputFile output_at(const Arguments& arguments, const FileKind& kind, const std::string& path);

}  // namespace tools
