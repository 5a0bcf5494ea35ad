// Snapshots that older programs wrote load for ever with the same bits: one golden file per schema version,
// and beside it what it holds as text.
//
// A new schema needs tests/snapshots/schema-N.h5 and .txt: train with the options that the last one's
// configuration shows, on the `squares` images of tests/program/program_fixture.hpp in /data/squares; the
// text is what the first test finds in the file.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <boost/crc.hpp>

#include "checkpoints/snapshot_file.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

std::string golden(std::uint32_t schema, const char* suffix) {
  return fmt::format("{}/tests/snapshots/schema-{}{}", METALEARN_SOURCE, schema, suffix);
}

std::string text_of_attribute(const checkpoints::Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  return fmt::format("{}", std::get<double>(value));
}

std::uint32_t crc_of(const checkpoints::Numbers& numbers) {
  return std::visit(
      [](const auto& values) {
        boost::crc_32_type crc;
        crc.process_bytes(values.data(), values.size() * sizeof values[0]);
        return crc.checksum();
      },
      numbers);
}

/// Everything in an archive, a line each.
std::string description(const checkpoints::Archive& archive) {
  std::string text;
  for (const auto& [path, values] : archive.attributes())
    for (const auto& [name, value] : values)
      text += fmt::format("/{}:{} = {}\n", path, name, text_of_attribute(value));
  for (const auto& [path, array] : archive.arrays())
    text += fmt::format("/{} {} [{}] crc32 {:08x}\n", path, checkpoints::Archive::type_name(array.data),
                        fmt::join(array.shape, ", "), crc_of(array.data));
  return text;
}

}  // namespace

TEST_CASE("there is a golden snapshot of every schema, and each loads with the same bits for ever") {
  for (std::uint32_t schema = 1; schema <= checkpoints::kSnapshotSchema; ++schema) {
    CAPTURE(schema);
    REQUIRE(std::filesystem::exists(golden(schema, ".h5")));
    const RunSnapshot snapshot = read_run_snapshot(golden(schema, ".h5"));
    CHECK(snapshot.schema == schema);
    CHECK(snapshot.bytes == std::filesystem::file_size(golden(schema, ".h5")));
    CHECK(description(snapshot.archive) == text_of(golden(schema, ".txt")));
  }
}

TEST_CASE("a run can be continued from every golden snapshot") {
  for (std::uint32_t schema = 1; schema <= checkpoints::kSnapshotSchema; ++schema) {
    CAPTURE(schema);
    const auto archive = load_run_snapshot(golden(schema, ".h5"));
    const Config config = config_from(archive);
    CHECK(config.data == std::vector<std::string>{"squares=/data/squares"});
    CHECK(config.seed == 7);
    const RunState state = state_from(archive, config);
    CHECK(state.update == 12);
    CHECK(state.adam.steps == 12);
    REQUIRE(best(state.validation));
    CHECK(best(state.validation)->update == 12);
    for (const auto& tensor : theta_spec(config.rule).tensors) {
      const auto& numbers = archive.numbers<float>("adam/v/" + tensor.name);
      CHECK(std::equal(numbers.begin(), numbers.end(), state.adam.v.begin() + tensor.offset));
    }
    CHECK(in_flight_from(archive, config).size() == 3);
  }
}

TEST_CASE("the kernels that made a snapshot are known since schema 2, and nothing is said of them before") {
  CHECK(kernels_note(load_run_snapshot(golden(1, ".h5"))).empty());
  CHECK(load_run_snapshot(golden(2, ".h5")).attribute<std::string>("", "kernels") == "v4");
}
