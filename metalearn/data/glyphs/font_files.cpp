// The fixed list of font packages, and the files on this machine that belong to them.
#include <fmt/format.h>

#include <cctype>
#include <sstream>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "metalearn/data/file_bytes.hpp"
#include "metalearn/data/glyphs/glyph.hpp"

namespace metalearn {
namespace {

namespace fs = std::filesystem;

bool is_font_name(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".ttf" || extension == ".otf" || extension == ".ttc" || extension == ".otc" ||
         extension == ".pfb" || extension == ".pfa";
}

}  // namespace

const std::vector<std::string>& font_packages() {
  static const std::vector<std::string> packages = {
      "fonts-adf-accanthis",
      "fonts-adf-baskervald",
      "fonts-adf-gillius",
      "fonts-adf-ikarius",
      "fonts-adf-libris",
      "fonts-adf-universalis",
      "fonts-anonymous-pro",
      "fonts-b612",
      "fonts-beteckna",
      "fonts-cabin",
      "fonts-cantarell",
      "fonts-clear-sans",
      "fonts-comfortaa",
      "fonts-comic-neue",
      "fonts-courier-prime",
      "fonts-crosextra-caladea",
      "fonts-crosextra-carlito",
      "fonts-dancingscript",
      "fonts-dejavu-core",
      "fonts-dejavu-extra",
      "fonts-dkg-handwriting",
      "fonts-dosis",
      "fonts-dustin",
      "fonts-ebgaramond",
      "fonts-fanwood",
      "fonts-freefont-ttf",
      "fonts-go",
      "fonts-inconsolata",
      "fonts-jetbrains-mono",
      "fonts-jura",
      "fonts-karla",
      "fonts-lato",
      "fonts-liberation",
      "fonts-linuxlibertine",
      "fonts-lobster",
      "fonts-mononoki",
      "fonts-oldstandard",
      "fonts-open-sans",
      "fonts-opendyslexic",
      "fonts-quattrocento",
      "fonts-quicksand",
      "fonts-roboto-slab",
      "fonts-roboto-unhinted",
      "fonts-sil-gentium-basic",
      "fonts-sora",
      "fonts-tiresias",
      "fonts-tuffy",
      "fonts-yanone-kaffeesatz",
  };
  return packages;
}

std::vector<fs::path> package_fonts(const fs::path& records) {
  std::vector<fs::path> files;
  for (const std::string& package : font_packages()) {
    std::istringstream list(
        checkpoints::read_text(checkpoints::posix_file_system(), records / (package + ".list")).value_or(""));
    std::error_code ignored;
    for (std::string line; std::getline(list, line);)
      if (is_font_name(line) && fs::is_regular_file(line, ignored) && !fs::is_symlink(line, ignored))
        files.emplace_back(line);
  }
  return files;
}

std::vector<fs::path> folder_fonts(const fs::path& folder) {
  require_folder(folder, "glyph");
  std::vector<fs::path> files;
  std::error_code error, ignored;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (is_font_name(entry->path()) && entry->is_regular_file(ignored)) files.push_back(entry->path());
  if (error)
    throw checkpoints::NoInput(fmt::format("{}: cannot be searched for fonts ({}); check its permissions",
                                           folder.string(), error.message()));
  return files;
}

}  // namespace metalearn
