#include "sibp/model/safetensors.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/open_file.hpp"

#include "model/header_guard.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

// A file is: the length of the header (8 bytes, little-endian), the header (JSON, padded with blanks), the data.
// The header maps each tensor's name to {"dtype", "shape", "data_offsets": [begin, end)} with offsets into the data.

namespace sibp {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "safetensors holds little-endian numbers, copied as they are");

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t largest_header = 100'000'000;  // the format's own limit
constexpr const char* metadata_key = "__metadata__";
constexpr const char* own_type = std::is_same_v<Real, float> ? "F32" : "F64";

/// The product of the sizes, or nothing if no file can hold so many elements.
std::optional<Index> element_count(const std::vector<Index>& shape) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  Index count = 1;
  for (const Index size : shape) {
    if (size < 0 || count > std::numeric_limits<Index>::max() / 16 / size) return std::nullopt;
    count *= size;
  }
  return count;
}

/// One tensor of a header, checked in itself.
struct Entry {
  std::string name;
  bool doubles = false;
  std::vector<Index> shape;
  Index elements = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// A file that is being read; every failure names it.
class Reader {
 public:
  explicit Reader(std::filesystem::path path) : path_(std::move(path)) {}

  TensorFile read();

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw_model_error(
        fmt::format("{} is not a usable safetensors file: {}; choose another file", path_.string(), what));
  }

  /// Throws for an errno that is not 0.
  void check(int reason) const {
    if (reason != 0) throw std::system_error(reason, std::system_category(), "cannot read " + path_.string());
  }

  void open();
  void read_bytes(void* to, std::uint64_t bytes);
  [[nodiscard]] json parse_header();
  [[nodiscard]] std::map<std::string, std::string> metadata(const json& value) const;
  [[nodiscard]] Entry entry(const std::string& name, const json& value) const;
  [[nodiscard]] std::uint64_t number(const std::string& name, const json& value) const;
  void check_layout(std::vector<Entry>& entries) const;
  [[nodiscard]] Tensor tensor(const Entry& entry);

  std::filesystem::path path_;
  std::optional<OpenFile> file_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t data_bytes_ = 0;
};

/// A name from the file for a message: printable and short, whatever it is.
std::string shown(const std::string& name) {
  const std::string text = json(name.substr(0, 80)).dump(-1, ' ', true, json::error_handler_t::replace);
  return name.size() > 80 ? text + "…" : text;
}

void Reader::open() {
  std::error_code reason;
  const std::filesystem::file_status there = std::filesystem::status(path_, reason);
  if (there.type() == std::filesystem::file_type::not_found)
    throw_model_error(fmt::format("{} does not exist; check the name of the model", path_.string()));
  check(reason.value());
  if (!std::filesystem::is_regular_file(there)) fail("it is not a regular file");
  file_.emplace(path_, O_RDONLY);
  check(file_->open_error());
  std::int64_t bytes = 0;
  check(file_->size(bytes));
  file_bytes_ = static_cast<std::uint64_t>(bytes);
}

void Reader::read_bytes(void* to, std::uint64_t bytes) {
  constexpr std::uint64_t most = 1U << 24U;  // before this process is seen to come on
  auto* place = static_cast<char*>(to);
  while (bytes > 0) {
    const auto wanted = static_cast<std::size_t>(std::min(bytes, most));
    std::size_t count = 0;
    check(file_->read(place, wanted, count));
    if (count != wanted) fail("it ends early");
    place += count;
    bytes -= count;
    note_progress();
  }
}

json Reader::parse_header() {
  std::uint64_t length = 0;
  if (file_bytes_ < length_bytes) fail(fmt::format("it has {} bytes, expected a header", file_bytes_));
  read_bytes(&length, length_bytes);
  const std::uint64_t rest = file_bytes_ - length_bytes;
  if (length > std::min(rest, largest_header)) {
    fail(fmt::format("its header should have {} bytes, expected at most {}", length, std::min(rest, largest_header)));
  }
  data_bytes_ = rest - length;
  std::string text(length, ' ');
  read_bytes(text.data(), length);
  if (!text.starts_with('{')) fail("its header does not begin with '{'");
  HeaderGuard guard;
  json::sax_parse(text, &guard);
  if (guard.wrong != nullptr) fail(guard.wrong);
  return json::parse(text);
}

std::map<std::string, std::string> Reader::metadata(const json& value) const {
  if (!value.is_object()) fail("__metadata__ is not an object");
  std::map<std::string, std::string> texts;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) fail(fmt::format("{} in __metadata__ is not text", shown(key)));
    texts[key] = text.get<std::string>();
  }
  return texts;
}

std::uint64_t Reader::number(const std::string& name, const json& value) const {
  constexpr std::uint64_t largest = std::numeric_limits<Index>::max();
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest) {
    fail(fmt::format("a size or offset of tensor {} is not a whole number from 0", shown(name)));
  }
  return value.get<std::uint64_t>();
}

