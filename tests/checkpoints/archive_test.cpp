#include "checkpoints/archive.hpp"

#include <stdexcept>

#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

TEST_CASE("an archive gives back what was put, by path, type and shape") {
  Archive a("x.h5");
  a.put<float>("theta/conv0/w", {2, 3}, {1, 2, 3, 4, 5, 6});
  a.set("counters", "update", std::int64_t{7});
  a.set_texts("config", {{"rule", "metz"}, {"empty", ""}});
  CHECK(a.numbers<float>("theta/conv0/w", {2, 3})[5] == 6);
  CHECK(a.attribute<std::int64_t>("counters", "update") == 7);
  CHECK(a.texts("config") == std::map<std::string, std::string>{{"rule", "metz"}, {"empty", ""}});
  CHECK(a.groups() == std::vector<std::string>{"config", "counters", "theta", "theta/conv0"});
  CHECK(a.find("theta/conv1/w") == nullptr);
  CHECK(a.find_attribute<double>("counters", "update") == nullptr);
}

TEST_CASE("what an archive lacks is bad data that names file, path, types and shapes") {
  Archive a("x.h5");
  a.put<float>("w", {2, 1}, {1, 2});
  std::string m;
  CHECK(exit_code_of([&] { a.array("v"); }, &m) == 65);
  CHECK(m.find("x.h5: has no array /v") == 0);
  CHECK(exit_code_of([&] { a.numbers<double>("w"); }, &m) == 65);
  CHECK(m == "x.h5: /w holds float32 (float64 expected)");
  CHECK(exit_code_of([&] { a.numbers<float>("w", {2}); }, &m) == 65);
  CHECK(m == "x.h5: /w has the shape [2, 1] ([2] expected)");
  CHECK(exit_code_of([&] { a.attribute<double>("w", "rate"); }, &m) == 65);
  CHECK(m.find("x.h5: /w has no attribute \"rate\"") == 0);
}

TEST_CASE("paths, shapes and texts that no file can hold are refused as misuse") {
  Archive a;
  for (const char* path : {"", "/a", "a/", "a//b", ".", "a/../b"}) {
    CAPTURE(path);
    CHECK_THROWS_AS(a.put<float>(path, {}, {1}), std::invalid_argument);
  }
  CHECK_THROWS_AS(a.put<float>("w", {2}, {1}), std::invalid_argument);
  CHECK_THROWS_AS(a.put<float>("w", {-1}, {}), std::invalid_argument);
  CHECK_THROWS_AS(a.set("g", "t", std::string("a\0b", 3)), std::invalid_argument);
  a.put<float>("g/w", {}, {1});
  CHECK_THROWS_AS(a.put<float>("g", {}, {1}), std::invalid_argument);
  CHECK_THROWS_AS(a.put<float>("g/w/x", {}, {1}), std::invalid_argument);
  CHECK_THROWS_AS(a.set("g/w/x", "t", 1.0), std::invalid_argument);
  a.put<float>("g/w", {1}, {2});  // replacing is fine
  CHECK(a.numbers<float>("g/w")[0] == 2);
}
