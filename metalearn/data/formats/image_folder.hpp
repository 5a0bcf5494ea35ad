// ImageFolder: PNG and JPEG pictures of one size in class folders (class_folders.hpp), the usual form of
// users' own data.
#pragma once
#include <filesystem>
#include <string>

#include "metalearn/data/dataset.hpp"
#include "metalearn/data/formats/class_folders.hpp"

namespace metalearn {

/// The splits are those of split_parts. With `colour`, pictures keep three channels, unless all of them are
/// grey. Throws BadData naming a picture that cannot be decoded, or whose size differs from the first one's.
Dataset read_image_folder(const std::string& name, const std::filesystem::path& folder,
                          const ClassFolders& found, bool colour);

}  // namespace metalearn
