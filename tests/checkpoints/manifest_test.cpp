#include "checkpoints/manifest.hpp"

#include <random>

#include "fixture.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {
Manifest sample() { return {{{0, {1000, 0xdeadbeef}}, {120, {186021, 7}}, {99999999, {1, 0}}}}; }
}  // namespace

TEST_CASE("a manifest gives back what was written, equal manifests the same text") {
  CHECK(manifest_from(to_text(sample()), "m") == sample());
  CHECK(to_text(sample()) == to_text(manifest_from(to_text(sample()), "m")));
  CHECK(manifest_from(to_text({}), "m") == Manifest{});
}

TEST_CASE("a manifest that was changed in any one byte, or cut, is refused or says the same") {
  const std::string text = to_text(sample());
  std::mt19937 random(1);
  int refused = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ (1 << random() % 8));
    std::string m;
    Manifest read;
    const int code = exit_code_of([&] { read = manifest_from(changed, "run/manifest.json"); }, &m);
    CAPTURE(changed);
    CHECK(((code == 0 && read == sample()) ||
           (code == 65 && m.find("run/manifest.json: ") == 0)));  // a space may become another
    refused += code == 65;
    CHECK(exit_code_of([&] { manifest_from(text.substr(0, at), "m"); }) ==
          (at + 1 == text.size() ? 0 : 65));  // without the last newline it is whole
  }
  CHECK(refused > 100);
}

TEST_CASE("a manifest of a newer program is told from a damaged one") {
  std::string m;
  CHECK(exit_code_of([&] { manifest_from("{\"schema\": 2, \"generations\": [], \"checksum\": \"0\"}", "m"); },
                     &m) == 65);
  CHECK(m.find("damaged (checksum ") != std::string::npos);
  const std::string newer = "{\"generations\":[],\"schema\":2}";
  CHECK(exit_code_of(
            [&] {
              manifest_from("{\"generations\":[],\"schema\":2,\"checksum\":\"" +
                                m.substr(m.find("checksum ") + 9, 8) + "\"}",
                            "m");
            },
            &m) == 65);
  CHECK(m == "m: has schema version 2 (this program reads 1); use the program that wrote it");
}

TEST_CASE("text that is JSON but no manifest is refused, however deep it nests") {
  const std::string deep = std::string(400000, '[') + std::string(400000, ']');
  CHECK(exit_code_of([&] { manifest_from("{\"checksum\": \"x\", \"a\": " + deep + "}", "m"); }) == 65);
  for (const std::int64_t generation : {std::int64_t{-1}, std::int64_t{100000000}}) {
    const std::string far = to_text({{{generation, {1, 2}}}});
    CHECK(exit_code_of([&] { manifest_from(far, "m"); }) == 65);
  }
  for (const char* text : {"", "[]", "3", "{}", "{\"checksum\": 3}", "{\"schema\": 1, \"checksum\": \"x\"}"})
    CHECK(exit_code_of([&] { manifest_from(text, "m"); }) == 65);
}
