#pragma once

#include "sibp/comm/agreement.hpp"
#include "sibp/data/normalisation.hpp"
#include "sibp/model/network.hpp"
#include "sibp/trainer/manifest.hpp"
#include "sibp/update/update_rule.hpp"

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibp {

/// What goes into a checkpoint's weights.safetensors; the references outlive whoever writes it.
struct WeightSource {
  Device& device;
  const Network& network;
  UpdateRule& rule;
  const Normalisation& normalisation;
  std::string dataset;
};

/// The bytes of that file. Local.
std::uint64_t weights_bytes(const WeightSource& source);

/// Files from so many bytes on are written by all ranks.
inline constexpr std::uint64_t large_weights_bytes = 256'000'000;
/// A multiple of what file systems write at once, and so many that a manifest has room for their digests.
inline constexpr std::uint64_t weights_block_bytes = 1U << 24U;

/// What became of a file of blocks; the same on all ranks.
struct WrittenBlocks {
  ListedFile file;                 ///< empty after a failure
  std::optional<Failure> failure;  ///< of the first rank that could not write
};

class FilePart;

/// Writes a weights.safetensors in blocks, of which each rank has some: it copies what they hold while training waits,
/// and writes, flushes and reads them back from a thread of its own while training goes on. The bytes of the file do
/// not depend on the ranks.
class BlockWriter {
 public:
  /// The first `writers` ranks write. `block_bytes` is a multiple of 8.
  BlockWriter(const Communicator& world, WeightSource source, int writers,
              std::uint64_t block_bytes = weights_block_bytes);
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;
  /// Waits for what this rank writes.
  ~BlockWriter();

  /// See weights_bytes. Local.
  [[nodiscard]] std::uint64_t bytes() const { return weights_bytes(source_); }
  /// Copies this rank's blocks, and starts to write them into rank 0's `file`, which is as long as bytes() says. Does
  /// nothing if its path is empty. Collective. Throws AgreedError (diverged) naming what is not finite.
  void start(const std::filesystem::path& file, Index step);
  /// From start to collect; the same on all ranks. Local.
  [[nodiscard]] bool under_way() const { return under_way_; }
  /// Whether this rank's blocks are written, or cannot be. Does not wait. Local.
  [[nodiscard]] bool is_done() const;
  /// Waits for the blocks of all ranks. Collective.
  WrittenBlocks collect();

 private:
  [[nodiscard]] FilePart copy(Index step) const;
  /// The digests of its blocks.
  [[nodiscard]] std::vector<std::string> write(const std::filesystem::path& file, const FilePart& part) const;

  Communicator world_;
  WeightSource source_;
  std::uint64_t writers_;
  std::uint64_t block_bytes_;
  bool under_way_ = false;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t first_block_ = 0;  ///< of this rank
  std::future<std::vector<std::string>> written_;
};

/// Whether every rank sees what rank 0 writes into `folder`. Collective. Throws AgreedError (runtime) if rank 0 cannot
/// write there.
bool is_shared_folder(const Communicator& world, const std::filesystem::path& folder);

}  // namespace sibp
