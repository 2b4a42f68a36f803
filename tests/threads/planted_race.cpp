// Two threads count in one variable without telling each other: what ThreadSanitizer must see.
#include <cstdio>
#include <thread>

int main() {
  int count = 0;
  const auto work = [&count] {
    for (int k = 0; k < 1000; ++k) ++count;
  };
  std::thread other(work);
  work();
  other.join();
  std::printf("%d\n", count);
}
