#include "data/byte_reader.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/heartbeat.hpp"

#include "data/gzip_stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sibp {
namespace {

/// Bytes that are asked for in one go; more are not allocated before these have been seen in the file.
constexpr Index piece = Index(1) << 20;

class PlainReader final : public ByteReader {
 public:
  PlainReader(std::filesystem::path path, Index file_size, std::ifstream file)
      : ByteReader(std::move(path), file_size), file_(std::move(file)) {}

 private:
  std::size_t read_some(std::span<std::uint8_t> to) override { return read_bytes(file_, to, path()); }

  void skip(Index bytes) override {
    if (bytes > 0) file_.seekg(bytes, std::ios::cur);
  }

  void check_size(Index bytes) const override { check_exact_size(bytes); }

  std::ifstream file_;
};

class MappedReader final : public ByteReader {
 public:
  MappedReader(std::filesystem::path path, Index file_size)
      : ByteReader(std::move(path), file_size), bytes_(map_file(this->path(), file_size)) {}

 private:
  struct Unmap {
    std::size_t size;
    void operator()(const std::uint8_t* bytes) const { ::munmap(const_cast<std::uint8_t*>(bytes), size); }
  };
  using Mapping = std::unique_ptr<const std::uint8_t, Unmap>;

  static Mapping map_file(const std::filesystem::path& path, Index file_size) {
    const auto size = static_cast<std::size_t>(file_size);
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    void* const bytes = file < 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    const int problem = errno;
    if (file >= 0) ::close(file);
    if (bytes == MAP_FAILED)
      throw_data_error(
          fmt::format("cannot map {} into memory: {}", path.string(), std::system_category().message(problem)));
    return {static_cast<const std::uint8_t*>(bytes), Unmap{size}};
  }

  std::size_t read_some(std::span<std::uint8_t> to) override {
    const std::size_t count = std::min(to.size(), static_cast<std::size_t>(file_size() - place_));
    std::copy_n(bytes_.get() + place_, count, to.begin());
    place_ += static_cast<Index>(count);
    return count;
  }

  void skip(Index bytes) override { place_ = std::min(place_ + bytes, file_size()); }
  void check_size(Index bytes) const override { check_exact_size(bytes); }

  Mapping bytes_;
  Index place_ = 0;
};

class GzipReader final : public ByteReader {
 public:
  GzipReader(const std::filesystem::path& path, Index file_size, std::ifstream file)
      : ByteReader(path, file_size), stream_(path, std::move(file)) {}

 private:
  std::size_t read_some(std::span<std::uint8_t> to) override { return stream_.read_some(to); }

  void skip(Index bytes) override {
    std::array<std::uint8_t, 1U << 14U> unused{};
    while (bytes > 0) {
      const auto step = std::min(bytes, static_cast<Index>(unused.size()));
      const auto done = read_some(std::span(unused).first(static_cast<std::size_t>(step)));
      if (done == 0) return;  // the next read, or finish(), reports it
      bytes -= static_cast<Index>(done);
      note_progress();
    }
  }

  void check_size(Index bytes) const override {
    if (bytes / largest_deflate_ratio <= file_size()) return;
    throw_data_error(
        fmt::format("{} is cut short or damaged: its header asks for {} bytes, more than {} bytes of gzip "
                    "can hold; fetch the file again",
                    path().string(), bytes, file_size()));
  }

  GzipStream stream_;
};

}  // namespace

Index regular_file_size(const std::filesystem::path& path) {
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw_data_error(fmt::format("{} does not exist; check `data_dir` and the file names", path.string()));
  }
  if (!problem && !std::filesystem::is_regular_file(status)) {
    throw_data_error(fmt::format("{} is not a regular file; check `data_dir` and the file names", path.string()));
  }
  const auto size = problem ? 0 : std::filesystem::file_size(path, problem);
  if (problem) throw_data_error(fmt::format("cannot read {}: {}", path.string(), problem.message()));
  return static_cast<Index>(size);
}

void ByteReader::check_exact_size(Index bytes) const {
  if (file_size() == bytes) return;
  throw_data_error(fmt::format("{} {}: it has {} bytes, expected {}; fetch the file again", path().string(),
                               file_size() < bytes ? "is cut short" : "has garbage at its end", file_size(), bytes));
}

std::unique_ptr<ByteReader> ByteReader::map(const std::filesystem::path& path) {
  const Index size = regular_file_size(path);
  if (size == 0) throw_data_error(fmt::format("{} is empty; fetch the file again", path.string()));
  return std::make_unique<MappedReader>(path, size);
}

std::unique_ptr<ByteReader> ByteReader::open(const std::filesystem::path& path) {
  const Index size = regular_file_size(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_data_error(fmt::format("cannot read {}: {}", path.string(), std::system_category().message(errno)));
  std::array<std::uint8_t, 2> first{};
  read_bytes(file, first, path);
  file.clear();
  file.seekg(0);
  if (first == gzip_magic) return std::make_unique<GzipReader>(path, size, std::move(file));
  return std::make_unique<PlainReader>(path, size, std::move(file));
}

void ByteReader::expect_size(Index bytes) {
  check_size(bytes);
  expected_ = bytes;
}

void ByteReader::read(std::span<std::uint8_t> to) {
  const Index end = position_ + static_cast<Index>(to.size());
  while (!to.empty()) {
    const std::size_t count = read_some(to);
    if (count == 0) {
      throw_data_error(
          fmt::format("{} is cut short: it ends before {} bytes, expected {} or more; fetch the file again",
                      path_.string(), end, std::max(end, expected_)));
    }
    to = to.subspan(count);
    note_progress();
  }
  position_ = end;
}

void ByteReader::append(Index bytes, std::vector<std::uint8_t>& to) {
  while (bytes > 0) {
    const auto step = static_cast<std::size_t>(std::min(bytes, piece));
    to.resize(to.size() + step);
    read(std::span(to).last(step));
    bytes -= static_cast<Index>(step);
  }
}

void ByteReader::append_rows(Index start, Index row_bytes, std::span<const Index> rows, std::vector<std::uint8_t>& to) {
  for (auto first = rows.begin(); first != rows.end();) {
    // Neighbours in the file are read together.
    auto last = first;
    while (std::next(last) != rows.end() && *std::next(last) == *last + 1) ++last;
    skip_to(start + *first * row_bytes);
    append((*last - *first + 1) * row_bytes, to);
    first = std::next(last);
  }
}

void ByteReader::skip_to(Index offset) {
  require(offset >= position_, "a data file is read forwards only");
  skip(offset - position_);
  position_ = offset;
}

void ByteReader::finish() {
  // The last byte is read, not skipped: it must be there.
  if (expected_ > position_) {
    skip_to(expected_ - 1);
    std::array<std::uint8_t, 1> last{};
    read(last);
  }
  std::array<std::uint8_t, 1> after{};
  if (read_some(after) != 0) {
    throw_data_error(
        fmt::format("{} has garbage at its end: it goes on after the {} bytes that its header asks for; "
                    "fetch the file again",
                    path_.string(), expected_));
  }
}

}  // namespace sibp
