#include "sibp/data/augmentation.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/random.hpp"
#include "sibp/device/shape_text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include <boost/random/uniform_int_distribution.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

/// A whole number from 1 on that is the whole text.
std::optional<Index> pixels_from_text(std::string_view text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

/// Adds one word of the list; false if it is none or has been there.
bool add_word(Augmentation& augmentation, std::string_view word) {
  const auto add_pixels = [&](std::string_view name, Index& pixels) {
    if (!word.starts_with(name) || pixels != 0) return false;
    const auto given = pixels_from_text(word.substr(name.size()));
    pixels = given.value_or(0);
    return given.has_value();
  };
  if (word == "flip" || word == "flip:alternating") {
    if (augmentation.flip != Flip::none) return false;
    augmentation.flip = word == "flip" ? Flip::random : Flip::alternating;
    return true;
  }
  return add_pixels("translate:", augmentation.translate) || add_pixels("cutout:", augmentation.cutout);
}

std::int32_t uniform(SmallStream& random, Index least, Index most) {
  return boost::random::uniform_int_distribution<std::int32_t>(static_cast<std::int32_t>(least),
                                                               static_cast<std::int32_t>(most))(random);
}

bool coin(SmallStream& random) {
  return random() >> 63U != 0;
}

}  // namespace

std::string to_text(const Augmentation& augmentation) {
  std::vector<std::string> words;
  if (augmentation.flip != Flip::none)
    words.emplace_back(augmentation.flip == Flip::random ? "flip" : "flip:alternating");
  if (augmentation.translate > 0) words.push_back(fmt::format("translate:{}", augmentation.translate));
  if (augmentation.cutout > 0) words.push_back(fmt::format("cutout:{}", augmentation.cutout));
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ","));
}

std::optional<Augmentation> augmentation_from_text(std::string_view text) {
  Augmentation augmentation;
  if (text == "none") return augmentation;
  while (true) {
    const auto comma = text.find(',');
    if (!add_word(augmentation, text.substr(0, comma))) return std::nullopt;
    if (comma == std::string_view::npos) return augmentation;
    text.remove_prefix(comma + 1);
  }
}

void check_augmentation(const Augmentation& augmentation, const TensorShape& shape) {
  const Index side = std::min(shape.height, shape.width);
  const auto refuse = [&](std::string_view expected) {
    throw_usage_error(fmt::format("`augment`: found '{}' for samples of {} (height x width x channels), expected {}",
                                  to_text(augmentation), to_text(shape), expected));
  };
  if (augmentation == Augmentation{}) return;
  if (shape.pixels() == 1) refuse("none: they are no pictures");
  if (augmentation.flip != Flip::none && shape.width == 1) refuse("no flip: they are one pixel wide");
  if (augmentation.translate >= side) refuse(fmt::format("translate below the {} pixels of a side", side));
  if (augmentation.cutout > side) refuse(fmt::format("cutout of at most the {} pixels of a side", side));
}

Augmenter::Augmenter(const Augmentation& augmentation, const TensorShape& shape, std::uint64_t seed)
    : augmentation_(augmentation), shape_(shape), seed_(seed), first_key_(key_of(0)) {
  check_augmentation(augmentation, shape);
}

std::uint64_t Augmenter::key_of(Index epoch) const {
  return random_stream(seed_, Stream::augmentation, static_cast<std::uint64_t>(epoch))();
}

std::span<const PictureChange> Augmenter::changes(Index epoch, std::span<const Index> numbers) {
  changes_.clear();
  if (augmentation_ == Augmentation{}) return changes_;
  const std::uint64_t key = key_of(epoch);
  for (const Index number : numbers) changes_.push_back(draw(key, epoch, number));
  return changes_;
}

/// Draws in one order, whatever is wanted: flips are the same with shifts and without.
PictureChange Augmenter::draw(std::uint64_t key, Index epoch, Index number) const {
  PictureChange change;
  SmallStream random(key, static_cast<std::uint64_t>(number));
  const bool of_epoch = coin(random);
  if (augmentation_.flip == Flip::random) {
    change.mirrored = of_epoch;
  } else if (augmentation_.flip == Flip::alternating) {
    SmallStream first(first_key_, static_cast<std::uint64_t>(number));
    change.mirrored = coin(first) != (epoch % 2 == 1);
  }
  if (augmentation_.translate > 0) {
    change.down = uniform(random, -augmentation_.translate, augmentation_.translate);
    change.right = uniform(random, -augmentation_.translate, augmentation_.translate);
  }
  if (augmentation_.cutout > 0) {
    change.hole_size = static_cast<std::int32_t>(augmentation_.cutout);
    change.hole_top = uniform(random, 0, shape_.height - augmentation_.cutout);
    change.hole_left = uniform(random, 0, shape_.width - augmentation_.cutout);
  }
  return change;
}

}  // namespace sibp
