#include "metalearn/data/resize.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <stdexcept>
#include <tuple>
#include <vector>

using metalearn::AreaResize;

TEST_CASE("halving an image takes the means of 2 x 2 blocks, times the scale") {
  const std::vector<float> image = {1, 3, 5, 7, 1, 3, 5, 7, 0, 0, 8, 8, 0, 4, 8, 8};
  std::vector<float> out(4);
  AreaResize(4, 4, 2)(image, 0.5f, out);
  CHECK(out == std::vector<float>{1.0f, 3.0f, 0.5f, 4.0f});
}

TEST_CASE("a pixel across a border counts with its share") {
  const std::vector<float> image = {0, 3, 6, 0, 3, 6, 0, 3, 6};
  std::vector<float> out(4);
  AreaResize(3, 3, 2)(image, 1, out);
  for (int row = 0; row < 2; ++row) {
    CHECK(out[static_cast<std::size_t>(2 * row)] == doctest::Approx(1.0));      // (0 + 3 / 2) / 1.5
    CHECK(out[static_cast<std::size_t>(2 * row + 1)] == doctest::Approx(5.0));  // (3 / 2 + 6) / 1.5
  }
}

TEST_CASE("any resize keeps the mean, a constant stays constant, the same size changes nothing") {
  for (const auto& [height, width, to] :
       {std::tuple{32, 32, 14}, std::tuple{28, 20, 9}, std::tuple{5, 7, 16}}) {
    std::vector<float> image(static_cast<std::size_t>(height * width)),
        out(static_cast<std::size_t>(to * to));
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>((i * i) % 17);
    const AreaResize resize(height, width, to);
    resize(image, 1, out);
    CHECK(std::accumulate(out.begin(), out.end(), 0.0) / double(out.size()) ==
          doctest::Approx(std::accumulate(image.begin(), image.end(), 0.0) / double(image.size()))
              .epsilon(1e-5));
    std::fill(image.begin(), image.end(), 255.0f);
    resize(image, 1.0f / 255, out);
    for (float v : out) CHECK(v == doctest::Approx(1.0).epsilon(1e-6));
  }
  const std::vector<float> image = {1, 2, 3, 4};
  std::vector<float> out(4);
  AreaResize(2, 2, 2)(image, 1, out);
  CHECK(out == image);
  CHECK_THROWS_AS(AreaResize(0, 2, 2), std::invalid_argument);
}
