// ClassFolders: a folder whose sub-folders are classes and hold a file per example; or a sub-folder train,
// and perhaps test (or, without that, val), that holds such folders.
//
// Classes and files come in the order of their names, so that the same folder gives the same data everywhere.
// Names that start with a dot, and files of other kinds, are passed over. Functions of the files found.
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
      test;          ///< if there are sub-folders train and test (or val, where there is no test)
  std::string both;  ///< which two: "folders train and test"
};

/// Extensions are in lower case with their dot, and found in any case. `excluded` names are no classes.
/// Nothing where it is no folder, or no class has such a file. Throws BadData naming a class without any,
/// NoInput for a folder that can't be read.
std::optional<ClassFolders> list_class_folders(const std::filesystem::path& folder,
                                               const std::vector<std::string>& extensions,
                                               const std::vector<std::string>& excluded = {});

/// Reads the files of a part one by one, and adds up what they hold.
class PartReader {
 public:
  /// The file's bytes, with its whole path as its name. Throws what read_file throws.
  FileBytes read(const std::filesystem::path& path);
  /// "PART: N files crc32 XXXXXXXX", for provenance: of names with their class folder and contents, in their
  /// order; the same for DIR/train as for a folder that holds these classes alone.
  std::string checksum(const std::string& part) const;

 private:
  std::uint32_t crc_ = 0;
  std::int64_t files_ = 0;
};

}  // namespace metalearn
