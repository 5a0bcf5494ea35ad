#include "metalearn/windows/window_journals.hpp"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <utility>

#include "autodiff/kernels/kernels.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/version.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/config/config_key.hpp"

namespace metalearn {
namespace {

std::vector<std::string> names_in(checkpoints::FileSystem& files, const std::string& directory) {
  std::vector<std::string> names;
  files.list(directory, names);  // an unreadable folder has none
  std::erase_if(names, [](const std::string& name) { return !checkpoints::is_journal_name(name); });
  return names;
}

}  // namespace

WindowJournals::WindowJournals(checkpoints::FileSystem& files, std::string directory, const Config& config,
                               const std::vector<std::string>& provenance, int sub_segments)
    : files_(files),
      directory_(std::move(directory)),
      run_(fmt::format("{} {} {}\n", kVersion, autodiff::kernels::active<float>().isa, sub_segments)),
      seconds_(config.journal_every) {
  for (const auto& [key, value] : config.to_map())
    if (!config_key(key).keeps_bits) run_ += fmt::format("{} = {}\n", key, value);
  for (const auto& line : provenance) run_ += line + '\n';
}

std::unique_ptr<checkpoints::UnrollJournalFile> WindowJournals::open(std::span<const float> theta,
                                                                     const InFlight& task,
                                                                     std::int64_t update,
                                                                     const autodiff::Schedule& schedule) {
  std::uint64_t key = 0;
  const auto add = [&](const void* bytes, std::size_t count) {
    key = XXH3_64bits_withSeed(bytes, count, key);
  };
  const std::string words =
      fmt::format("{}{} {} {} {} {} {} {} {}", run_, update, task.id, task.age, schedule.name, schedule.steps,
                  schedule.slots, schedule.disk_slots, schedule.tape_slots);
  add(words.data(), words.size());
  add(theta.data(), theta.size_bytes());
  add(task.phi.data(), task.phi.size() * sizeof(float));
  for (const autodiff::Action& a : schedule.actions) {
    const std::int64_t numbers[] = {static_cast<std::int64_t>(a.kind), a.step, a.end, a.slot};
    add(numbers, sizeof numbers);
  }
  return std::make_unique<checkpoints::UnrollJournalFile>(
      files_, directory_ + "/" + checkpoints::journal_name(task.id), key, seconds_, began(update), update);
}

checkpoints::UnrollJournalFile::Clock::time_point WindowJournals::began(std::int64_t update) {
  std::lock_guard lock(mutex_);
  if (std::exchange(update_, update) != update) began_ = checkpoints::UnrollJournalFile::Clock::now();
  return began_;
}

bool WindowJournals::is_any() const { return !names_in(files_, directory_).empty(); }

void WindowJournals::remove_all() const {
  for (const auto& name : names_in(files_, directory_)) files_.unlink(directory_ + "/" + name);
}

void remove_other_journals(checkpoints::FileSystem& files, const std::string& directory,
                           std::int64_t update) {
  for (const auto& name : names_in(files, directory)) {
    const std::string path = directory + "/" + name;
    try {
      if (!checkpoints::UnrollJournalFile(files, path, 0, 0, {}, update).is_of_generation())
        files.unlink(path);
    } catch (const checkpoints::IoError&) {  // reported by the window that uses the journal
    }
  }
}

}  // namespace metalearn
