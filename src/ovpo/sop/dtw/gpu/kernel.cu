// SPDX-License-Identifier: Apache-2.0
// Dynamic time warping of many pairs at once: cost 1 - similarity, steps (1,1), (1,0), (0,1), in this order where equal.
//
// A pair's rows are cut into strips of 32 * ROWS_PER_LANE. A warp sweeps a strip from left to right, its lanes one column behind
// one another, so that what a lane needs from above its neighbour had one step ago. A strip's bottom row goes to the warp below
// through a ring in shared memory, and from a block's last strip to the next block through global memory.
// All sums are exact: 1 - s in float32 is a multiple of 2^-24, and a double holds 2^29 of them.
//
// Defined by whoever compiles this: ROWS_PER_LANE and WARPS (of a block). What `instructions.cuh` holds stands before it.

constexpr int LANES = 32;
constexpr int STRIP = LANES * ROWS_PER_LANE;
constexpr int STEPS = 32;              // of a chunk: what a warp sweeps between two barriers
constexpr int TILE_LINE = STEPS + 1;   // one more than a power of two: reads along a diagonal hit 32 banks
constexpr int TILE = STRIP * TILE_LINE;
constexpr int RING = 128;              // columns: a warp reads 32 while the one above writes up to 64 further on
constexpr int LAG = 2;                 // chunks that a warp stays behind the one above: 32 columns, and 31 of skew
constexpr int PLANES = 2 * ROWS_PER_LANE;
constexpr unsigned ALL = 0xffffffffu;

__device__ __forceinline__ double infinity() { return __longlong_as_double(0x7ff0000000000000LL); }

// What a lane knows of the column it stands in, and of the row above its rows one column before.
struct Front {
  double cost[ROWS_PER_LANE];
  double corner;
};

// One strip of one pair, as a warp sees it.
struct Strip {
  const float* similarity;
  long long stride;
  int first_row, rows, columns;
};

// Whether all cells that a strip sweeps in a chunk exist.
__device__ __forceinline__ bool inside(const Strip& strip, int first_step) {
  return first_step >= LANES - 1 && first_step + STEPS <= strip.columns && strip.first_row + STRIP <= strip.rows;
}

// Starts to bring the similarities of one chunk: line `row * 32 + lane` of the tile holds what that lane needs, step by step.
// Where the chunk is INSIDE no cell is asked whether it exists.
template <bool INSIDE>
__device__ __forceinline__ void start_copies(float* tile, const Strip& strip, int first_step, int lane) {
#pragma unroll 8
  for (int line = 0; line < STRIP; line++) {
    const int owner = line / ROWS_PER_LANE, of_owner = line % ROWS_PER_LANE;
    const int row = strip.first_row + line, column = first_step - owner + lane;
    if (INSIDE || (row < strip.rows && column >= 0 && column < strip.columns))
      start_copy(tile + (of_owner * LANES + owner) * TILE_LINE + lane, strip.similarity + row * strip.stride + column);
  }
}

__device__ __forceinline__ void start_tile(float* tile, const Strip& strip, int first_step, int lane) {
  if (inside(strip, first_step))
    start_copies<true>(tile, strip, first_step, lane);
  else
    start_copies<false>(tile, strip, first_step, lane);
}