Entry Reader::entry(const std::string& name, const json& value) const {
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    fail(fmt::format("tensor {} does not have just dtype, shape and data_offsets", shown(name)));
  }
  const json& type = value["dtype"];
  const json& offsets = value["data_offsets"];
  if (type != "F32" && type != "F64") fail(fmt::format("tensor {} has another dtype than F32 or F64", shown(name)));
  if (!value["shape"].is_array()) fail(fmt::format("the shape of tensor {} is not a list", shown(name)));
  if (!offsets.is_array() || offsets.size() != 2) {
    fail(fmt::format("the data_offsets of tensor {} are not two numbers", shown(name)));
  }
  Entry entry;
  entry.name = name;
  entry.doubles = type == "F64";
  entry.begin = number(name, offsets[0]);
  entry.end = number(name, offsets[1]);
  for (const json& size : value["shape"]) entry.shape.push_back(static_cast<Index>(number(name, size)));
  const auto elements = element_count(entry.shape);
  if (!elements) fail(fmt::format("the shape of tensor {} is larger than any file", shown(name)));
  entry.elements = *elements;
  const std::uint64_t bytes = static_cast<std::uint64_t>(entry.elements) * (entry.doubles ? 8 : 4);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    fail(fmt::format("tensor {} has data_offsets {} to {}, expected {} bytes by its shape", shown(name), entry.begin,
                     entry.end, bytes));
  }
  return entry;
}

/// Puts the entries in the order of the data, which they must fill without gap or overlap.
void Reader::check_layout(std::vector<Entry>& entries) const {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t place = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != place) {
      fail(fmt::format("tensor {} begins at byte {} of the data, expected {}", shown(entry.name), entry.begin, place));
    }
    place = entry.end;
  }
  if (place != data_bytes_) fail(fmt::format("it has {} bytes of data, expected {}", data_bytes_, place));
}

Tensor Reader::tensor(const Entry& entry) {
  Tensor tensor{entry.shape, std::vector<Real>(static_cast<std::size_t>(entry.elements))};
  const auto read_as = [&]<typename Stored>(Stored) {
    if constexpr (std::is_same_v<Stored, Real>) {
      read_bytes(tensor.values.data(), entry.end - entry.begin);
    } else {
      std::vector<Stored> stored(tensor.values.size());
      read_bytes(stored.data(), entry.end - entry.begin);
      std::transform(stored.begin(), stored.end(), tensor.values.begin(),
                     [](Stored x) { return static_cast<Real>(x); });
    }
  };
  if (entry.doubles) {
    read_as(double{});
  } else {
    read_as(float{});
  }
  return tensor;
}

TensorFile Reader::read() {
  open();
  const json header = parse_header();
  TensorFile file;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == metadata_key) {
      file.metadata = metadata(value);
    } else {
      entries.push_back(entry(name, value));
    }
  }
  check_layout(entries);
  for (const Entry& entry : entries) file.tensors[entry.name] = tensor(entry);
  return file;
}

}  // namespace

TensorPlaces place_tensors(const std::map<std::string, std::vector<Index>>& shapes,
                           const std::map<std::string, std::string>& metadata) {
  json header = json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  TensorPlaces places;
  for (const auto& [name, shape] : shapes) {
    require(name != metadata_key, "a tensor cannot be named __metadata__");
    const auto elements = element_count(shape);
    require(elements.has_value(), "a tensor is larger than any file");
    const std::uint64_t end = places.bytes + static_cast<std::uint64_t>(*elements) * sizeof(Real);
    header[name] = {{"dtype", own_type}, {"shape", shape}, {"data_offsets", {places.bytes, end}}};
    places.begin[name] = places.bytes;
    places.bytes = end;
  }
  // Metadata may hold file names, which need not be UTF-8; a replaced character is better than a lost checkpoint.
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begin at a multiple of 8 bytes
  const std::uint64_t length = text.size();
  require(length <= largest_header, "the header of a model file is too long");
  places.head.resize(length_bytes);
  std::memcpy(places.head.data(), &length, length_bytes);
  places.head += text;
  for (auto& [name, begin] : places.begin) begin += places.head.size();
  places.bytes += places.head.size();
  return places;
}

// Taken by value: what a caller gives away is freed at the end of this, before the bytes are written to a file.
std::string to_safetensors(TensorFile file) {  // NOLINT(performance-unnecessary-value-param)
  std::map<std::string, std::vector<Index>> shapes;
  for (const auto& [name, tensor] : file.tensors) {
    require(element_count(tensor.shape) == static_cast<Index>(tensor.values.size()),
            "a tensor's shape does not fit its values");
    shapes[name] = tensor.shape;
  }
  TensorPlaces places = place_tensors(shapes, file.metadata);
  std::string bytes = std::move(places.head);
  bytes.reserve(places.bytes);
  for (auto& [name, tensor] : file.tensors) {
    bytes.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(Real));
    tensor.values = {};
  }
  return bytes;
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  return Reader(path).read();
}

}  // namespace sibp
