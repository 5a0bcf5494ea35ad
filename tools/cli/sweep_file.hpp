// SweepFile: what a sweep has found so far, as sweep-AXIS.json and sweep-AXIS.csv in a folder. Every finished
// evaluation is kept at once, so that a sweep that was killed goes on where it was, and ends with the same
// files as one that was not (but for seconds).
//
// Further values and data sets join what is there, also what another process finds meanwhile; a sweep under
// another protocol is refused. One thread; the files are replaced whole.
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
  /// Reads what is there. protocol: all that the numbers depend on beside the place. Throws UsageError where
  /// the folder holds a sweep under another protocol, or a table that is none of a sweep; BadData where its
  /// file is damaged. With --force it begins anew in place of them.
  SweepFile(const std::string& folder, const metalearn::Axis& axis, Json protocol,
            const Arguments& arguments);

  /// Refuses (UsageError) a data set of whose name there are rows of another one: they would make one curve.
  /// With --force these rows go.
  void require_source(const std::string& data, const std::string& source);
  /// The marks of what is there; empty where nothing is. Throws BadData where it is damaged, if not forced.
  static std::vector<std::int64_t> marks_in(const std::string& folder, const metalearn::Axis& axis,
                                            bool is_forced);

  bool has(const metalearn::SweepPlace& place) const;
  /// In place of what is there of these places, in both files. Throws IoError, and what the constructor
  /// throws of what others wrote meanwhile.
  void keep(const std::vector<std::pair<metalearn::SweepPlace, metalearn::FewShotRow>>& rows);
  /// Writes the CSV anew where it is not what the JSON says: a kill came between the two, or it was lost.
  void mend() const;
  /// By data set, value and step.
  const Json& rows() const { return file_.at("results"); }
  /// All of it.
  const Json& json() const { return file_; }

  const std::string& json_path() const { return json_path_; }
  const std::string& csv_path() const { return csv_path_; }

 private:
  void take_over();  ///< what the file holds now
  std::string csv() const;
  void write() const;

  const metalearn::Axis& axis_;
  const std::string folder_, json_path_, csv_path_;
  const bool is_forced_;
  const OutputFile json_out_, csv_out_;
  Json file_;
};

/// Whether a text begins with the columns of sweep-AXIS.csv.
bool is_sweep_table(std::string_view text);

}  // namespace tools