// Sweeps one chunk. Lane t's `above` is the cost of the row above the strip at column first_step + t. The last lane hands its
// last row on, one column a step.
template <bool INSIDE, class HandOn>
__device__ __forceinline__ void sweep(Front& front, unsigned (&directions)[PLANES], const Strip& strip, const float* tile,
                                      double above, int first_step, int lane, double* total, HandOn hand_on) {
#pragma unroll 4
  for (int step = 0; step < STEPS; step++) {
    const int column = first_step + step - lane;
    const bool exists = INSIDE || (column >= 0 && column < strip.columns);
    const double from_lane = __shfl_up_sync(ALL, front.cost[ROWS_PER_LANE - 1], 1);
    const double from_strip = __shfl_sync(ALL, above, step);
    double up = lane == 0 ? from_strip : from_lane;
    double diagonal = front.corner;
    front.corner = up;
#pragma unroll
    for (int of_lane = 0; of_lane < ROWS_PER_LANE; of_lane++) {
      const int row = strip.first_row + lane * ROWS_PER_LANE + of_lane;
      const double left = front.cost[of_lane];
      double cost = (double)(1.0f - tile[(of_lane * LANES + lane) * TILE_LINE + step]);
      if (!INSIDE && !(exists && row < strip.rows)) cost = infinity();
      // `up` arrives last: the other two are compared before it.
      const bool left_first = left < diagonal;
      const double beside = left_first ? left : diagonal;
      const double here = (up < beside ? up : beside) + cost;
      const unsigned go_up = __ballot_sync(ALL, up < diagonal);
      const unsigned go_left = __ballot_sync(ALL, left_first && left < up);
      if (lane == step) {
        directions[2 * of_lane] = go_up;
        directions[2 * of_lane + 1] = go_left;
      }
      if (!INSIDE && column == strip.columns - 1 && row == strip.rows - 1) *total = here;
      front.cost[of_lane] = here;
      diagonal = left;
      up = here;
    }
    if (lane == LANES - 1 && exists) hand_on(column, up);
  }
}

// Costs and directions of all pairs. Block `ticket` of the launch takes strips WARPS * b and on of pair p, ticket = p * blocks + b:
// tickets are drawn in the order in which blocks start, so a block waits only for one that has started.
// Pair p has the columns first_column[p] to first_column[p + 1] - 1 of the similarities and the same share of first_step.
extern "C" __global__ void __launch_bounds__(LANES* WARPS, 2)
    wavefront(const float* __restrict__ similarity, long long stride, int rows, int strips, int blocks,
              const long long* __restrict__ first_column, const long long* __restrict__ first_step, double* edges,
              int* columns_done, unsigned* tickets, unsigned* __restrict__ directions, double* __restrict__ totals) {
  float* const tiles = (float*)shared_memory();             // two for each warp
  double* const rings = (double*)(tiles + WARPS * 2 * TILE);  // one for each warp
  int* const drawn = (int*)(rings + WARPS * RING);
  const int lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
  if (threadIdx.x == 0) *drawn = (int)atomicAdd(tickets, 1u);
  __syncthreads();
  const int pair = *drawn / blocks, block = *drawn % blocks;

  const int number = block * WARPS + warp;
  const Strip strip = {similarity + first_column[pair], stride, number * STRIP, rows,
                       (int)(first_column[pair + 1] - first_column[pair])};
  const int columns = strip.columns;
  const long long steps = first_step[pair + 1] - first_step[pair];
  const int chunks = (int)(steps / STEPS);
  const bool live = number < strips, first = block == 0, last = block == blocks - 1;
  unsigned* const planes = directions + (first_step[pair] * strips + steps * number) * PLANES;
  double* const edge = edges + first_step[pair] * blocks + steps * block;
  const double* const edge_above = edge - steps;
  int* const done = columns_done + pair * blocks + block;
  float* const my_tiles = tiles + warp * 2 * TILE;
  double* const ring = rings + warp * RING;
  const double* const ring_above = ring - RING;

  Front front;
#pragma unroll
  for (int row = 0; row < ROWS_PER_LANE; row++) front.cost[row] = infinity();
  front.corner = number == 0 && lane == 0 ? 0.0 : infinity();
  const auto hand_on = [&](int column, double cost) {
    if (warp < WARPS - 1)
      ring[column % RING] = cost;
    else if (!last)
      leave(edge + column, cost);
  };

  if (live) start_tile(my_tiles, strip, 0, lane);
  for (int beat = 0; beat < chunks + LAG * (WARPS - 1); beat++) {
    if (!first && beat < chunks) {
      const int needed = (beat + 1) * STEPS < columns ? (beat + 1) * STEPS : columns;
      if (threadIdx.x == 0)
        while (watch(done - 1) < needed) {
        }
      __syncthreads();
    }
    const int chunk = beat - LAG * warp;
    if (live && chunk >= 0 && chunk < chunks) {
      const int step = chunk * STEPS;
      const float* const tile = my_tiles + chunk % 2 * TILE;
      wait_for_copies();
      __syncwarp();
      if (chunk + 1 < chunks) start_tile(my_tiles + (chunk + 1) % 2 * TILE, strip, step + STEPS, lane);
      double above = infinity();
      if (step + lane < columns) {
        if (warp > 0)
          above = ring_above[(step + lane) % RING];
        else if (!first)
          above = fetch(edge_above + step + lane);
      }
      unsigned words[PLANES] = {};
      if (inside(strip, step))
        sweep<true>(front, words, strip, tile, above, step, lane, totals + pair, hand_on);
      else
        sweep<false>(front, words, strip, tile, above, step, lane, totals + pair, hand_on);
#pragma unroll
      for (int plane = 0; plane < PLANES; plane++) planes[plane * steps + step + lane] = words[plane];
    }
    __syncthreads();
    const int finished = beat - LAG * (WARPS - 1);
    if (!last && threadIdx.x == 0 && finished >= 0) {
      const int reached = (finished + 1) * STEPS - (LANES - 1);
      publish(done, reached < columns ? reached : columns);
    }
  }
}

