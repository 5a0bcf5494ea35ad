// Writes small snapshots that together have every structure of the format: snapshot_seeds FOLDER.
#include <string>

#include "checkpoints/snapshot_file.hpp"

using checkpoints::Archive;

int main(int, char** words) {
  auto save = [&](const std::string& name, const Archive& archive) {
    save_snapshot(std::string(words[1]) + "/" + name, archive);
  };
  Archive small;
  small.put<float>("theta/w", {2, 3}, {1, 2, 3, 4, 5, 6});
  small.put<std::uint64_t>("pool/id", {}, {7});
  small.put<double>("pool/none", {0, 3}, {});
  small.set("counters", "update", std::int64_t{3});
  small.set("counters", "best", 0.5);
  small.set("counters", "marks", std::vector<std::int64_t>{1, 2});
  small.set("counters", "rates", std::vector<double>{0.25});
  small.set("", "version", std::string("0.1"));
  save("small", small);
  Archive many;
  for (int i = 0; i < 12; ++i) many.put<std::int32_t>("g/" + std::to_string(i), {1}, {i});
  for (int i = 0; i < 40; ++i)
    many.set("g", "attribute" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
  save("many", many);
  Archive large;
  large.put("one/chunk", {11, 100}, std::vector<float>(1100, 0.5f));
  large.set("one", "long", std::string(6000, 'y'));
  for (int i = 0; i < 9; ++i) large.set("one", std::to_string(i), std::int64_t{i});
  save("large", large);
}
