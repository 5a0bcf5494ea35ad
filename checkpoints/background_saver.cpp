#include "checkpoints/background_saver.hpp"

#include <chrono>
#include <utility>

namespace checkpoints {

BackgroundSaver::BackgroundSaver(RunDirectory& run, std::function<void()> before)
    : run_(run), before_(std::move(before)) {}

BackgroundSaver::~BackgroundSaver() {
  if (running_.valid()) running_.wait();
}

void BackgroundSaver::save(std::int64_t generation, Archive archive, Retention retention) {
  wait();
  running_ = std::async(std::launch::async,
                        [this, generation, archive = std::move(archive), retention = std::move(retention)] {
                          if (before_) before_();
                          run_.save(generation, archive, retention);
                        });
}

void BackgroundSaver::check() {
  if (running_.valid() && running_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
    running_.get();
}

void BackgroundSaver::wait() {
  if (running_.valid()) running_.get();
}

}  // namespace checkpoints
