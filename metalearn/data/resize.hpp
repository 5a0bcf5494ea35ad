// AreaResize: resizes an image to n x n by averaging areas: every output pixel is the mean of the part of the
// image that it covers, with partly covered pixels weighted by their share.
//
// Const after construction, any number of threads may use one.
#pragma once
#include <span>
#include <vector>

namespace metalearn {

class AreaResize {
 public:
  /// REQUIRES height, width, resolution > 0.
  AreaResize(int height, int width, int resolution);
  /// out [resolution, resolution] = means of image [height, width], times scale.
  void operator()(std::span<const float> image, float scale, std::span<float> out) const;

 private:
  struct Weight {
    int from;
    float share;
  };  ///< input line, its share of the output line
  struct Line {
    int first, last;
  };  ///< range in the weights
  struct Axis {
    std::vector<Line> lines;
    std::vector<Weight> weights;
  };
  static Axis make_axis(int from, int to);

  int height_, width_, resolution_;
  Axis rows_, columns_;
};

}  // namespace metalearn
