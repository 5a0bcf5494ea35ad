// Level: the kernel tables of one instruction set level, AUTODIFF_ISA.
//
// Compiled once per level with different machine flags. Everything here and in the included headers has
// internal linkage, and no standard header with inline functions is used: the linker must never keep a
// function compiled for AVX-512 for the whole program.
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/levels.hpp"
#include "autodiff/kernels/product.hpp"
#include "autodiff/kernels/rows.hpp"
#include "autodiff/kernels/tile_program.hpp"
#include "autodiff/kernels/winograd.hpp"

#define AUTODIFF_STRING_OF(x) #x
#define AUTODIFF_STRING(x) AUTODIFF_STRING_OF(x)

namespace autodiff::kernels {

namespace {

template <class T>
constexpr Kernels<T> kTable = {
    .isa = AUTODIFF_STRING(AUTODIFF_ISA),
    .product = product<T>,
    .transpose = transpose<T>,
    .unary = unary<T>,
    .binary = binary<T>,
    .binary_rows = binary_rows<T>,
    .stretch = stretch<T>,
    .sum = sum<T>,
    .sum_each_row = sum_each_row<T>,
    .sum_lanes = sum_lanes<T>,
    .sum_rows = sum_rows<T>,
    .moments = moments<T>,
    .normalise = normalise<T>,
    .normalise_reverse_sums = normalise_reverse_sums<T>,
    .normalise_reverse = normalise_reverse<T>,
    .activate = activate<T>,
    .winograd_weights = winograd_weights<T>,
    .winograd = winograd<T>,
    .winograd_reverse = winograd_reverse<T>,
    .winograd_weights_reverse = winograd_weights_reverse<T>,
};

}  // namespace

namespace AUTODIFF_ISA {
constinit const Kernels<float> float_kernels = kTable<float>;
constinit const Kernels<double> double_kernels = kTable<double>;
}  // namespace AUTODIFF_ISA

}  // namespace autodiff::kernels
