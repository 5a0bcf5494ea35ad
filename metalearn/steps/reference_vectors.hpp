// Reference vectors: a file of configuration, inputs, intermediates, results and gradients of the update
// rule, compared with what this program computes in float64.
//
// The file's layout is the one of the golden vectors: /config, /theta, /phi0, /inner_x, /meta, and any of
// /step0, /phi, /objective, /objective_parts_1, /grad.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace metalearn {

struct VectorGroup {
  std::string name;  ///< "step0/h", "phi", "grad/theta", ...
  double worst =
      0;  ///< largest error relative to an array's largest magnitude; NaN where a computed number is
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
/// as zero and must stay below 1e-8 of the file's largest. Throws NoInput, or BadData where it is not such a
/// file (names what is missing, of another shape, not finite or out of range) or holds nothing to compare.
VectorReport check_reference_vectors(const std::string& path);

/// Largest |x|; NaN where one is.
double largest_magnitude(std::span<const double> values);
/// Largest |reference - computed| over the largest |reference| (if that is 0: as it is); NaN where one is.
/// Equal sizes.
double relative_error(std::span<const double> reference, std::span<const double> computed);

}  // namespace metalearn
