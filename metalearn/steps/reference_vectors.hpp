// Reference vectors: a file of configuration, inputs, intermediates, results and gradients of the update
// rule, compared with what this program computes in float64.
//
// The file has the layout of the golden vectors: /config, /theta, /phi0, /inner_x, /meta, and any of /step0,
// /phi, /objective, /objective_parts_1, /grad.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace metalearn {

struct VectorGroup {
  std::string name;  ///< "step0/h", "phi", "grad/theta", ...
  double worst =
      0;  ///< largest error relative to an array's largest magnitude; NaN if a computed number is NaN
  std::string worst_array;
  double tolerance = 0;
  int arrays = 0;  ///< compared in this group
  bool ok = true;
};

struct VectorReport {
  std::vector<VectorGroup> groups;
  std::string configuration;  ///< one line
  bool ok = true;
};

/// Computes everything that the file holds and compares: values within 1e-10, gradients within 1e-8 of each
/// array's largest magnitude. A gradient whose largest reference is below 1e-12 of the file's largest counts
/// as zero and must stay below 1e-8 of the file's largest. Throws NoInput; BadData if it is not such a file
/// (names what is missing, has another shape, is not finite or out of range) or holds nothing to compare.
VectorReport check_reference_vectors(const std::string& path);

/// Largest |x|; NaN if any is NaN.
double largest_magnitude(std::span<const double> values);
/// Largest |reference - computed| over the largest |reference| (absolute if that is 0); NaN if any is NaN.
/// Sizes must be equal.
double relative_error(std::span<const double> reference, std::span<const double> computed);

}  // namespace metalearn
