#include "sibp/layer/activation_store.hpp"

namespace sibp {

ActivationStore::ActivationStore(Device& device, const NetworkSpec& spec, Index capacity)
    : plan_(plan_activations(spec)), inputs_(device, spec.inputs(), capacity) {
  for (std::size_t tensor = 0; tensor <= spec.nodes.size(); ++tensor) shapes_.push_back(spec.shape(tensor));
  for (const ActivationPlan::Place& place : plan_.tensors)
    tensors_.push_back(place.has_ones ? with_row_of_ones(device, place.rows, capacity)
                                      : device.allocate(place.rows, capacity));
  for (const ActivationPlan::Place& place : plan_.differences)
    differences_.push_back(device.allocate(place.rows, capacity));
}

MatrixView ActivationStore::tensor(std::size_t number) {
  if (number == 0) return inputs_.values();
  const Index rows = shapes_.at(number).size();
  return tensors_.at(plan_.tensor.at(number)).view().left_cols(samples()).top_rows(rows);
}

MatrixView ActivationStore::with_ones(std::size_t number) {
  if (number == 0) return inputs_.with_ones();
  const std::size_t place = plan_.tensor.at(number);
  require(plan_.tensors[place].has_ones, "a tensor has no row of ones");
  return tensors_[place].view().left_cols(samples());
}

MatrixView ActivationStore::difference(std::size_t number) {
  return differences_.at(plan_.difference.at(number)).reshaped(shapes_.at(number).size(), samples());
}

}  // namespace sibp
