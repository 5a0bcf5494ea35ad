// doctor: what this machine and this build offer, to check before a long run and to attach to bug reports.
#include <fmt/format.h>

#include <ft2build.h>
#include <H5public.h>
#include FT_FREETYPE_H
#include <oneapi/tbb/version.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include <boost/version.hpp>
#include <Eigen/Core>

#include "autodiff/kernels/kernels.hpp"
#include "autodiff/parallel/processors.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/machine.hpp"
#include "metalearn/base/version.hpp"
#include "metalearn/data/formats/image_file.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/kernel_levels.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

Json library_versions() {
  unsigned hdf5[3] = {};
  H5get_libversion(&hdf5[0], &hdf5[1], &hdf5[2]);
  FT_Library freetype = nullptr;
  FT_Int ft[3] = {};
  if (FT_Init_FreeType(&freetype) == 0) {
    FT_Library_Version(freetype, &ft[0], &ft[1], &ft[2]);
    FT_Done_FreeType(freetype);
  }
  return {{"Boost",
           fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
          {"oneTBB", TBB_runtime_version()},
          {"HDF5", fmt::format("{}.{}.{}", hdf5[0], hdf5[1], hdf5[2])},
          {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
          {"FreeType", fmt::format("{}.{}.{}", ft[0], ft[1], ft[2])},
          {"zlib", zlibVersion()},
          {"libzip", zip_libzip_version()},
          {"libpng", metalearn::png_library()},
          {"libjpeg-turbo", metalearn::jpeg_library()},
          {"Eigen", fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
          {"nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                        NLOHMANN_JSON_VERSION_PATCH)}};
}

Json glyphs() {
  try {
    const auto set = metalearn::load_dataset("glyph");
    return {{"usable", true},
            {"source", set->source},
            {"classes", set->class_names.size()},
            {"training_images", set->train.count()},
            {"provenance", set->provenance}};
  } catch (const checkpoints::Error& e) {
    return {{"usable", false}, {"why", e.what()}};
  }
}

Usage make_usage() {
  return {"metalearn doctor [--json]",
          "Prints what this machine and this build offer: cores, memory, instruction set, libraries, fonts.",
          {{"json", "", "print JSON"}}};
}

int run(const Words& words) {
  const auto arguments = parse(make_usage(), words);
  if (!arguments) return 0;

  const double memory =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const Json json = {{"version", metalearn::kVersion},
                     {"machine", metalearn::machine()},
                     {"cores", autodiff::usable_processors()},
                     {"memory_bytes", memory},
                     {"kernels", autodiff::kernels::active<float>().isa},
                     {"kernels_available", kernel_levels()},
                     {"libraries", library_versions()},
                     {"glyph", glyphs()}};
  if (arguments->has("json")) {
    print_json(json);
    return 0;
  }
  say("metalearn {}\nmachine    {}\nmemory     {:.1f} GiB\nkernels    {} (available: {}; METALEARN_ISA "
      "chooses)\n",
      metalearn::kVersion, metalearn::machine(), memory / (1 << 30), json["kernels"].get<std::string>(),
      fmt::join(kernel_levels(), ", "));
  for (const auto& [name, version] : json["libraries"].items())
    say("library    {} {}\n", name, version.get<std::string>());
  const Json& glyph = json["glyph"];
  if (glyph["usable"])
    say("glyph      {} classes, {} training images, {} fonts from {}\n", glyph["classes"].get<int>(),
        glyph["training_images"].get<int>(), glyph["provenance"].size(), glyph["source"].get<std::string>());
  else
    say("glyph      not usable: {}\n", glyph["why"].get<std::string>());
  return 0;
}

}  // namespace

extern const Command kDoctor{"doctor", "what this machine and this build offer", make_usage, run};

}  // namespace tools
