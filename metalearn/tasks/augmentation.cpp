#include "metalearn/tasks/augmentation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "metalearn/base/portable_math.hpp"

namespace metalearn {
namespace {

constexpr double kRadiansPerDegree = 3.14159265358979323846 / 180;

/// out(r, c) = image at the point that a rotation about the centre by `angle` and a shift by (down, right)
/// move to (r, c); bilinear, edges repeat.
void warp(const std::vector<float>& image, int height, int width, double angle, double down, double right,
          std::vector<float>& out) {
  const auto [sine, cosine] = portable::sin_cos(angle);
  const double centre_r = 0.5 * (height - 1), centre_c = 0.5 * (width - 1);
  for (int r = 0; r < height; ++r) {
    for (int c = 0; c < width; ++c) {
      const double dr = r - centre_r - down, dc = c - centre_c - right;
      const double from_r = std::clamp(centre_r + cosine * dr - sine * dc, 0.0, height - 1.0);
      const double from_c = std::clamp(centre_c + sine * dr + cosine * dc, 0.0, width - 1.0);
      const int r0 = static_cast<int>(from_r), c0 = static_cast<int>(from_c);
      const int r1 = std::min(r0 + 1, height - 1), c1 = std::min(c0 + 1, width - 1);
      const double fr = from_r - r0, fc = from_c - c0;
      const auto at = [&](int row, int column) {
        return static_cast<double>(image[static_cast<std::size_t>(row * width + column)]);
      };
      const double upper = at(r0, c0) + fc * (at(r0, c1) - at(r0, c0)),
                   lower = at(r1, c0) + fc * (at(r1, c1) - at(r1, c0));
      out[static_cast<std::size_t>(r * width + c)] = static_cast<float>(upper + fr * (lower - upper));
    }
  }
}

}  // namespace

Augmentation Augmentation::permutation(std::int64_t inputs, Random& random) {
  Augmentation a;
  a.source.resize(static_cast<std::size_t>(inputs));
  std::iota(a.source.begin(), a.source.end(), 0);
  random.shuffle(std::span(a.source));
  return a;
}

Augmentation Augmentation::draw(const TaskConfig& config, std::int64_t input_count, Random random) {
  const auto inputs = static_cast<std::size_t>(input_count);
  Augmentation a;
  if (random.chance(config.permute)) a = permutation(input_count, random);
  a.rotate = random.chance(config.rotate);
  a.rotate_max = config.rotate_max;
  a.shift = random.chance(config.shift);
  a.shift_max = config.shift_max;
  if (random.chance(config.noise)) a.noise = random.uniform(0, config.noise_max);
  const bool invert = random.chance(config.invert), signs = random.chance(config.input_sign);
  if (invert || signs) {
    a.inverted.assign(inputs, invert);
    if (signs)
      for (char& inverted : a.inverted) inverted ^= static_cast<char>(random.chance(0.5));
  }
  return a;
}

ImageReader::ImageReader(const ImageSet& set, int resolution) : resolution_(resolution) {
  if (set.is_images()) resize_.emplace(set.height, set.width, resolution);
}

void ImageReader::write(const ImageSet& set, std::int64_t index, const Augmentation& how, Random& random,
                        std::int64_t e, std::int64_t batch, std::span<float> x,
                        std::span<float> coefficients) const {
  const auto inputs = static_cast<std::size_t>(set.inputs(resolution_));
  std::vector<float> values(inputs);
  if (resize_) {
    read_image(set, index, how, random, values, coefficients);
  } else {
    const auto row = set.features.begin() + static_cast<std::ptrdiff_t>(inputs) * index;
    std::copy(row, row + static_cast<std::ptrdiff_t>(inputs), values.begin());
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    float value = values[how.source.empty() ? i : static_cast<std::size_t>(how.source[i])];
    if (!how.inverted.empty() && how.inverted[i]) value = set.mirror - value;
    if (how.noise > 0) value += static_cast<float>(how.noise * random.normal());
    x[i * static_cast<std::size_t>(batch) + static_cast<std::size_t>(e)] = value;
  }
}

void ImageReader::read_image(const ImageSet& set, std::int64_t index, const Augmentation& how, Random& random,
                             std::span<float> values, std::span<float> coefficients) const {
  const bool moves = how.rotate || how.shift;
  const double degrees = how.rotate ? random.uniform(-how.rotate_max, how.rotate_max) : 0,
               angle = degrees * kRadiansPerDegree;
  const double pixels_down = how.shift ? random.uniform(-how.shift_max, how.shift_max) : 0,
               down = pixels_down * set.height / resolution_;
  const double pixels_right = how.shift ? random.uniform(-how.shift_max, how.shift_max) : 0,
               right = pixels_right * set.width / resolution_;
  if (!coefficients.empty()) {
    auto next = coefficients.begin();
    if (how.turns()) *next++ = static_cast<float>(degrees / how.rotate_max);
    if (how.shifts()) {
      *next++ = static_cast<float>(pixels_down / how.shift_max);
      *next = static_cast<float>(pixels_right / how.shift_max);
    }
  }
  const auto area = static_cast<std::ptrdiff_t>(set.height) * set.width;
  const auto plane = static_cast<std::size_t>(resolution_) * static_cast<std::size_t>(resolution_);
  for (int channel = 0; channel < set.channels; ++channel) {
    const auto bytes = set.pixels.begin() + (index * set.channels + channel) * area;
    std::vector<float> image(bytes, bytes + area);
    if (moves) {
      std::vector<float> moved(image.size());
      warp(image, set.height, set.width, angle, down, right, moved);
      image.swap(moved);
    }
    (*resize_)(image, 1.0f / 255.0f, values.subspan(static_cast<std::size_t>(channel) * plane, plane));
  }
}

}  // namespace metalearn
