// ClassFolders: a folder whose sub-folders are classes with one file per example; or a folder with a
// sub-folder train, and perhaps test (or else val), that hold such class folders.
//
// Classes and files come in the order of their names, so that the same folder gives the same data everywhere.
// Names that start with a dot and files of other kinds are ignored. Functions of the files.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/data/file_bytes.hpp"

namespace metalearn {

/// A file of one class.
struct ClassFile {
  std::filesystem::path path;
  std::int32_t label = 0;
};

struct ClassFolders {
  std::vector<std::string> class_names;  ///< of both parts, ascending
  std::vector<ClassFile> train;
  std::optional<std::vector<ClassFile>>
      test;          ///< if there are sub-folders train and test (or val, if there is no test)
  std::string both;  ///< names of both parts: "folders train and test"
  std::vector<std::string> notes = {};  ///< which files were left out, by ending
};

/// Extensions are given in lower case with their dot and match in any case. `excluded` names are not classes.
/// Nothing if it is not a folder, or no class has such a file. Throws BadData naming a class without such
/// files, NoInput for a folder that cannot be read.
std::optional<ClassFolders> list_class_folders(const std::filesystem::path& folder,
                                               const std::vector<std::string>& extensions,
                                               const std::vector<std::string>& excluded = {});

/// Reads the files of a part one by one and accumulates their checksum.
class PartReader {
 public:
  /// The file's bytes, with its whole path as its name. Throws what read_file throws.
  FileBytes read(const std::filesystem::path& path);
  /// "PART: N files crc32 XXXXXXXX", for provenance: a checksum of all names (with class folder) and
  /// contents, in order; the same for DIR/train as for a folder that holds only these classes.
  std::string checksum(const std::string& part) const;

 private:
  std::uint32_t crc_ = 0;
  std::int64_t files_ = 0;
};

}  // namespace metalearn
