#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/picture_change.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// Whether pictures are mirrored, left and right exchanged.
enum class Flip {
  none,
  random,       ///< each with probability ½, drawn anew in every epoch
  alternating,  ///< drawn in the first epoch, then the other way in every epoch that follows
};

/// How the pictures of training batches are changed, so that a network sees many of each.
struct Augmentation {
  Flip flip = Flip::none;
  Index translate = 0;  ///< shifted by −translate … translate pixels down and right, each equally likely; 0: not
  Index cutout = 0;     ///< side of a square in the picture that is wiped out, each place equally likely; 0: none

  friend bool operator==(const Augmentation&, const Augmentation&) = default;
};

/// "flip,translate:2,cutout:8" or any of the three, "flip:alternating" for the first; "none" for no change.
std::string to_text(const Augmentation& augmentation);

/// The other way round; nothing for any other text, or if one of the three is named twice.
std::optional<Augmentation> augmentation_from_text(std::string_view text);

/// Throws Error (usage) naming `augment` if pictures of this shape cannot be changed so: one pixel in width has no left
/// and right, a shift is less than the picture, and a square no larger.
void check_augmentation(const Augmentation& augmentation, const TensorShape& shape);

/// Draws the changes of a training set's pictures, by (seed, epoch, number of the sample) alone. Local.
class Augmenter {
 public:
  Augmenter() = default;  ///< changes nothing
  /// Throws as check_augmentation.
  Augmenter(const Augmentation& augmentation, const TensorShape& shape, std::uint64_t seed);

  /// The changes in `epoch` of the samples of these numbers in the training set, until the next call; none if nothing
  /// is changed at all.
  [[nodiscard]] std::span<const PictureChange> changes(Index epoch, std::span<const Index> numbers);

 private:
  [[nodiscard]] std::uint64_t key_of(Index epoch) const;
  [[nodiscard]] PictureChange draw(std::uint64_t key, Index epoch, Index number) const;

  Augmentation augmentation_;
  TensorShape shape_;
  std::uint64_t seed_ = 0;
  std::uint64_t first_key_ = 0;  ///< of the first epoch
  std::vector<PictureChange> changes_;
};

}  // namespace sibp
