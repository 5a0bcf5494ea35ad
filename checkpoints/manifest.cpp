#include "checkpoints/manifest.hpp"

#include <fmt/format.h>

#include <boost/crc.hpp>
#include <cstring>
#include <nlohmann/json.hpp>

#include "checkpoints/error.hpp"

namespace checkpoints {
namespace {

using Json = nlohmann::json;  // keys in alphabetical order: equal manifests make equal texts

constexpr int kManifestSchema = 1;
constexpr int kMaxDepth = 3;                   // of nested objects and lists
constexpr std::size_t kBlockChecksumAt = 508;  // FORMAT.md, "User block"

std::string checksum(const Json& json) {
  const std::string text = json.dump();
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  return fmt::format("{:08x}", crc.checksum());
}

std::uint32_t number_from_hex(const std::string& text) {
  std::size_t end = 0;
  const unsigned long value = std::stoul(text, &end, 16);
  if (end != text.size() || value > UINT32_MAX) throw std::invalid_argument("not a checksum");
  return static_cast<std::uint32_t>(value);
}

}  // namespace

Manifest::Entry manifest_entry(std::span<const std::byte> snapshot) {
  Manifest::Entry entry{snapshot.size(), 0};
  if (snapshot.size() >= kBlockChecksumAt + sizeof entry.checksum)
    std::memcpy(&entry.checksum, snapshot.data() + kBlockChecksumAt, sizeof entry.checksum);
  return entry;
}

std::string to_text(const Manifest& manifest) {
  Json generations = Json::array();
  for (const auto& [generation, entry] : manifest.generations)
    generations.push_back({{"generation", generation},
                           {"bytes", entry.bytes},
                           {"checksum", fmt::format("{:08x}", entry.checksum)}});
  Json json = {{"schema", kManifestSchema}, {"generations", std::move(generations)}};
  json["checksum"] = checksum(json);
  return json.dump(2) + "\n";
}

Manifest manifest_from(const std::string& text, const std::string& name) {
  try {
    bool is_shallow = true;  // deeper nesting is not a manifest, and serialising it for its checksum
                             // would overflow the stack
    const auto keep = [&](int depth, Json::parse_event_t, Json&) {
      return is_shallow = is_shallow && depth <= kMaxDepth;
    };
    Json json = Json::parse(text, keep);
    if (!is_shallow) throw std::invalid_argument("nested");
    const std::string expected = json.at("checksum").get<std::string>();
    json.erase("checksum");
    if (const std::string found = checksum(json); found != expected)
      throw BadData(fmt::format("{}: damaged (checksum {}, expected {})", name, found, expected));
    if (const auto schema = json.at("schema").get<int>(); schema != kManifestSchema)
      throw BadData(
          fmt::format("{}: has schema version {} (this program reads {}); use the program that wrote it",
                      name, schema, kManifestSchema));
    Manifest manifest;
    for (const auto& one : json.at("generations")) {
      const auto generation = one.at("generation").get<std::int64_t>();
      if (generation < 0 || generation > kMaxGeneration) throw std::invalid_argument("not a generation");
      manifest.generations[generation] = {one.at("bytes").get<std::uint64_t>(),
                                          number_from_hex(one.at("checksum").get<std::string>())};
    }
    return manifest;
  } catch (const BadData&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    throw BadData(fmt::format("{}: damaged, or not the manifest of a run", name));
  }
}

std::optional<Manifest> read_manifest(const std::string& directory, FileSystem& files) {
  const std::string path = directory + "/" + kManifestName;
  const auto text = read_text(files, path, Links::refused);
  if (!text) return {};
  return manifest_from(*text, path);
}

}  // namespace checkpoints
