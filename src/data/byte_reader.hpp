#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace sibp {

/// Deflate packs at most 258 bytes into 2 bits.
inline constexpr Index largest_deflate_ratio = 1032;

/// The size of a regular file. Throws Error (data) for anything else: a pipe would block, a folder has no bytes.
Index regular_file_size(const std::filesystem::path& path);

/// The content of a data file, read forwards: the bytes of a plain file, or what a gzip file unpacks to, or an entry
/// of a ZIP file. Which of the first two it is, is seen from its first bytes, not from its name. Every failure is an
/// Error (data) naming the file.
class ByteReader {
 public:
  /// A gzip file is recognised by its first bytes, not by its name. Throws Error (data) if the file is missing, not a
  /// regular file or not readable.
  static std::unique_ptr<ByteReader> open(const std::filesystem::path& path);
  /// The same by mapping a plain file into memory: pages without rows that are read stay on the disk. The file must not
  /// be made shorter meanwhile.
  static std::unique_ptr<ByteReader> map(const std::filesystem::path& path);

  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;
  virtual ~ByteReader() = default;

  /// States how long the content must be. Throws at once if the file cannot hold it: a plain file must have exactly
  /// this size, a gzip file one from which so much can be unpacked at all. So memory may be asked for by this size.
  void expect_size(Index bytes);

  /// Fills `to` with the next bytes. Throws if the content ends before.
  void read(std::span<std::uint8_t> to);
  /// The next `bytes` bytes, appended to `to` piece by piece, so that memory is used only for what is there.
  void append(Index bytes, std::vector<std::uint8_t>& to);
  /// Appends these rows, which ascend strictly, of `row_bytes` each, the first of which would begin at `start`.
  void append_rows(Index start, Index row_bytes, std::span<const Index> rows, std::vector<std::uint8_t>& to);
  /// Goes on at `offset` of the content, at or after the present one: by seeking, or by unpacking what lies between.
  void skip_to(Index offset);
  /// Checks that the content ends where expect_size said, up to the last checksum and without anything after it.
  void finish();

 protected:
  explicit ByteReader(std::filesystem::path path, Index file_size) : path_(std::move(path)), file_size_(file_size) {}

  /// Reads up to to.size() > 0 bytes; 0 only at the end of the content.
  virtual std::size_t read_some(std::span<std::uint8_t> to) = 0;
  virtual void skip(Index bytes) = 0;
  /// Throws if a file of file_size() bytes cannot have content of `bytes` bytes.
  virtual void check_size(Index bytes) const = 0;

  /// Throws unless the content, that of a file that is not packed, has this size.
  void check_exact_size(Index bytes) const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] Index file_size() const { return file_size_; }

 private:
  std::filesystem::path path_;
  Index file_size_;
  Index position_ = 0;
  Index expected_ = 0;
};

}  // namespace sibp
