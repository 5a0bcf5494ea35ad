// Portable mathematics: logarithm, exponential, sine and cosine from only + - * /, so that random draws made
// with them have the same bits on every machine (the last bit of a libm depends on its version and on the
// processor).
//
// Accurate to a few units in the last place; slower than libm, and used only to draw tasks and batches and in
// schedules. Pure functions.
#pragma once
#include <utility>

namespace metalearn::portable {

/// Natural logarithm. REQUIRES x > 0 and finite.
double log(double x);
/// e^x. REQUIRES |x| < 700.
double exp(double x);
/// {sin x, cos x}. REQUIRES |x| <= 2 pi.
std::pair<double, double> sin_cos(double x);

}  // namespace metalearn::portable
