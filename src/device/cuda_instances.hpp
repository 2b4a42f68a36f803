#pragma once

/// The types of work that kernels are compiled for, one list for each kind of kernel: a list calls `instance` with
/// every type. A kernel for another type needs an entry here and nothing else.
// NOLINTBEGIN(cppcoreguidelines-macro-usage): explicit instantiations cannot come from a template

// clang-format off
/// For for_each_element().
#define SIBP_ELEMENT_WORK(instance) \
  instance(Fill) instance(Scale) instance(ScaleTriangle) instance(Axpy) instance(PackTriangle) \
  instance(UnpackTriangle) instance(CombineRows) instance(Activate) instance(ApplyDerivative) \
  instance(Momentum) instance(Adam) instance(LoadInputs) instance(LoadPictures) instance(LoadLabels) \
  instance(Widen) instance(StartTarget) instance(MaskedResidual) instance(MoveAlong) instance(Unfold) instance(Fold) \
  instance(MaxPool) instance(MaxPoolBackward) instance(MeanPool) instance(MeanPoolBackward) \
  instance(CombineChannels) instance(Dropout) instance(AddParts)
// clang-format on

/// For sum_terms().
#define SIBP_TERMS(instance) instance(SquareTerm) instance(ProductTerm) instance(ChangeTerm)
/// For for_each_column().
#define SIBP_COLUMN_WORK(instance) instance(SoftmaxCrossEntropy) instance(SquaredError) instance(Softmax)
/// For run_block().
#define SIBP_BLOCK_WORK(instance) instance(Damp) instance(FindFailedMinor)
// NOLINTEND(cppcoreguidelines-macro-usage)
