// SPDX-License-Identifier: Apache-2.0
// A CUDA device for tests: threads are fibers of one system thread, and nothing but the order in which they run is left to chance.
//
// It stands where instructions.cuh stands for a real device. Fibers change only where CUDA threads meet (barriers, shuffles,
// ballots) or watch one another; which warp goes next, which blocks are resident and when an asynchronous copy arrives is drawn
// from a seed. It reports what a real device would answer with silence: threads of a warp that meet at different places, copies
// out of bounds, launches in which nobody can go on. It knows one memory, so it cannot show a missing fence.

#include <csetjmp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include <ucontext.h>

#define __device__
#define __global__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)

struct Index {
  int x;
};

namespace emulator {

enum class Meeting { none, warp, shuffle, ballot, block, watch };

struct Copy {
  float* to;
  const float* from;
};

struct Block;
struct Warp;

struct Fiber {
  ucontext_t start;
  jmp_buf where;
  std::vector<char> stack;
  bool begun = false, ended = false;
  Meeting waits = Meeting::none;
  int thread = 0;
  long met = 0;
  std::vector<Copy> copies;
  Warp* warp = nullptr;
  Block* block = nullptr;
};

struct Warp {
  std::vector<Fiber*> lanes;
  uint64_t slots[2][32];
};

struct Block {
  int number = 0;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<unsigned char> shared;
  bool ended() const {
    for (auto& fiber : fibers)
      if (!fiber->ended) return false;
    return true;
  }
};

inline Fiber* running = nullptr;
inline jmp_buf scheduler;
inline uint64_t chance = 1;
inline const char* failure = nullptr;
inline int block_width = 0;
inline const float *readable = nullptr, *readable_end = nullptr;
inline void (*body)(void**) = nullptr;
inline void** arguments = nullptr;

inline uint64_t draw() {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  return chance ^= chance << 17;
}

inline void fail(const char* why) {
  if (!failure) failure = why;
}

inline void yield_at(Meeting meeting) {
  running->waits = meeting;
  if (!_setjmp(running->where)) _longjmp(scheduler, 1);
}

template <class Number>
Number exchange(Meeting meeting, Number mine, auto choose) {
  static_assert(sizeof(Number) <= 8);
  Fiber* const self = running;
  uint64_t* const slots = self->warp->slots[self->met++ % 2];
  std::memcpy(&slots[self->thread % 32], &mine, sizeof mine);
  yield_at(meeting);
  return choose(slots);
}

template <class Number>
Number slot(const uint64_t* slots, int lane) {
  Number number;
  std::memcpy(&number, &slots[lane], sizeof number);
  return number;
}

inline void enter() {
  body(arguments);
  running->ended = true;
  _longjmp(scheduler, 1);
}

inline void resume(Fiber& fiber) {
  running = &fiber;
  fiber.waits = Meeting::none;
  if (_setjmp(scheduler)) return;
  if (fiber.begun) _longjmp(fiber.where, 1);
  fiber.begun = true;
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.data();
  fiber.start.uc_stack.ss_size = fiber.stack.size();
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, enter, 0);
  setcontext(&fiber.start);
}

// Lets each lane of a warp run to its next meeting. Says whether any could.
inline bool run_warp(Warp& warp) {
  const auto& lanes = warp.lanes;
  int together = 0;
  Meeting meeting = Meeting::none;
  for (Fiber* lane : lanes) {
    if (lane->ended || lane->waits == Meeting::block || lane->waits == Meeting::none || lane->waits == Meeting::watch) continue;
    if (together++ && lane->waits != meeting) fail("lanes of a warp met at different places");
    meeting = lane->waits;
  }
  const bool met = together == 32;
  bool any = false;
  const int first = (int)(draw() % lanes.size());
  std::vector<Fiber*> ready;
  for (size_t i = 0; i < lanes.size(); i++) {
    Fiber* const lane = lanes[(i + first) % lanes.size()];
    if (lane->ended || lane->waits == Meeting::block) continue;
    if (lane->waits == Meeting::none || lane->waits == Meeting::watch || met) ready.push_back(lane);
  }
  for (Fiber* lane : ready) {
    any |= lane->waits != Meeting::watch;
    resume(*lane);
    any |= lane->waits != Meeting::watch;
  }
  return any;
}

inline bool open_barrier(Block& block) {
  for (auto& fiber : block.fibers)
    if (!fiber->ended && fiber->waits != Meeting::block) return false;
  for (auto& fiber : block.fibers) fiber->waits = Meeting::none;
  return true;
}

inline std::unique_ptr<Block> make_block(int number, int threads, int shared_bytes) {
  auto block = std::make_unique<Block>();
  block->number = number;
  block->shared.assign(shared_bytes, 0xff);  // NaN, where somebody reads before anybody wrote
  for (int thread = 0; thread < threads; thread++) {
    if (thread % 32 == 0) block->warps.push_back(std::make_unique<Warp>());
    auto fiber = std::make_unique<Fiber>();
    fiber->stack.resize(32768);
    fiber->thread = thread;
    fiber->warp = block->warps.back().get();
    fiber->block = block.get();
    fiber->warp->lanes.push_back(fiber.get());
    block->fibers.push_back(std::move(fiber));
  }
  return block;
}

