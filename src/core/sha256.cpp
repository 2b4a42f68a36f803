#include "sibp/core/sha256.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/open_file.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <openssl/evp.h>

namespace sibp {
namespace {

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    require(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
            "OpenSSL offers no SHA-256");
  }

  void add(std::string_view bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256 failed");
  }

  std::string text() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1, "SHA-256 failed");
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hexadecimal;
    for (unsigned int k = 0; k < size; ++k) {
      hexadecimal += digits[digest[k] >> 4U];
      hexadecimal += digits[digest[k] & 15U];
    }
    return hexadecimal;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Digest digest;
  digest.add(bytes);
  return digest.text();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  return sha256_of_part(path, 0, std::numeric_limits<std::uintmax_t>::max());
}

std::string sha256_of_part(const std::filesystem::path& path, std::uintmax_t begin, std::uintmax_t bytes) {
  const auto check = [&](int reason) {
    if (reason != 0) throw std::system_error(reason, std::system_category(), "cannot read " + path.string());
  };
  OpenFile file(path, O_RDONLY);
  check(file.open_error());
  if (begin > 0) check(file.move_to(static_cast<std::int64_t>(begin)));
  Digest digest;
  std::array<char, 1U << 16U> part{};
  std::size_t wanted = 0;
  std::size_t count = 0;
  do {
    wanted = static_cast<std::size_t>(std::min<std::uintmax_t>(part.size(), bytes));
    check(file.read(part.data(), wanted, count));
    digest.add({part.data(), count});
    bytes -= count;
    note_progress();  // a large file takes long
  } while (count == wanted && bytes > 0);
  return digest.text();
}

}  // namespace sibp
