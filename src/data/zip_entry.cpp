#include "data/zip_entry.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/printable.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zip.h>

namespace sibp {
namespace {

/// Shorter stretches are read through: that is as fast, and their checksum can be tested.
constexpr Index shortest_seek = Index(1) << 16;

struct CloseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using ZipArchive = std::unique_ptr<zip_t, CloseZip>;
using ZipEntry = std::unique_ptr<zip_file_t, CloseZip>;

ZipArchive open_archive(const std::filesystem::path& path) {
  int code = 0;
  ZipArchive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  throw_data_error(fmt::format("cannot read {} as a ZIP file: {}; write it again, or name another with `data_dir`",
                               path.string(), reason));
}

/// The first names in the archive, for a message.
std::string names_in(zip_t* archive) {
  constexpr zip_int64_t most = 8;
  std::vector<std::string> names;
  const zip_int64_t entries = zip_get_num_entries(archive, 0);
  for (zip_int64_t k = 0; k < std::min(entries, most); ++k) {
    const char* name = zip_get_name(archive, static_cast<zip_uint64_t>(k), ZIP_FL_ENC_RAW);
    if (name != nullptr) names.push_back(printable(name));
  }
  return fmt::format("{}{}", fmt::join(names, ", "), entries > most ? ", …" : "");
}

class ZipReader final : public ByteReader {
 public:
  ZipReader(const std::filesystem::path& path, ZipArchive archive, const zip_stat_t& entry)
      : ByteReader(path, static_cast<Index>(entry.size)),
        archive_(std::move(archive)),
        entry_(zip_fopen_index(archive_.get(), entry.index, 0)),
        is_stored_(entry.comp_method == ZIP_CM_STORE) {
    if (!entry_) refuse(zip_strerror(archive_.get()));
  }

 private:
  [[noreturn]] void refuse(const char* reason) const {
    throw_data_error(fmt::format("{} is damaged: {}; write it again", path().string(), reason));
  }

  std::size_t read_some(std::span<std::uint8_t> to) override {
    const zip_int64_t count = zip_fread(entry_.get(), to.data(), to.size());
    if (count < 0) refuse(zip_file_strerror(entry_.get()));
    return static_cast<std::size_t>(count);
  }

  void skip(Index bytes) override {
    if (is_stored_ && bytes >= shortest_seek) {
      if (zip_fseek(entry_.get(), bytes, SEEK_CUR) != 0) refuse(zip_file_strerror(entry_.get()));
      return;
    }
    std::array<std::uint8_t, 1U << 14U> unused{};
    while (bytes > 0) {
      const auto step = std::min(bytes, std::ssize(unused));
      const auto done = static_cast<Index>(read_some(std::span(unused).first(static_cast<std::size_t>(step))));
      if (done == 0) return;  // the next read, or finish(), reports it
      bytes -= done;
    }
  }

  void check_size(Index bytes) const override { check_exact_size(bytes); }

  ZipArchive archive_;
  ZipEntry entry_;
  bool is_stored_;
};

/// Throws unless an entry of these sizes may be asked memory for.
void check_entry(const std::filesystem::path& path, const zip_stat_t& entry, Index archive_bytes) {
  constexpr zip_uint64_t needed = ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  const bool is_stored = entry.comp_method == ZIP_CM_STORE;
  if ((entry.valid & needed) != needed || (!is_stored && entry.comp_method != ZIP_CM_DEFLATE)) {
    throw_data_error(
        fmt::format("{} is packed by method {}, expected stored or deflated (numpy.savez, "
                    "numpy.savez_compressed); write it again",
                    path.string(), entry.comp_method));
  }
  const auto packed = std::min(entry.comp_size, static_cast<zip_uint64_t>(archive_bytes));
  if (entry.comp_size > packed || entry.size / (is_stored ? 1 : largest_deflate_ratio) > packed) {
    throw_data_error(
        fmt::format("{} is cut short or damaged: {} bytes of {} packed ones cannot be in a file of {}; write "
                    "it again",
                    path.string(), entry.size, entry.comp_size, archive_bytes));
  }
}

}  // namespace

std::unique_ptr<ByteReader> open_zip_entry(const std::filesystem::path& archive, const std::string& name) {
  const Index archive_bytes = regular_file_size(archive);
  ZipArchive opened = open_archive(archive);
  zip_stat_t entry;
  zip_stat_init(&entry);
  if (zip_stat(opened.get(), name.c_str(), 0, &entry) != 0) {
    throw_data_error(
        fmt::format("{} has no {}, but {}; write it with numpy.savez", archive.string(), name, names_in(opened.get())));
  }
  const std::filesystem::path place = archive / name;
  check_entry(place, entry, archive_bytes);
  return std::make_unique<ZipReader>(place, std::move(opened), entry);
}

}  // namespace sibp
