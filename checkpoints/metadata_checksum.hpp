// HDF5's two checksums: Jenkins' lookup3 over metadata, Fletcher32 over chunks.
//
// "HDF5 File Format Specification Version 3.0", appendix B and filter 3. Private to this folder. Pure
// functions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace checkpoints {

std::uint32_t metadata_checksum(std::span<const std::byte> bytes);
std::uint32_t fletcher32(std::span<const std::byte> bytes);

}  // namespace checkpoints
