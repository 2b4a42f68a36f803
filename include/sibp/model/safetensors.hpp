#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace sibp {

/// A tensor in host memory, row-major as the safetensors format has it: the last index runs fastest.
struct Tensor {
  std::vector<Index> shape;
  std::vector<Real> values;
};

/// Named tensors and text metadata, as in a safetensors file (https://github.com/huggingface/safetensors).
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Where everything lies in a safetensors file of Real.
struct TensorPlaces {
  std::string head;                            ///< the first bytes: length of the header, header
  std::map<std::string, std::uint64_t> begin;  ///< of each tensor, in bytes from the start of the file; without gaps
  std::uint64_t bytes = 0;                     ///< of the file
};

/// The places of tensors of these shapes, in the order of their names. Local.
TensorPlaces place_tensors(const std::map<std::string, std::vector<Index>>& shapes,
                           const std::map<std::string, std::string>& metadata);

/// The bytes of a safetensors file: F32 where Real is float, F64 where it is double. A file that is moved here gives up
/// its tensors one by one, so that there is no second copy of all. Local.
std::string to_safetensors(TensorFile file);

/// Reads a safetensors file of F32 or F64 tensors, converting to Real. Local. Nothing in the file is trusted: sizes,
/// offsets (inside the data, without overlap or gap), shapes and types are checked before they are used. Throws Error
/// (model) naming the file, what was found and what was expected, std::system_error naming it if the system cannot read
/// it.
TensorFile read_safetensors(const std::filesystem::path& path);

}  // namespace sibp
