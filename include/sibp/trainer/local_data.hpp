#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/data/data_digest.hpp"
#include "sibp/data/dataset.hpp"
#include "sibp/data/normalisation.hpp"
#include "sibp/data/shards.hpp"
#include "sibp/device/device.hpp"
#include "sibp/trainer/training_options.hpp"

#include <memory>

namespace sibp {

/// This rank's part of one set of samples.
struct LocalSplit {
  Sharding sharding;                     ///< how the whole set is dealt
  std::unique_ptr<SampleStore> samples;  ///< those of this rank's logical shards, in Sharding::local_samples() order
  std::uint64_t digest = 0;              ///< of the whole set: see digest_of

  [[nodiscard]] Index global_size() const { return sharding.samples; }
};

/// A normalisation where batches are loaded: x = scale · (value − shift), each features × 1 on the device.
struct DeviceNormalisation {
  Matrix shift;
  Matrix scale;
};
DeviceNormalisation to_device(Device& device, const Normalisation& normalisation);

/// Reads this rank's share of the samples of `source` whose indices are `chosen` (ascending): chosen[j] is sample j of
/// the split and goes to shard j mod V. Collective: if reading fails on any rank, all throw AgreedError. Throws Error
/// (usage) if there are more ranks than logical shards.
LocalSplit load_split(Device& device, const Communicator& communicator, const SampleSource& source,
                      std::span<const Index> chosen, Index logical_shards);

/// What a run needs of its data set.
struct TrainingData {
  LocalSplit training;
  std::unique_ptr<SampleOrder> order;  ///< in which the training samples are used
  LocalSplit training_sample;          ///< of the training samples, those whose loss is measured; perhaps none
  LocalSplit validation;               ///< without samples unless some are held out
  LocalSplit test;
  Normalisation normalisation;  ///< with statistics of all ranks' training samples

  [[nodiscard]] DataDigests digests() const { return {training.digest, validation.digest, test.digest}; }
};

/// The order of the training samples, without reading any. Collective. Throws AgreedError (usage, data) as
/// load_training_data does of the options and options.batch_list.
std::unique_ptr<SampleOrder> order_of_training(const Communicator& communicator, const Dataset& dataset,
                                               Index validation, const TrainingOptions& options);

/// Holds out `validation` samples, draws options.training_sample of the others, deals all sets to the ranks, reads them
/// and takes the statistics. Collective. Throws AgreedError if the options do not fit the data (usage, before anything
/// is read) or a file is damaged (data), that of options.batch_list too.
TrainingData load_training_data(Device& device, const Communicator& communicator, const Dataset& dataset,
                                NormalisationKind kind, Index validation, const TrainingOptions& options);

}  // namespace sibp
