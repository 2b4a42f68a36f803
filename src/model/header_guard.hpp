#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace sibp {

/// Finds what the parser lets pass: a key given twice, of which it would keep the last, depths that no header has, and
/// more values than it could hold in reasonable memory. `wrong` says what was found; nothing if it is null.
///
/// It goes through the header before the parser does: a callback of the parser's would make that look through all
/// tensors after each.
struct HeaderGuard final : nlohmann::json_sax<nlohmann::json> {
  const char* wrong = nullptr;

  bool null() override { return counts(); }
  bool boolean(bool) override { return counts(); }
  bool number_integer(number_integer_t) override { return counts(); }
  bool number_unsigned(number_unsigned_t) override { return counts(); }
  bool number_float(number_float_t, const string_t&) override { return counts(); }
  bool string(string_t&) override { return counts(); }
  bool binary(binary_t&) override { return counts(); }
  bool key(string_t& name) override {
    return keys_.back().insert(std::move(name)).second || finds("its header has a key twice");
  }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return opens();
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return opens(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return finds("its header is not valid JSON");
  }

 private:
  static constexpr std::size_t most_values = 1'000'000;  // those of 80,000 tensors

  bool finds(const char* what) {
    wrong = what;
    return false;
  }
  bool counts() {
    return ++values_ <= most_values || finds("its header has more than 1000000 values, as no network's does");
  }
  bool opens() { return (++depth_ <= 3 || finds("its header is nested too deeply")) && counts(); }

  int depth_ = 0;
  std::size_t values_ = 0;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace sibp
