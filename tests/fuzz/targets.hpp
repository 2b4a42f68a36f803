#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sibp::fuzz {

using Bytes = std::span<const std::uint8_t>;

// The readers of everything that comes from outside, each fed with any bytes at all. A target ends well if the reader
// either takes the input, and what it made of it holds together, or refuses it with the Error that its header promises.
// Whatever else happens (another exception, a sanitizer's report, a broken property) ends the process: a finding.

/// IDX files: the first byte chooses images or labels, the rest is the file, read plain and packed with gzip alike.
void idx(Bytes input);
/// gzip files: the first byte is the size of the pieces they are read in, the rest follows the magic number.
void gzip(Bytes input);
/// Arrays in NumPy's format: the input is the file, read through a mapping and piece by piece alike.
void npy(Bytes input);
/// NumPy's archives of a data set: the input is the ZIP file.
void npz(Bytes input);
/// CIFAR-10's binary files: the first byte says where in a file of zeros the rest stands and how long that file is.
void cifar10(Bytes input);
/// Batch lists: four bytes for batch, shards, samples and those held out; the rest is the file, on 1 to 3 ranks.
void batch_list(Bytes input);
/// safetensors files, and models in them.
void safetensors(Bytes input);
/// The manifest of a checkpoint, beside the files a (3 bytes), b (1 byte) and c (empty).
void manifest(Bytes input);
/// The state.json of a checkpoint whose other files are as they should be.
void state(Bytes input);
/// The status.json of a run.
void status(Bytes input);
/// The layer language and the list of widths, on a vector or a picture: the first byte chooses, the rest is the text.
void network(Bytes input);
/// The file of --config.
void config(Bytes input);
/// The same in TOML.
void toml(Bytes input);
/// The command line and the environment: a word or a NAME=VALUE a line.
void options(Bytes input);

struct Target {
  std::string_view name;
  void (*run)(Bytes);
};

/// Every target; a new reader gets a line in targets.cpp and a folder of seeds in corpus/.
const std::vector<Target>& targets();

}  // namespace sibp::fuzz
