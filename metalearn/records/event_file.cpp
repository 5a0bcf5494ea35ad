#include "metalearn/records/event_file.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <boost/crc.hpp>
#include <cerrno>
#include <chrono>
#include <span>

#include "checkpoints/error.hpp"
#include "metalearn/records/run_file_list.hpp"

namespace metalearn {
namespace {

static_assert(std::endian::native == std::endian::little);

template <class T>
std::string bytes_of(T value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  return {bytes.data(), bytes.size()};
}

/// CRC-32C, rotated and offset, as TFRecord frames need it.
std::string masked_crc(const std::string& data) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(data.data(), data.size());
  const std::uint32_t sum = crc.checksum();
  return bytes_of<std::uint32_t>(((sum >> 15) | (sum << 17)) + 0xa282ead8u);
}

std::string framed(const std::string& event) {
  const std::string length = bytes_of<std::uint64_t>(event.size());
  return length + masked_crc(length) + event + masked_crc(event);
}

// Protocol buffers: a field is its number and wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four
// bytes), then its value.
std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  return text += static_cast<char>(value);
}
std::string key(int field, int wire) { return varint(static_cast<std::uint64_t>(field << 3 | wire)); }
std::string block(int field, const std::string& bytes) {
  return key(field, 2) + varint(bytes.size()) + bytes;
}

/// Event: wall_time = 1, step = 2, and its content.
std::string event(double time, std::int64_t step, const std::string& what) {
  return key(1, 1) + bytes_of(time) + key(2, 0) + varint(static_cast<std::uint64_t>(step)) + what;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Scalars scalars_of(const MetricsRow& row) {
  Scalars s = {{"objective/first", row.objective.first},
               {"objective/last", row.objective.last},
               {"gradient_norm/all", row.gradient_norm},
               {"clipped_share", row.clipped_share},
               {"rate", row.rate}};
  for (const auto& [family, objective] : row.by_family)
    s.emplace_back("objective_last/" + family, objective.last);
  for (const auto& [family, norm] : row.gradient_by_family) s.emplace_back("gradient_norm/" + family, norm);
  for (const auto& point : row.validation) {
    s.emplace_back(fmt::format("validation_accuracy/{}", point.mark), point.accuracy);
    s.emplace_back(fmt::format("validation_objective/{}", point.mark), point.objective);
  }
  for (const auto& [tag, value] : {std::pair("tasks/replaced", static_cast<double>(row.replaced)),
                                   {"tasks/dropped", static_cast<double>(row.dropped)},
                                   {"tasks/mean_age", row.mean_age},
                                   {"tasks/length_limit", static_cast<double>(row.length_limit)},
                                   {"seconds", row.seconds}})
    s.emplace_back(tag, value);
  return s;
}

std::string scalar_record(double time, std::int64_t step, const Scalars& scalars) {
  std::string summary;  // value = 1, repeated: tag = 1, simple_value = 2
  for (const auto& [tag, value] : scalars)
    summary += block(1, block(1, tag) + key(2, 5) + bytes_of(static_cast<float>(value)));
  return framed(event(time, step, block(5, summary)));
}

EventFile::EventFile(const std::string& directory, std::int64_t update, checkpoints::FileSystem& files)
    : files_(files) {
  const double time = now();
  for (auto seconds = static_cast<std::int64_t>(time); file_ < 0;
       ++seconds) {  // two files within a second get different names
    name_ = fmt::format("{}{:010}.metalearn", kEventFilePrefix, seconds);
    path_ = directory + "/" + name_;
    file_ = files_.open(path_, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (file_ < 0 && errno != EEXIST) throw checkpoints::can_not_write(path_, "open", errno);
  }
  try {
    write(framed(key(1, 1) + bytes_of(time) + block(3, "brain.Event:2")));
    write(framed(
        event(time, update + 1, block(7, key(1, 0) + varint(1)))));  // session_log = 7: status = 1: START
  } catch (...) {
    files_.close(file_);
    files_.unlink(path_);
    throw;
  }
}

EventFile::~EventFile() { files_.close(file_); }

void EventFile::append(std::int64_t update, const Scalars& scalars) {
  write(scalar_record(now(), update, scalars));
}

void EventFile::write(const std::string& record) {
  if (!checkpoints::write_all(files_, file_, std::as_bytes(std::span(record))))
    throw checkpoints::can_not_write(path_, "write", errno);
}

}  // namespace metalearn
