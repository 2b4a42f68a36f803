// The options of sums over ranks.

#include "app/option_bindings.hpp"

namespace sibp {
namespace {

constexpr std::string_view sums_group = "Sums over ranks (train, plan)";

}  // namespace

void append_sum_options(OptionTable& table) {
  table.push_back(
      {.name = "sums",
       .group = sums_group,
       .value_name = "WAY",
       .help = "shared (through memory that the ranks of a node share), library (by MPI alone), auto (shared where "
               "it can be) or measure (whichever a trial shows faster)",
       .binding = choice_of([](auto& o) -> auto& { return o.sums.sums; },
                            {Sums::automatic, Sums::measured, Sums::shared, Sums::library}),
       .commands = network_commands,
       .on_resume = OnResume::free});
  table.push_back({.name = "wire",
                   .group = sums_group,
                   .value_name = "TYPE",
                   .help = "float32 or bfloat16 (fp32, bf16): what matrices travel as; bfloat16 halves the bytes and "
                           "rounds to 8 bits, but not in shared memory",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.sums.wire; },
                       Names<Wire>{{name_of(Wire::float32), Wire::float32},
                                   {name_of(Wire::bfloat16), Wire::bfloat16},
                                   {"fp32", Wire::float32},
                                   {"bf16", Wire::bfloat16}}),
                   .commands = network_commands});
}

}  // namespace sibp
