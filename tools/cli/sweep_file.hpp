// SweepFile: the results of a sweep so far, as sweep-AXIS.json and sweep-AXIS.csv in a folder. Every finished
// evaluation is saved immediately, so a killed sweep resumes and ends with the same files (except seconds) as
// an uninterrupted one.
//
// Further values and data sets are added to existing results, including those that another process adds
// meanwhile; a sweep under another protocol is refused. One thread; the files are replaced atomically.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "metalearn/evaluate/sweep.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output_file.hpp"

namespace tools {

class SweepFile {
 public:
  /// Reads existing results. protocol: all that the numbers depend on in addition to the place. Throws
  /// UsageError if the folder holds a sweep under another protocol, or a table that is not of a sweep;
  /// BadData if its file is damaged. With --force it starts again in their place.
  SweepFile(const std::string& folder, const metalearn::Axis& axis, Json protocol,
            const Arguments& arguments);

  /// Throws UsageError if there are rows of another data set with the same name: they would form one curve.
  /// With --force these rows are dropped.
  void require_source(const std::string& data, const std::string& source);
  /// The evaluation steps of the existing results; empty if there are none. Throws BadData for a damaged
  /// file, unless forced.
  static std::vector<std::int64_t> marks_in(const std::string& folder, const metalearn::Axis& axis,
                                            bool is_forced);

  bool has(const metalearn::SweepPlace& place) const;
  /// Writes these rows to both files, replacing rows of the same places. Throws IoError, and the
  /// constructor's errors for what other processes wrote meanwhile.
  void keep(const std::vector<std::pair<metalearn::SweepPlace, metalearn::FewShotRow>>& rows);
  /// Rewrites the CSV if it disagrees with the JSON: it was lost, or the process was killed between the two
  /// writes.
  void mend() const;
  /// By data set, value and step.
  const Json& rows() const { return file_.at("results"); }  /// The whole document.
  const Json& json() const { return file_; }

  const std::string& json_path() const { return json_path_; }
  const std::string& csv_path() const { return csv_path_; }

 private:
  void take_over();  ///< replaces file_ by the current content of the file
  std::string csv() const;
  void write() const;

  const metalearn::Axis& axis_;
  const std::string folder_, json_path_, csv_path_;
  const bool is_forced_;
  const OutputFile json_out_, csv_out_;
  Json file_;
};

/// Whether a text begins with the header of sweep-AXIS.csv.
bool is_sweep_table(std::string_view text);

}  // namespace tools
