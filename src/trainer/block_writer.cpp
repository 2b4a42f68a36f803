#include "sibp/trainer/block_writer.hpp"

#include "sibp/core/file.hpp"
#include "sibp/core/file_operations.hpp"
#include "sibp/core/open_file.hpp"
#include "sibp/core/sha256.hpp"
#include "sibp/trainer/checkpoint.hpp"

#include "trainer/file_part.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

namespace sibp {
namespace {

/// Everything in the file, and where it lies.
struct WeightsPlan {
  std::map<std::string, TensorView> views;  ///< on the device
  TensorFile frame;                         ///< in host memory
  TensorPlaces places;
};

WeightsPlan plan_weights(const WeightSource& source) {
  WeightsPlan plan{
      tensor_views(source.network), frame_of_model(source.network.spec, source.normalisation, source.dataset), {}};
  for (const auto& [name, matrix] : source.rule.state().matrices)
    plan.views.emplace(tensor_of_method(name), TensorView{{matrix.rows, matrix.cols}, matrix});
  std::map<std::string, std::vector<Index>> shapes;
  for (const auto& [name, view] : plan.views) shapes[name] = view.shape;
  for (const auto& [name, tensor] : plan.frame.tensors) shapes[name] = tensor.shape;
  plan.places = place_tensors(shapes, plan.frame.metadata);
  return plan;
}

// A SHA-256 digest as four numbers, as which it travels.
constexpr std::size_t numbers_of_digest = 4;
constexpr std::size_t digits_of_number = 16;

void to_numbers(const std::string& digest, std::uint64_t* to) {
  for (std::size_t k = 0; k < numbers_of_digest; ++k) {
    const char* digits = digest.data() + k * digits_of_number;
    std::from_chars(digits, digits + digits_of_number, to[k], 16);
  }
}

std::string from_numbers(const std::uint64_t* from) {
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", from[0], from[1], from[2], from[3]);
}

void check_io(const char* what, const std::filesystem::path& file, int reason) {
  if (reason != 0)
    throw Error(ExitStatus::runtime,
                fmt::format("cannot {} {}: {}", what, file.string(), std::system_category().message(reason)));
}

}  // namespace

std::uint64_t weights_bytes(const WeightSource& source) {
  return plan_weights(source).places.bytes;
}

BlockWriter::BlockWriter(const Communicator& world, WeightSource source, int writers, std::uint64_t block_bytes)
    : world_(world),
      source_(std::move(source)),
      writers_(static_cast<std::uint64_t>(writers)),
      block_bytes_(block_bytes) {
  require(writers > 0 && writers <= world.size(), "some of the ranks write");
  require(block_bytes > 0 && block_bytes % sizeof(double) == 0, "no element lies in two blocks");
}

BlockWriter::~BlockWriter() {
  if (written_.valid()) written_.wait();
}

FilePart BlockWriter::copy(Index step) const {
  const WeightsPlan plan = plan_weights(source_);
  const std::uint64_t blocks = (plan.places.bytes + block_bytes_ - 1) / block_bytes_;
  const auto rank = static_cast<std::uint64_t>(world_.rank());
  const auto first_of = [&](std::uint64_t r) {
    return std::min(std::min(r, writers_) * blocks / writers_ * block_bytes_, plan.places.bytes);
  };
  FilePart part(first_of(rank), first_of(rank + 1));
  part.add(0, plan.places.head);
  for (const auto& [name, tensor] : plan.frame.tensors)
    part.add(plan.places.begin.at(name),
             {reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(Real)});
  for (const auto& [name, view] : plan.views) {
    if (!part.add(plan.places.begin.at(name), view, source_.device))
      throw_not_finite(fmt::format("the tensor {}", name), step);
  }
  return part;
}

std::vector<std::string> BlockWriter::write(const std::filesystem::path& path, const FilePart& part) const {
  std::vector<std::string> digests;
  if (part.begin() == part.end()) return digests;
  const auto bytes_from = [&](std::uint64_t begin) { return std::min(block_bytes_, part.end() - begin); };
  OpenFile file(path, O_WRONLY);
  check_io("open", path, file.open_error());
  check_io("write", path, file.move_to(static_cast<std::int64_t>(part.begin())));
  for (std::uint64_t begin = part.begin(); begin < part.end(); begin += block_bytes_) {
    const std::string block = part.block(begin, bytes_from(begin));
    digests.push_back(sha256(block));
    check_io("write", path, file.write(block));
  }
  check_io("flush", path, file.flush());
  check_io("write", path, file.close());
  for (std::size_t k = 0; k < digests.size(); ++k) {
    const std::uint64_t begin = part.begin() + k * block_bytes_;
    const std::string found = sha256_of_part(path, begin, bytes_from(begin));
    if (found != digests[k])
      throw Error(ExitStatus::runtime,
                  fmt::format("{} does not hold what was written: its SHA-256 from byte {} on is {}, expected {}",
                              path.string(), begin, found, digests[k]));
  }
  return digests;
}

void BlockWriter::start(const std::filesystem::path& file, Index step) {
  const std::string path = world_.broadcast(file.empty() ? std::string() : std::filesystem::absolute(file).string());
  if (path.empty()) return;
  const auto part = std::make_shared<FilePart>(agreed(world_, [&] { return copy(step); }));
  file_bytes_ = bytes();
  first_block_ = part->begin() / block_bytes_;
  under_way_ = true;
  written_ = std::async(std::launch::async, [this, path, part] { return write(path, *part); });
}

bool BlockWriter::is_done() const {
  return written_.valid() && written_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

WrittenBlocks BlockWriter::collect() {
  under_way_ = false;
  std::vector<std::string> own;
  try {
    own = agreed(world_, [&] { return written_.get(); });
  } catch (const AgreedError& error) {
    return {{}, Failure{error.status(), error.what()}};
  }
  const std::uint64_t blocks = (file_bytes_ + block_bytes_ - 1) / block_bytes_;
  std::vector<std::uint64_t> numbers(blocks * numbers_of_digest);
  for (std::size_t k = 0; k < own.size(); ++k) to_numbers(own[k], &numbers[(first_block_ + k) * numbers_of_digest]);
  world_.all_reduce_sum(std::span(numbers));
  WrittenBlocks written{{file_bytes_, block_bytes_, {}}, std::nullopt};
  for (std::uint64_t k = 0; k < blocks; ++k)
    written.file.digests.push_back(from_numbers(&numbers[k * numbers_of_digest]));
  return written;
}

bool is_shared_folder(const Communicator& world, const std::filesystem::path& folder) {
  if (world.size() == 1) return true;
  std::string name;
  if (world.is_root()) {
    std::random_device random;
    name = (std::filesystem::absolute(folder) / fmt::format("tmp-{:08x}{:08x}", random(), random())).string();
  }
  const std::filesystem::path file = world.broadcast(std::move(name));
  const std::string token = file.filename().string();
  agreed(world, [&] {
    if (!world.is_root()) return;
    system_files().make_folder(folder);
    system_files().write(file, token);
  });
  bool sees = false;
  try {
    sees = read_file(file) == token;
  } catch (const std::system_error&) {
    // It does not.
  }
  const bool all_see = world.all_agree(sees);
  agreed(world, [&] {
    if (world.is_root()) system_files().remove(file);
  });
  return all_see;
}

}  // namespace sibp
