#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <set>

#include "checkpoints/error.hpp"
#include "checkpoints/image.hpp"
#include "metalearn/steps/reference_vectors.hpp"
#include "tests/checkpoints/fixture.hpp"

using namespace metalearn;

namespace {
void check_file(const std::string& path) {
  CAPTURE(path);
  const VectorReport r = check_reference_vectors(path);
  CHECK(r.ok);
  CHECK(r.groups.size() >= 14);  // intermediates, states, objectives, gradients
  for (const VectorGroup& g : r.groups) {
    CAPTURE(g.worst_array);
    CHECK(g.worst <= g.tolerance);
    CHECK(g.arrays > 0);
  }
}
}  // namespace

TEST_CASE("the rule agrees with the reference vectors in every intermediate, state, objective and gradient") {
  for (const char* name : {"tiny", "tiny_tanh", "tiny_separate", "medium"})
    check_file(std::string(METALEARN_GOLDEN) + "/" + name + ".h5");
}

TEST_CASE("the rule agrees with the reference vectors at the paper's channel counts") {
  const std::string path =
      std::string(METALEARN_SHARED) + "/golden/paper_channels.h5";  // too large to keep in the repository
  if (std::filesystem::exists(path))
    check_file(path);
  else
    MESSAGE("skipped: no " << path);
}

