// What is written is read back; what is damaged is refused with one clear error.
#include "sibp/model/safetensors.hpp"

#include "sibp/core/heartbeat.hpp"

#include "support/files.hpp"

#include <chrono>
#include <cstring>
#include <random>

#include <fmt/format.h>

namespace sibp {
namespace {

using namespace testing_support;

std::string little_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &value, 8);
  return bytes;
}

std::string file_of(const std::string& header, const std::string& data) {
  return little_endian(header.size()) + header + data;
}

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TensorFile example() {
  TensorFile file;
  file.tensors["layers.0.weight"] = {{2, 3}, {1, 2, 3, 4, 5, Real(-0.1)}};
  file.tensors["layers.0.bias"] = {{2}, {7, 8}};
  file.tensors["scalar"] = {{}, {9}};
  file.tensors["empty"] = {{3, 0}, {}};
  file.metadata = {{"network", "dense(2,relu)"}, {"text", "quotes \" and — dashes"}};
  return file;
}

class Safetensors : public testing::Test {
 protected:
  TensorFile read(const std::string& content) const { return read_safetensors(folder.write("model", content)); }

  void expect_refused(const std::string& content, const std::string& reason) const {
    expect_error(ExitStatus::model, {(folder.path() / "model").string(), reason}, [&] { read(content); });
  }
  void expect_header_refused(const std::string& header, const std::string& reason, std::size_t data_bytes = 8) const {
    SCOPED_TRACE(header.substr(0, 200));
    expect_refused(file_of(header, std::string(data_bytes, '\0')), reason);
  }

  TemporaryFolder folder;
};

TEST_F(Safetensors, WhatIsWrittenIsReadBack) {
  const TensorFile written = example();
  const TensorFile file = read(to_safetensors(written));
  EXPECT_EQ(file.metadata, written.metadata);
  ASSERT_EQ(file.tensors.size(), 4U);
  for (const auto& [name, tensor] : written.tensors) {
    EXPECT_EQ(file.tensors.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(file.tensors.at(name).values, tensor.values) << name;
  }
  EXPECT_TRUE(read(to_safetensors({})).tensors.empty());
}

TEST_F(Safetensors, TheDataBeginAtAMultipleOfEight) {
  const std::string bytes = to_safetensors(example());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  EXPECT_EQ(bytes[8], '{');
}

TEST_F(Safetensors, BothPrecisionsAreRead) {
  const TensorFile file = read(file_of(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}})",
      bytes_of<float>({1.5F, -2}) + bytes_of<double>({0.1})));
  EXPECT_EQ(file.tensors.at("a").values, (std::vector<Real>{1.5, -2}));
  EXPECT_EQ(file.tensors.at("b").values, (std::vector<Real>{static_cast<Real>(0.1)}));
}

TEST_F(Safetensors, AnotherWritersOrderAndBlanksAreRead) {
  const TensorFile file = read(file_of(
      R"( {"z":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"} , "a":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}  )" +
          1 + std::string(5, ' '),
      bytes_of<float>({1, 2})));
  EXPECT_EQ(file.tensors.at("z").values[0], 1);
  EXPECT_EQ(file.tensors.at("a").values[0], 2);
}

TEST_F(Safetensors, ContractsOfTheWriter) {
  expect_error(ExitStatus::runtime, {"shape"}, [] { to_safetensors({{{"a", {{2}, {1}}}}, {}}); });
  expect_error(ExitStatus::runtime, {"shape"}, [] { to_safetensors({{{"a", {{-1}, {1}}}}, {}}); });
  expect_error(ExitStatus::runtime, {"__metadata__"}, [] { to_safetensors({{{"__metadata__", {{1}, {1}}}}, {}}); });
  EXPECT_EQ(read(to_safetensors({{}, {{"path", "a\xff"}}})).metadata.at("path"), "a\xef\xbf\xbd");
}

TEST_F(Safetensors, AFileCutAnywhereOrTooLongIsRefused) {
  const std::string whole = to_safetensors(example());
  for (std::size_t length = 0; length < whole.size(); ++length) expect_refused(whole.substr(0, length), "expected");
  expect_refused(whole + "x", "bytes of data");
}

TEST_F(Safetensors, ChangedBytesNeverCrashTheReader) {
  const std::string whole = to_safetensors(example());
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string changed = whole;
    for (int k = 0; k < 1 + i % 3; ++k) changed[random() % whole.size()] = static_cast<char>(random());
    try {
      read(changed);
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), ExitStatus::model) << error.what();
    }
  }
}

TEST_F(Safetensors, WrongHeaderLengths) {
  for (const std::uint64_t length : {std::uint64_t(9), std::uint64_t(100'000'001), ~std::uint64_t(0)}) {
    expect_refused(little_endian(length) + "{}      ", "expected at most 8");
  }
  // Larger than the format's limit, in a file that is large enough (and takes no room on the disk)
  const auto path = folder.write("large", little_endian(100'000'001));
  std::filesystem::resize_file(path, 200'000'000);
  expect_error(ExitStatus::model, {"expected at most 100000000"}, [&] { read_safetensors(path); });
}

