// A journal in memory that keeps every progress, so that a test can go on from each of them.
#pragma once
#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "autodiff/unroll/unroll_journal.hpp"

namespace autodiff::test {

class MemoryJournal final : public UnrollJournal {
 public:
  using Bytes = std::vector<std::byte>;
  bool due = true;
  std::function<void()> on_commit = [] {};
  std::vector<Bytes> kept;  ///< oldest first; the last one is what resume() finds

  bool resume() override {
    at_ = 0;
    reading_ = kept.empty() ? Bytes() : kept.back();
    return !kept.empty();
  }
  void read(std::span<std::byte> bytes) override {
    REQUIRE(at_ + bytes.size() <= reading_.size());
    std::copy_n(reading_.begin() + static_cast<std::ptrdiff_t>(at_), bytes.size(), bytes.begin());
    at_ += bytes.size();
  }
  bool is_due(bool) override { return due; }
  void begin() override { written_.clear(); }
  void write(std::span<const std::byte> bytes) override {
    written_.insert(written_.end(), bytes.begin(), bytes.end());
  }
  std::string commit() override {
    kept.push_back(written_);
    on_commit();
    return {};
  }
  bool is_read_to_its_end() const { return at_ == reading_.size(); }

 private:
  Bytes reading_, written_;
  std::size_t at_ = 0;
};

}  // namespace autodiff::test
