// Sections: the sections of a report. What the run lacks is named with the command that adds it. Functions
// without state.
#pragma once
#include "metalearn/evaluate/sweep.hpp"
#include "metalearn/report/figure.hpp"
#include "metalearn/report/run_files.hpp"

namespace metalearn::report {

Section curves_section(const RunFiles& run);    ///< training and test curves (Figure 5 of the paper)
Section methods_section(const RunFiles& run);   ///< all methods on all data sets (Figure 6)
Section transfer_section(const RunFiles& run);  ///< sweeps over settings that a rule has not seen (Figure 7)
Section representation_section(const RunFiles& run);  ///< receptive fields, embeddings, two moons
Section vae_section(const RunFiles& run);       ///< an autoencoder's objective against its few-shot accuracy
Section training_section(const RunFiles& run);  ///< ages, gradient norms, tasks
Section run_section(const RunFiles& run);       ///< configuration and provenance

/// Few-shot accuracy over an axis.
Figure sweep_figure(const Evaluation& sweep, const Axis& axis);

/// The keys of a configuration that differ from its preset, as options of `metalearn train`: its command line
/// without --run. It gives the same configuration.
std::string train_options(const Config& config);

/// Appended to a command that evaluates on data_options().
inline constexpr const char* kOwnData =
    " (data that training has not seen is more informative than the data named here)";

/// "--data NAME=DIR ..." for a command that evaluates: the run's own folders (those of eval-data, if any), or
/// the glyphs that every installation has.
std::string data_options(const RunFiles& run);

}  // namespace metalearn::report