// One warp a pair goes back from the last cell to the first. It holds the directions of 32 steps of a strip, a step a lane, and
// all its lanes walk alike. Paths stand at the ends of their places, `begins` says where: rows + columns - 1 pairs fit a place.
extern "C" __global__ void __launch_bounds__(LANES)
    walk_back(int rows, int strips, const long long* __restrict__ first_column, const long long* __restrict__ first_step,
              const unsigned* __restrict__ directions, int* __restrict__ paths, int* __restrict__ begins) {
  const int pair = blockIdx.x, lane = threadIdx.x;
  const int columns = (int)(first_column[pair + 1] - first_column[pair]);
  const long long steps = first_step[pair + 1] - first_step[pair];
  const unsigned* const planes = directions + first_step[pair] * strips * PLANES;
  int* const path = paths + 2 * (first_column[pair] + (long long)pair * (rows - 1));
  unsigned words[PLANES] = {};
  int strip_held = -1, chunk_held = -1, row = rows - 1, column = columns - 1, place = rows + columns - 1;
  while (true) {
    place--;
    if (lane == 0) {
      path[2 * place] = row;
      path[2 * place + 1] = column;
    }
    if (row == 0 && column == 0) break;
    const int strip = row / STRIP, owner = row % STRIP / ROWS_PER_LANE, of_owner = row % ROWS_PER_LANE;
    const int step = column + owner, chunk = step / STEPS;
    if (strip != strip_held || chunk != chunk_held) {
      strip_held = strip;
      chunk_held = chunk;
#pragma unroll
      for (int plane = 0; plane < PLANES; plane++)
        words[plane] = planes[((long long)strip * PLANES + plane) * steps + chunk * STEPS + lane];
    }
    unsigned up = 0, left = 0;
#pragma unroll
    for (int of_lane = 0; of_lane < ROWS_PER_LANE; of_lane++)
      if (of_lane == of_owner) {
        up = words[2 * of_lane];
        left = words[2 * of_lane + 1];
      }
    up = __shfl_sync(ALL, up, step % STEPS) >> owner & 1u;
    left = __shfl_sync(ALL, left, step % STEPS) >> owner & 1u;
    const bool go_left = row == 0 || (column > 0 && left), go_up = !go_left && (column == 0 || up);
    row -= go_left ? 0 : 1;
    column -= go_up ? 0 : 1;
  }
  if (lane == 0) begins[pair] = place;
}

// Rows of length 1, a warp a row; a row of zeros stays one.
extern "C" __global__ void unit_rows(const float* __restrict__ rows, long long count, int dims, float* __restrict__ units) {
  const long long row = ((long long)blockIdx.x * blockDim.x + threadIdx.x) / LANES;
  const int lane = threadIdx.x % LANES;
  if (row >= count) return;
  double square = 0.0;
  for (int dim = lane; dim < dims; dim += LANES) {
    const double number = rows[row * dims + dim];
    square += number * number;
  }
  for (int distance = LANES / 2; distance > 0; distance /= 2) square += __shfl_xor_sync(ALL, square, distance);
  const double scale = square > 0.0 ? 1.0 / sqrt(square) : 1.0;
  for (int dim = lane; dim < dims; dim += LANES) units[row * dims + dim] = (float)(rows[row * dims + dim] * scale);
}
