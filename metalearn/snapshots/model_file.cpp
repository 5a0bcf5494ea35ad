#include "metalearn/snapshots/model_file.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "checkpoints/error.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/base/version.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {

using checkpoints::Archive;

bool is_model(const Archive& snapshot) { return snapshot.find_attribute<std::string>("", "kind") != nullptr; }

Archive to_archive(const ModelFile& model, const std::string& kind) {
  Archive a("model");
  a.set("", "kind", kind);
  a.set("", "program_version", std::string(kVersion));
  a.set_texts("config", model.config.to_map());
  if (!model.origin.provenance.empty()) {
    a.set("origin", "update", model.origin.update);
    a.set("origin", "label", model.origin.label);
    if (model.origin.mark) a.set("origin", "mark", *model.origin.mark);
    put_provenance(a, model.origin.provenance);
  }
  if (!model.theta.empty()) put_tensors(a, "theta", theta_spec(model.config.rule), model.theta);
  if (!model.phi.empty()) put_tensors(a, "phi", phi_spec(model.widths), model.phi);
  return a;
}

ModelFile model_from(const Archive& archive) {
  const auto refuse = [&](const std::string& what) {
    return checkpoints::BadData(fmt::format("{}: {}; import it again", archive.name(), what));
  };
  const auto* kind = archive.find_attribute<std::string>("", "kind");
  if (!kind) throw refuse("is a snapshot of a run, not a theta or phi file");
  if (*kind != "model" && *kind != "features")
    throw refuse(fmt::format("has the unknown kind '{}' (model or features)", *kind));
  ModelFile m;
  m.file = archive.name();
  m.config = config_from(archive, false);
  try {
    if (archive.find("theta/" + theta_spec(m.config.rule).tensors.front().name))
      m.theta = theta_from(archive, "theta", m.config.rule);
  } catch (const std::invalid_argument& e) {  // sizes that the rule refuses
    throw refuse(e.what());
  }
  if (const auto* label = archive.find_attribute<std::string>("origin", "label")) {
    m.origin.label = *label;
    m.origin.update = archive.attribute<std::int64_t>("origin", "update");
    if (const auto* mark = archive.find_attribute<std::int64_t>("origin", "mark")) m.origin.mark = *mark;
    if (m.origin.update < 0 || m.origin.mark.value_or(1) < 1 || m.origin.mark.value_or(1) > 100000)
      throw refuse("has a negative update, or an evaluation step outside 1 .. 100000");
    m.origin.provenance = provenance_from(archive);
  }
  m.widths = widths_from([&](const std::string& name) {
    const auto* array = archive.find("phi/" + name);
    return array ? &array->shape : nullptr;
  });
  if (!m.widths.empty()) m.phi = take_tensors(archive, "phi", phi_spec(m.widths));
  return m;
}

ModelFile load_model(const std::string& path) { return model_from(checkpoints::load_snapshot(path)); }

}  // namespace metalearn
