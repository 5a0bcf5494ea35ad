// ImageFolder: PNG and JPEG pictures of one size in class folders, as users' own data come
// (class_folders.hpp).
#pragma once
#include <filesystem>
#include <string>

#include "metalearn/data/dataset.hpp"
#include "metalearn/data/formats/class_folders.hpp"

namespace metalearn {

/// The splits are those of split_parts. With `colour` pictures keep three channels, unless all of them are
/// grey. Throws BadData naming a picture that can't be decoded, or that has another size than the first one.
Dataset read_image_folder(const std::string& name, const std::filesystem::path& folder,
                          const ClassFolders& found, bool colour);

}  // namespace metalearn
