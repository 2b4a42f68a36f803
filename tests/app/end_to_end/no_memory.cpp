// Preloaded into the program: from the allocation whose number NO_MEMORY_FROM says on, there is no memory.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

extern "C" void* __libc_malloc(std::size_t bytes);
extern "C" void* __libc_calloc(std::size_t count, std::size_t bytes);
extern "C" void* __libc_realloc(void* block, std::size_t bytes);

namespace {

/// Whether this allocation fails.
bool is_out_of_memory() {
  static std::atomic<long> made{0};
  static const long from = [] {
    const char* text = std::getenv("NO_MEMORY_FROM");
    return text == nullptr ? -1 : std::atol(text);
  }();
  if (from < 0 || ++made < from) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" void* malloc(std::size_t bytes) noexcept {
  return is_out_of_memory() ? nullptr : __libc_malloc(bytes);
}

extern "C" void* calloc(std::size_t count, std::size_t bytes) noexcept {
  return is_out_of_memory() ? nullptr : __libc_calloc(count, bytes);
}

extern "C" void* realloc(void* block, std::size_t bytes) noexcept {
  return is_out_of_memory() ? nullptr : __libc_realloc(block, bytes);
}
