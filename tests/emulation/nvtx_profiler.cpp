// A profiler that NVTX loads (NVTX_INJECTION64_PATH): prints how many ranges of each name were pushed when the process
// ends, a line each, such as "nvtx forward 12", and what was left open.

#include <cstdio>
#include <map>
#include <string>

#include <nvtx3/nvToolsExt.h>

namespace {

struct Ranges {
  std::map<std::string, int> pushed;
  int open = 0;

  ~Ranges() {
    for (const auto& [name, count] : pushed) std::fprintf(stderr, "nvtx %s %d\n", name.c_str(), count);
    std::fprintf(stderr, "nvtx left open: %d\n", open);
  }
} ranges;

int push(const char* name) {
  ++ranges.pushed[name];
  return ranges.open++;
}

int pop() {
  return --ranges.open;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t table_of) {
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(table_of(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable functions = nullptr;
  unsigned int size = 0;
  if (callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &functions, &size) == 0) return 0;
  *functions[NVTX_CBID_CORE_RangePushA] = reinterpret_cast<NvtxFunctionPointer>(&push);
  *functions[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(&pop);
  return 1;
}
