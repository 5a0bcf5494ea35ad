#include "metalearn/model/phi.hpp"

#include <fmt/format.h>

#include "metalearn/base/random.hpp"

namespace metalearn {

namespace {
constexpr double kWeightDeviation = 0.01, kBiasDeviation = 0.1;  // section 3.2
}  // namespace

TensorList phi_spec(const std::vector<std::int64_t>& widths) {
  TensorList list;
  for (const char* kind : {"W", "V", "b"})
    for (std::size_t l = 1; l < widths.size(); ++l)
      list.add(fmt::format("{}/{}", kind, l), *kind == 'b'
                                                  ? std::vector<std::int64_t>{widths[l]}
                                                  : std::vector<std::int64_t>{widths[l - 1], widths[l]});
  return list;
}

std::vector<float> initial_phi(const std::vector<std::int64_t>& widths, std::uint64_t seed,
                               std::uint64_t stream) {
  const TensorList spec = phi_spec(widths);
  std::vector<float> phi(static_cast<std::size_t>(spec.size));
  Random random(seed, stream, purpose("phi"));
  for (const TensorSpec& t : spec.tensors)
    for (std::int64_t i = 0; i < t.size(); ++i)
      phi[static_cast<std::size_t>(t.offset + i)] =
          static_cast<float>(random.truncated_normal(t.name[0] == 'b' ? kBiasDeviation : kWeightDeviation));
  return phi;
}

}  // namespace metalearn