TEST_F(Safetensors, HeadersThatAreNoHeaders) {
  expect_header_refused("", "begin with '{'", 0);
  expect_header_refused("[]", "begin with '{'", 0);
  expect_header_refused(" {}", "begin with '{'", 0);
  expect_header_refused("{\"a\":", "not valid JSON");
  expect_header_refused("{} x", "not valid JSON", 0);
  expect_header_refused("{\"a\xff\":1}", "not valid JSON");
  expect_header_refused(fmt::format("{{\"a\":{}", std::string(1'000'000, '[')), "nested too deeply");
  expect_header_refused(R"({"__metadata__":{"a":1}})", "not text", 0);
  expect_header_refused(R"({"__metadata__":[]})", "not an object", 0);
  expect_header_refused(R"({"__metadata__":{"a":"","a":""}})", "a key twice", 0);
}

TEST_F(Safetensors, TensorsThatDoNotFit) {
  const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return fmt::format(R"("t":{{"dtype":{},"shape":{},"data_offsets":{}}})", dtype, shape, offsets);
  };
  const auto refused = [&](const std::string& dtype, const std::string& shape, const std::string& offsets,
                           const std::string& reason) {
    expect_header_refused(fmt::format("{{{}}}", tensor(dtype, shape, offsets)), reason);
  };
  refused(R"("I8")", "[8]", "[0,8]", "another dtype");
  refused("32", "[2]", "[0,8]", "another dtype");
  refused(R"("F32")", "2", "[0,8]", "not a list");
  refused(R"("F32")", "[2.0]", "[0,8]", "not a whole number");
  refused(R"("F32")", "[-2]", "[0,8]", "not a whole number");
  refused(R"("F32")", "[18446744073709551615]", "[0,8]", "not a whole number");
  refused(R"("F32")", "[4294967296,4294967296,4294967296]", "[0,8]", "larger than any file");
  refused(R"("F32")", "[4611686018427387906]", "[0,8]", "larger than any file");
  refused(R"("F32")", "[3]", "[0,8]", "expected 12 bytes");
  refused(R"("F64")", "[2]", "[0,8]", "expected 16 bytes");
  refused(R"("F32")", "[2]", "[0]", "not two numbers");
  refused(R"("F32")", "[2]", "[8,0]", "expected 8 bytes");
  refused(R"("F32")", "[2]", "[4,12]", "begins at byte 4");
  refused(R"("F32")", "[1]", "[0,4]", "has 8 bytes of data, expected 4");
  refused(R"("F32")", "[4]", "[0,16]", "has 8 bytes of data, expected 16");
  refused(R"("F32")", "[2]", R"([0,8],"more":1)", "just dtype, shape and data_offsets");
  expect_header_refused(R"({"t":{"dtype":"F32","shape":[2]}})", "just dtype, shape and data_offsets");
  expect_header_refused(R"({"t":1})", "just dtype, shape and data_offsets");
  const std::string first = tensor(R"("F32")", "[1]", "[0,4]");
  expect_header_refused(fmt::format("{{{},{}}}", first, first), "a key twice");
  std::string other = first;
  other[1] = 'u';
  expect_header_refused(fmt::format("{{{},{}}}", first, other), "begins at byte 0 of the data, expected 4");
}

TEST_F(Safetensors, MissingFilesAndFoldersAreNamed) {
  expect_error(ExitStatus::model, {"/absent", "does not exist"}, [&] { read_safetensors(folder.path() / "absent"); });
  expect_error(ExitStatus::model, {"not a regular file"}, [&] { read_safetensors(folder.path()); });
}

TEST(Limits, ManyTinyTensorsAreReadInLinearTime) {
  TensorFile file;
  for (int k = 0; k < 30'000; ++k) file.tensors[fmt::format("tensor.{:05}", k)] = {{1}, {Real(k)}};
  const TemporaryFolder folder;
  const auto path = folder.write("many", to_safetensors(file));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(read_safetensors(path).tensors.size(), 30'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));  // quadratic: minutes
}

TEST(Limits, ALargeTensorIsSeenToComeOn) {
  const TemporaryFolder folder;
  const std::uint64_t bytes = 80'000'000;
  const auto path =
      folder.write("large", file_of(R"({"a":{"dtype":"F32","shape":[20000000],"data_offsets":[0,80000000]}})", ""));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + bytes);  // zeros that take no room
  const std::uint64_t before = last_beat().count;
  EXPECT_EQ(read_safetensors(path).tensors.at("a").values.size(), bytes / 4);
  EXPECT_GE(last_beat().count, before + 5);
}

TEST(Limits, MoreValuesThanANetworkHasAreRefused) {
  std::string shape = "1";
  for (int k = 0; k < 1'000'000; ++k) shape += ",1";
  const TemporaryFolder folder;
  const std::string header = fmt::format(R"({{"a":{{"dtype":"F32","shape":[{}],"data_offsets":[0,4]}}}})", shape);
  expect_error(ExitStatus::model, {"more than 1000000 values"},
               [&] { read_safetensors(folder.write("wide", file_of(header, "1234"))); });
}

}  // namespace
}  // namespace sibp
