#include "metalearn/base/portable_math.hpp"

#include <cmath>

namespace metalearn::portable {
namespace {
constexpr double kLn2 = 0.69314718055994530942;
}  // namespace

double log(double x) {
  int exponent;
  double m = std::frexp(x, &exponent);  // exact: only splits the bits
  if (m < 0.70710678118654752440) {
    m *= 2;
    --exponent;
  }
  // log m = 2 atanh(s) = 2 (s + s^3/3 + ...), |s| <= 0.172: the first omitted term is below 2^-56 of the sum.
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return exponent * kLn2 + 2 * s * sum;
}

double exp(double x) {
  const int exponent = static_cast<int>(std::floor(x / kLn2 + 0.5));
  const double r = x - exponent * kLn2;  // |r| <= 0.347
  double sum = 1;
  for (int k = 14; k >= 1; --k) sum = 1 + sum * r / k;
  return std::ldexp(sum, exponent);
}

std::pair<double, double> sin_cos(double x) {
  // Taylor at an eighth of the angle, doubled three times: sin 2a = 2 sin a cos a, cos 2a - 1 = -2 sin^2 a.
  const double a = x / 8, a2 = a * a;
  double sine = 1, cosine = 1;
  for (int k = 19; k >= 3; k -= 2) sine = 1 - sine * a2 / (k * (k - 1));
  for (int k = 20; k >= 2; k -= 2) cosine = 1 - cosine * a2 / (k * (k - 1));
  sine *= a;
  for (int i = 0; i < 3; ++i) {
    const double doubled = 2 * sine * cosine;
    cosine = 1 - 2 * sine * sine;
    sine = doubled;
  }
  return {sine, cosine};
}

}  // namespace metalearn::portable
