#pragma once

#include <string>
#include <string_view>

namespace sibp {

/// The text without what a terminal would obey: control characters other than line breaks and tabs, those that UTF-8
/// writes in two bytes included, become "?". Names in files may hold anything. Local.
std::string printable(std::string_view text);

}  // namespace sibp
