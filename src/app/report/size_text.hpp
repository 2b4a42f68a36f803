#pragma once

#include <string>

namespace sibp {

/// "512 B", "3.1 kB", "40.0 MB" or "1.2 GB". Local.
std::string size_text(double bytes);

}  // namespace sibp
