#include "metalearn/outer/window_progress.hpp"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>

#include "autodiff/kernels/kernels.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/outer/version.hpp"

namespace metalearn {
namespace {

using checkpoints::Archive;

constexpr const char* kPrefix = "window-";

std::uint64_t checksum(std::span<const float> values) { return XXH3_64bits(values.data(), values.size_bytes()); }

template <class T>
void put(Archive& archive, const std::string& path, const std::vector<T>& values) {
  archive.put(path, {static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

bool WindowProgress::fits(std::int64_t k, std::size_t phi_size, std::size_t theta_size) const {
  if (left < 0 || left >= k) return false;
  const auto done = static_cast<std::size_t>(k - left);
  return adjoint.size() == phi_size && last.size() == phi_size && gradient.size() == theta_size && adjoint_norm.size() == done && contribution_norm.size() == done;
}

std::string WindowProgressFolder::window_key(std::int64_t update, const InFlight& task, std::int64_t k, std::span<const float> theta) {
  return fmt::format("update {} task {} from {} to {} phi {:016x} theta {:016x} kernels {} program {}", update, task.id, task.age, task.age + k, checksum(task.phi), checksum(theta),
                     autodiff::kernels::active<float>().isa, kVersion);
}

std::string WindowProgressFolder::path(std::int64_t update, const InFlight& task) const { return fmt::format("{}/{}{:08}-{}.progress", directory_, kPrefix, update, task.id); }

std::optional<WindowProgress> WindowProgressFolder::find(std::int64_t update, const InFlight& task, const std::string& key) const {
  try {
    const Archive a = checkpoints::load_snapshot(path(update, task), files_);
    if (a.attribute<std::string>("", "window") != key) return {};
    WindowProgress p;
    p.left = a.attribute<std::int64_t>("", "left");
    p.state_checksum = static_cast<std::uint64_t>(a.attribute<std::int64_t>("", "state_checksum"));
    p.objective_first = a.attribute<double>("", "objective_first");
    p.objective_last = a.attribute<double>("", "objective_last");
    p.adjoint = a.numbers<float>("adjoint");
    p.gradient = a.numbers<float>("gradient");
    p.last = a.numbers<float>("last");
    p.adjoint_norm = a.numbers<double>("adjoint_norm");
    p.contribution_norm = a.numbers<double>("contribution_norm");
    return p;
  } catch (const checkpoints::NoInput&) {
  } catch (const checkpoints::BadData&) {  // the window begins anew
  }
  return {};
}

void WindowProgressFolder::save(std::int64_t update, const InFlight& task, const std::string& key, const WindowProgress& p) const {
  Archive a("progress");
  a.set("", "window", key);
  a.set("", "left", p.left);
  a.set("", "state_checksum", static_cast<std::int64_t>(p.state_checksum));
  a.set("", "objective_first", p.objective_first);
  a.set("", "objective_last", p.objective_last);
  put(a, "adjoint", p.adjoint);
  put(a, "gradient", p.gradient);
  put(a, "last", p.last);
  put(a, "adjoint_norm", p.adjoint_norm);
  put(a, "contribution_norm", p.contribution_norm);
  checkpoints::save_snapshot(path(update, task), a, files_);
}

void WindowProgressFolder::forget_before(std::int64_t update) const {
  std::vector<std::string> names;
  if (files_.list(directory_, names) < 0) return;
  for (const auto& name : names) {
    if (!name.starts_with(kPrefix) || !(name.ends_with(".progress") || name.ends_with(".progress.tmp"))) continue;
    std::int64_t of = 0;
    const auto [end, error] = std::from_chars(name.data() + std::string_view(kPrefix).size(), name.data() + name.size(), of);
    if (error == std::errc() && *end == '-' && of < update) files_.unlink(directory_ + "/" + name);
  }
}

}  // namespace metalearn