namespace {

using checkpoints::Archive;

const double kNaN = std::numeric_limits<double>::quiet_NaN();

// What a golden file holds, changed, as a file.
class Changed {
 public:
  explicit Changed(
      const std::function<void(Archive&)>& change,
      const std::function<bool(const std::string&)>& keep = [](const std::string&) { return true; }) {
    const Archive golden = checkpoints::read_archive(std::string(METALEARN_GOLDEN) + "/tiny_tanh.h5");
    Archive copy;
    for (const auto& [path, array] : golden.arrays())
      if (keep(path)) copy.put(path, array);
    for (const auto& [path, attributes] : golden.attributes())
      for (const auto& [name, value] : attributes) copy.set(path, name, value);
    change(copy);
    const auto bytes = checkpoints::to_image(copy);
    std::ofstream(path(), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::string path() const { return directory_ / "changed.h5"; }

 private:
  checkpoints::test::TemporaryDirectory directory_;
};

void replace(Archive& a, const std::string& path, const std::function<void(std::vector<double>&)>& change) {
  auto numbers = a.numbers<double>(path);
  change(numbers);
  a.put(path, a.array(path).shape, std::move(numbers));
}

}  // namespace

TEST_CASE("an error that is not a number is the worst, wherever it stands") {
  const std::vector<double> reference{1, -4, 2};
  CHECK(relative_error(reference, std::vector<double>{1, -4, 2}) == 0);
  CHECK(relative_error(reference, std::vector<double>{1, -2, 2}) == 0.5);
  CHECK(relative_error(std::vector<double>{0, 0}, std::vector<double>{0, 3}) == 3);
  CHECK(largest_magnitude(reference) == 4);
  for (std::size_t i = 0; i < 3; ++i) {
    auto computed = reference;
    computed[i] = kNaN;
    CHECK(std::isnan(relative_error(reference, computed)));
    CHECK(std::isnan(largest_magnitude(computed)));
    computed[i] = std::numeric_limits<double>::infinity();
    CHECK(std::isinf(relative_error(reference, computed)));
  }
}

TEST_CASE("a copy of a golden file agrees; computed numbers that are not finite do not") {
  CHECK(check_reference_vectors(Changed([](Archive&) {}).path()).ok);
  // A merge weight as large as can be: what is computed from it overflows.
  const Changed huge(
      [](Archive& a) { replace(a, "theta/forward/merge/w", [](auto& w) { w[0] = 1e308, w[3] = -1e308; }); });
  const VectorReport r = check_reference_vectors(huge.path());
  CHECK(!r.ok);
  std::set<std::string> nan;
  for (const VectorGroup& g : r.groups)
    if (std::isnan(g.worst)) {
      nan.insert(g.name);
      CHECK(!g.ok);
      CHECK(!g.worst_array.empty());
    }
  for (const char* group : {"phi", "objective", "grad/theta", "grad/phi0"}) {
    CAPTURE(group);
    CHECK(nan.count(group) == 1);
  }
}

TEST_CASE(
    "a reference that is not finite is bad data, in the first, a middle and the last place of values, "
    "gradients and inputs") {
  for (const char* path : {"phi/2/W/1", "objective", "step0/h/1", "grad/theta/error_prop/w", "grad/phi0/W/1",
                           "theta/error_prop/w", "phi0/V/1", "inner_x", "meta/xa", "meta/xb"})
    for (double place : {0.0, 0.5, 1.0})
      for (double value : {kNaN, std::numeric_limits<double>::infinity()}) {
        CAPTURE(path);
        const Changed file([&](Archive& a) {
          replace(a, path, [&](auto& x) {
            x[static_cast<std::size_t>(place * static_cast<double>(x.size() - 1))] = value;
          });
        });
        CHECK_THROWS_WITH_AS(check_reference_vectors(file.path()), doctest::Contains(path),
                             checkpoints::BadData);
      }
}

TEST_CASE("one number that is off is found, and its array named") {
  const Changed value([](Archive& a) { replace(a, "phi/2/V/1", [](auto& x) { x.back() *= 1 + 1e-6; }); });
  const VectorReport r = check_reference_vectors(value.path());
  CHECK(!r.ok);
  for (const VectorGroup& g : r.groups) CHECK((g.ok == (g.name != "phi")));
  const Changed gradient(
      [](Archive& a) { replace(a, "grad/theta/error_prop/w", [](auto& x) { x[0] += 1; }); });
  for (const VectorGroup& g : check_reference_vectors(gradient.path()).groups)
    if (g.name == "grad/theta") CHECK((!g.ok && g.worst_array == "grad/theta/error_prop/w"));
}

TEST_CASE("a file with nothing to compare is bad data; one with states only is not") {
  const auto inputs = [](const std::string& path) {
    return path.starts_with("theta/") || path.starts_with("phi0/") || path.starts_with("inner_x") ||
           path.starts_with("meta/");
  };
  CHECK_THROWS_WITH_AS(check_reference_vectors(Changed([](Archive&) {}, inputs).path()),
                       doctest::Contains("nothing to compare"), checkpoints::BadData);
  CHECK(check_reference_vectors(
            Changed([](Archive&) {},
                    [&](const std::string& path) { return inputs(path) || path.starts_with("phi/"); })
                .path())
            .ok);
}

TEST_CASE("a configuration of another rule, or with sizes out of range, is bad data and names the key") {
  const std::int64_t huge = std::int64_t{1} << 40;
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, checkpoints::Attribute>>{
           {"center_y", std::int64_t{0}},
           {"normalize_y_hat", std::int64_t{0}},
           {"ridge", 0.2},
           {"bn_eps", 1e-5},
           {"compute_h_size", huge},
           {"compute_h_size", std::int64_t{0}},
           {"compute_h_layers", std::int64_t{65}},
           {"top_delta_size", huge},
           {"top_delta_layers", std::int64_t{-1}},
           {"delta_dim", huge},
           {"num_grad_channels", huge},
           {"output_size", huge},
           {"input_size", huge},
           {"hidden_sizes", std::vector<std::int64_t>(65, 4)},
           {"batch", huge},
           {"batch", std::int64_t{1}},
           {"num_classes", huge},
           {"samples_per_class", huge},
           {"averages", huge},
           {"steps", huge},
           {"inner_lr", kNaN},
           {"activation", std::string("gelu")}}) {
    CAPTURE(key);
    const Changed file([&, k = key, v = value](Archive& a) { a.set("config", k, v); });
    CHECK_THROWS_AS(check_reference_vectors(file.path()), checkpoints::BadData);
  }
  // Within range, but not what the arrays are made for: refused before any of it is computed.
  for (const char* key : {"compute_h_size", "top_delta_size", "delta_dim", "num_grad_channels", "batch",
                          "steps", "averages", "samples_per_class"}) {
    CAPTURE(key);
    CHECK_THROWS_AS(check_reference_vectors(
                        Changed([&](Archive& a) { a.set("config", key, std::int64_t{65536}); }).path()),
                    checkpoints::BadData);
  }
}

TEST_CASE("an array of as many numbers but another shape is bad data") {
  for (const char* path :
       {"phi/1/W/1", "objective", "grad/theta/error_prop/w", "step0/h/1", "theta/error_prop/w"}) {
    CAPTURE(path);
    const Changed file([&](Archive& a) {
      auto shape = a.array(path).shape;
      if (shape.size() == 1)
        shape.push_back(1);
      else
        std::reverse(shape.begin(), shape.end());
      a.put(path, shape, a.numbers<double>(path));
    });
    CHECK_THROWS_WITH_AS(check_reference_vectors(file.path()), doctest::Contains(path), checkpoints::BadData);
  }
}

TEST_CASE("a file that is not of the layout is refused as bad data, a missing one as missing") {
  const checkpoints::test::TemporaryDirectory directory;
  const std::string path = directory / "not_vectors.h5";
  std::ofstream(path) << "not an HDF5 file at all";
  CHECK_THROWS_AS(check_reference_vectors(path), checkpoints::BadData);
  CHECK_THROWS_AS(check_reference_vectors(directory / "none.h5"), checkpoints::NoInput);
}