// Runs a launch with so many blocks resident at once; answers nullptr, or what went wrong.
inline const char* launch(int blocks, int threads, int shared_bytes, int resident, uint64_t seed) {
  failure = nullptr;
  block_width = threads;
  chance = seed * 2654435761u + 88172645463325252u;
  std::vector<int> waiting;
  for (int number = 0; number < blocks; number++) waiting.insert(waiting.begin() + draw() % (number + 1), number);
  std::vector<std::unique_ptr<Block>> running_blocks;
  int idle = 0;
  while (!failure) {
    std::erase_if(running_blocks, [](auto& block) { return block->ended(); });
    while (!waiting.empty() && (int)running_blocks.size() < resident) {
      running_blocks.push_back(make_block(waiting.back(), threads, shared_bytes));
      waiting.pop_back();
    }
    if (running_blocks.empty()) return nullptr;
    bool any = false;
    for (size_t turns = 0; turns < running_blocks.size(); turns++) {
      Block& block = *running_blocks[draw() % running_blocks.size()];
      for (size_t i = 0; i < block.warps.size(); i++) {
        Warp& warp = *block.warps[draw() % block.warps.size()];
        // Now and then a warp runs ahead of all others, as far as it can: past a whole chunk, up to the next barrier.
        for (int burst = draw() % 4 ? 1 : 1000; burst > 0 && run_warp(warp); burst--) any = true;
      }
      any |= open_barrier(block);
    }
    idle = any ? 0 : idle + 1;
    if (idle > 10000) fail("nobody can go on");
  }
  return failure;
}

template <class... Parts>
struct Kernel {
  static inline void (*function)(Parts...) = nullptr;
  static void call(void** given) { unpack(given, std::index_sequence_for<Parts...>()); }
  template <size_t... number>
  static void unpack(void** given, std::index_sequence<number...>) {
    function(*static_cast<std::remove_cv_t<Parts>*>(given[number])...);
  }
};

// Takes a kernel as CUDA does, by addresses of its arguments, and refuses what a device would misread.
template <class... Parts>
const char* start(void (*function)(Parts...), void** given, const int* sizes, int count, int blocks, int threads,
                  int shared_bytes, int resident, uint64_t seed) {
  const std::vector<int> expected = {(int)sizeof(Parts)...};
  if (expected != std::vector<int>(sizes, sizes + count)) return "the arguments' number or sizes differ from the kernel's";
  Kernel<Parts...>::function = function;
  body = Kernel<Parts...>::call;
  arguments = given;
  return launch(blocks, threads, shared_bytes, resident, seed);
}

}  // namespace emulator

#define threadIdx (Index{emulator::running->thread})
#define blockIdx (Index{emulator::running->block->number})
#define blockDim (Index{emulator::block_width})

inline void __syncthreads() { emulator::yield_at(emulator::Meeting::block); }
inline void __syncwarp() { emulator::exchange(emulator::Meeting::warp, 0, [](auto*) { return 0; }); }
inline double __longlong_as_double(long long bits) {
  double number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}
inline unsigned atomicAdd(unsigned* to, unsigned more) {
  const unsigned before = *to;
  *to += more;
  return before;
}
template <class Number>
Number __shfl_sync(unsigned, Number mine, int from) {
  return emulator::exchange(emulator::Meeting::shuffle, mine, [=](auto* slots) { return emulator::slot<Number>(slots, from); });
}
template <class Number>
Number __shfl_up_sync(unsigned, Number mine, int by) {
  const int lane = emulator::running->thread % 32;
  return __shfl_sync(0u, mine, lane < by ? lane : lane - by);
}
template <class Number>
Number __shfl_xor_sync(unsigned, Number mine, int mask) {
  return __shfl_sync(0u, mine, emulator::running->thread % 32 ^ mask);
}
inline unsigned __ballot_sync(unsigned, bool mine) {
  return emulator::exchange(emulator::Meeting::ballot, (unsigned)mine, [](auto* slots) {
    unsigned all = 0;
    for (int lane = 0; lane < 32; lane++) all |= emulator::slot<unsigned>(slots, lane) << lane;
    return all;
  });
}

inline unsigned char* shared_memory() { return emulator::running->block->shared.data(); }
inline void start_copy(float* to, const float* from) {
  const auto& shared = emulator::running->block->shared;
  if (from < emulator::readable || from >= emulator::readable_end) return emulator::fail("a copy reads out of bounds");
  if ((unsigned char*)to < shared.data() || (unsigned char*)(to + 1) > shared.data() + shared.size())
    return emulator::fail("a copy writes out of bounds");
  if (emulator::draw() % 2)
    *to = *from;
  else
    emulator::running->copies.push_back({to, from});
}
inline void wait_for_copies() {
  for (const auto& copy : emulator::running->copies) *copy.to = *copy.from;
  emulator::running->copies.clear();
}
inline void publish(int* count, int value) {
  if (value <= *count) emulator::fail("a count does not rise");
  *count = value;
}
inline int watch(const int* count) {
  emulator::yield_at(emulator::Meeting::watch);
  return *count;
}
inline void leave(double* at, double value) { *at = value; }
inline double fetch(const double* at) { return *at; }
