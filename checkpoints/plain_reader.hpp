// PlainReader: reads the HDF5 that image_writer.cpp makes, and nothing else of HDF5, from bytes, without
// libhdf5: a snapshot may come from anywhere, and libhdf5 1.10.8 crashes on many a file whose checksums are
// right (bench/RESULTS.md, "Snapshots under attack").
//
// Known: superblock 3; object headers 2; hard links, in the header or in a heap; arrays in the header, in one
// chunk or in a fixed array of chunks, with Fletcher32; five types of numbers and text of fixed length.
// HDF5's own checksums are not compared: a snapshot's CRC-32 has been. A function without state: any thread.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "checkpoints/archive.hpp"

namespace checkpoints {

/// Throws BadData with one line that names the file, the object and what is wrong. Takes memory for no more
/// numbers than the file has bytes for.
Archive read_plain(std::span<const std::byte> bytes, const std::string& name);

}  // namespace checkpoints
