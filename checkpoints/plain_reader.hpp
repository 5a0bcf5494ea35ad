// PlainReader: reads only the part of HDF5 that image_writer.cpp writes, from bytes, without libhdf5: a
// snapshot may be malicious, and libhdf5 1.10.8 crashes on many files with valid checksums (bench/RESULTS.md,
// "Snapshots under attack").
//
// Supported: superblock version 3; object headers version 2; hard links, in the header or in a heap; arrays
// in the header, in one chunk or in a fixed array of chunks, with Fletcher32; five number types and text of
// fixed length. HDF5's own checksums are not compared, as the snapshot's CRC-32 was. A function without
// state: any thread.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "checkpoints/archive.hpp"

namespace checkpoints {

/// Throws BadData with one line that names the file, the object and what is wrong. Allocates memory for no
/// more numbers than the file's bytes can hold.
Archive read_plain(std::span<const std::byte> bytes, const std::string& name);

}  // namespace checkpoints
