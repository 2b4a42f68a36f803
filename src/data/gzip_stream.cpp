#include "data/gzip_stream.hpp"

#include "sibp/core/error.hpp"

#include <limits>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr int gzip_only = 15 + 16;  // zlib's code for "largest window, gzip header"

}  // namespace

std::size_t read_bytes(std::ifstream& file, std::span<std::uint8_t> to, const std::filesystem::path& path) {
  file.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()));
  if (file.bad()) throw_data_error(fmt::format("cannot read {}: the system reports an input error", path.string()));
  return static_cast<std::size_t>(file.gcount());
}

GzipStream::GzipStream(std::filesystem::path path, std::ifstream file)
    : path_(std::move(path)), file_(std::move(file)), packed_(std::size_t(1) << 16U) {
  check(inflateInit2(&inflater_, gzip_only));
}

GzipStream::~GzipStream() {
  inflateEnd(&inflater_);
}

std::size_t GzipStream::read_some(std::span<std::uint8_t> to) {
  const auto room = static_cast<uInt>(std::min<std::size_t>(to.size(), std::numeric_limits<uInt>::max()));
  inflater_.next_out = to.data();
  inflater_.avail_out = room;
  while (!ended_ && inflater_.avail_out == room) {
    if (inflater_.avail_in == 0 && !refill()) {
      throw_data_error(
          fmt::format("{} is cut short: its gzip data do not end within its {} bytes; fetch the file again",
                      path_.string(), bytes_read_));
    }
    const int result = inflate(&inflater_, Z_NO_FLUSH);
    check(result);
    if (result == Z_STREAM_END) start_next_member();
  }
  return room - inflater_.avail_out;
}

bool GzipStream::refill() {
  const std::size_t count = read_bytes(file_, packed_, path_);
  inflater_.next_in = packed_.data();
  inflater_.avail_in = static_cast<uInt>(count);
  bytes_read_ += static_cast<Index>(count);
  return count > 0;
}

void GzipStream::start_next_member() {
  if (inflater_.avail_in == 0 && !refill()) {
    ended_ = true;
  } else if (*inflater_.next_in != gzip_magic[0]) {
    throw_data_error(
        fmt::format("{} has garbage at its end: its gzip data end after {} bytes and the file goes on; "
                    "fetch the file again",
                    path_.string(), bytes_read_ - static_cast<Index>(inflater_.avail_in)));
  } else {
    check(inflateReset(&inflater_));
  }
}

void GzipStream::check(int result) const {
  if (result == Z_OK || result == Z_STREAM_END) return;
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  throw_data_error(fmt::format("{} is damaged: its gzip data are wrong at byte {} or before ({}); fetch the file again",
                               path_.string(), bytes_read_ - static_cast<Index>(inflater_.avail_in),
                               inflater_.msg != nullptr ? inflater_.msg : "needs a dictionary"));
}

}  // namespace sibp
