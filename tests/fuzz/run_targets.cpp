// The readers of what a run writes down of itself.
#include "sibp/app/run/run_status.hpp"

#include "fuzz/input.hpp"
#include "support/temporary_folder.hpp"

namespace sibp::fuzz {

void status(Bytes input) {
  static const testing_support::TemporaryFolder folder;
  folder.write("status.json", text_of(input));
  const auto found = unless_refused(ExitStatus::model, [&] { return read_status(folder.path()); });
  if (!found) return;
  check(found->has_value(), "a status that is there is read");
  RunStatus written(folder.path(), (*found)->run);
  written.running();
  check(read_status(folder.path())->run == (*found)->run, "the name of a run is written as it was read");
}

}  // namespace sibp::fuzz
