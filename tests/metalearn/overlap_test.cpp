#include "metalearn/data/overlap.hpp"

#include <doctest/doctest.h>

using namespace metalearn;

TEST_CASE("data sets overlap by the checksums of their files, whatever they are called") {
  const std::vector<std::string> trained = {"mine: 100 training and 50 test images",
                                            "mine: train.csv crc32 0a1b2c3d",
                                            "glyph: Lato.ttf crc32 11111111 Lato train"};
  CHECK(shared_files(trained, {"other.csv crc32 0a1b2c3d", "more.csv crc32 00000000"}) ==
        std::vector<std::string>{"other.csv crc32 0a1b2c3d"});
  CHECK(shared_files(trained, {"Renamed.ttf crc32 11111111 Lato test"}).size() == 1);
  CHECK(shared_files(trained, {"a line without a checksum"}).empty());
  CHECK(shared_files({}, {"x crc32 0a1b2c3d"}).empty());
}
