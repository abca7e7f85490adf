/* The simulated device finds what it claims to find, and nothing else: kernels of tests/simdev/kernels/, each run in several orders of
 * blocks and threads. A broken one is caught in every order, with its own kind; a correct one in none. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simdev/kernel.h"

enum { SEEDS = 8 };

/* `kind`: what it must be called; where the order decides what is met first, several, with bars. `file`: must be
 * named, with a line, behind kernel and block; NULL for what happens outside of kernels. */
static void expect(void (*run)(void), const char *name, const char *kind, const char *file) {
  for (int seed = 0; seed < SEEDS; seed++) {
    simdev_seed((unsigned long long)seed);
    simdev_findings_collect(1);
    run();
    if (!kind) {
      cr_expect_eq(simdev_findings_count(), 0, "%s, seed %d: %s: %s", name, seed, simdev_finding_kind(0), simdev_finding_text(0));
      continue;
    }
    cr_expect_eq(simdev_findings_count(), 1, "%s, seed %d: %d findings", name, seed, simdev_findings_count());
    if (simdev_findings_count() == 0) continue;
    cr_expect(strstr(kind, simdev_finding_kind(0)), "%s, seed %d: %s: %s", name, seed, simdev_finding_kind(0), simdev_finding_text(0));
    cr_expect(!file || strstr(simdev_finding_text(0), file), "%s: no line: %s", name, simdev_finding_text(0));
    cr_expect(!file || strstr(simdev_finding_text(0), "_kernel, block ("), "%s: no kernel and block: %s", name, simdev_finding_text(0));
    if (getenv("BABEL_SIMDEV_SHOW") && seed == 0) fprintf(stderr, "%s: %s\n", simdev_finding_kind(0), simdev_finding_text(0));
  }
}

#define BROKEN(name, kind, file) \
  void name(void);               \
  Test(simdev_broken, name) { expect(name, #name, kind, file); }
#define CORRECT(name) \
  void name(void);    \
  Test(simdev_correct, name) { expect(name, #name, NULL, NULL); }

BROKEN(exit_before_barrier, "barrier divergence", "kernels/collectives.cu:")
BROKEN(two_barriers, "barrier divergence", "kernels/collectives.cu:")
BROKEN(barrier_in_a_short_loop, "barrier divergence", "kernels/collectives.cu:")
BROKEN(shuffle_in_a_branch, "warp divergence", "kernels/collectives.cu:")
BROKEN(mask_without_itself, "warp divergence", "kernels/collectives.cu:")
BROKEN(vote_against_shuffle, "warp divergence", "kernels/collectives.cu:")
BROKEN(barrier_against_syncwarp, "warp divergence", "kernels/collectives.cu:")
BROKEN(product_after_exit, "warp divergence", "kernels/collectives.cu:")
BROKEN(product_in_a_short_warp, "warp divergence", "kernels/collectives.cu:")

BROKEN(read_past_the_end, "out of bounds", "kernels/addresses.cu:")
BROKEN(write_before_the_start, "out of bounds", "kernels/addresses.cu:")
BROKEN(atomic_past_the_end, "out of bounds", "kernels/addresses.cu:")
BROKEN(static_shared_past_the_end, "out of bounds", "kernels/addresses.cu:")
BROKEN(dynamic_shared_past_the_end, "out of bounds", "kernels/addresses.cu:")
BROKEN(async_copy_past_the_end, "out of bounds", "kernels/addresses.cu:")
BROKEN(freed_array, "freed memory", "kernels/addresses.cu:")
BROKEN(misaligned_vector, "misaligned", "kernels/addresses.cu:")
BROKEN(misaligned_async_copy, "misaligned", "kernels/addresses.cu:")
BROKEN(global_never_written, "never written", "kernels/addresses.cu:")
BROKEN(global_half_written, "never written", "kernels/addresses.cu:")
BROKEN(shared_never_written, "never written", "kernels/addresses.cu:")
BROKEN(shared_of_the_block_before, "never written", "kernels/addresses.cu:")
BROKEN(too_much_static_shared, "shared memory", "kernels/addresses.cu:")
BROKEN(async_copy_not_waited_for, "async copy", "kernels/addresses.cu:")
BROKEN(async_copy_one_group_short, "async copy", "kernels/addresses.cu:")
BROKEN(async_copy_overtaken, "async copy", "kernels/addresses.cu:")
BROKEN(host_pointer, "host memory", "kernels/addresses.cu:")
BROKEN(local_of_another_thread, "host memory", "kernels/addresses.cu:")

BROKEN(shared_without_barrier, "race|never written", "kernels/races.cu:")
BROKEN(warp_without_syncwarp, "race|never written", "kernels/races.cu:")
BROKEN(refilled_too_early, "race", "kernels/races.cu:")
BROKEN(async_copy_without_barrier, "race|never written|async copy", "kernels/races.cu:")
BROKEN(async_copy_into_a_read_buffer, "race", "kernels/races.cu:")
BROKEN(blocks_write_the_same, "race", "kernels/races.cu:")
BROKEN(block_reads_its_neighbour, "race", "kernels/races.cu:")
BROKEN(global_without_barrier, "race", "kernels/races.cu:")
BROKEN(plain_beside_atomic, "race", "kernels/races.cu:")
BROKEN(last_block_without_fence, "race", "kernels/races.cu:")
BROKEN(last_block_without_barrier, "race|never written", "kernels/races.cu:")
BROKEN(streams_not_ordered, "race", "kernels/races.cu:")
BROKEN(memset_beside_kernel, "race", NULL)
BROKEN(kernel_beside_memset, "race", NULL)

BROKEN(grid_barrier_not_resident, "deadlock", "kernels/resident.cu:")
BROKEN(grid_word_not_released, "race", "kernels/resident.cu:")
BROKEN(grid_barrier_one_block_short, "deadlock|race", "kernels/resident.cu:")
BROKEN(grid_barrier_left_out, "race", "kernels/resident.cu:")
BROKEN(named_barrier_left_out, "race|never written", "kernels/resident.cu:")
BROKEN(named_barrier_of_two_sizes, "barrier divergence", "kernels/resident.cu:")
BROKEN(named_barrier_of_another_name, "barrier divergence", "kernels/resident.cu:")
BROKEN(named_barrier_arrived_too_early, "race", "kernels/resident.cu:")
BROKEN(cluster_barrier_left_out, "race|never written", "kernels/resident.cu:")
BROKEN(cluster_block_exits_early, "freed memory", "kernels/resident.cu:")
BROKEN(cluster_rank_too_large, "out of bounds", "kernels/resident.cu:")
BROKEN(cluster_wait_without_arrival, "barrier divergence", "kernels/resident.cu:")
BROKEN(cluster_arrival_twice, "barrier divergence", "kernels/resident.cu:")
BROKEN(mbarrier_not_initialised, "mbarrier", "kernels/resident.cu:")
BROKEN(mbarrier_invalidated, "mbarrier", "kernels/resident.cu:")
BROKEN(mbarrier_before_it_is_seen, "race|mbarrier", "kernels/resident.cu:")
BROKEN(mbarrier_without_proxy_fence, "async proxy", "kernels/resident.cu:")
BROKEN(mbarrier_expects_more_bytes, "deadlock", "kernels/resident.cu:")
BROKEN(mbarrier_expects_fewer_bytes, "mbarrier", "kernels/resident.cu:")
BROKEN(mbarrier_of_the_other_parity, "async copy|never written|race", "kernels/resident.cu:")
BROKEN(bulk_load_not_waited_for, "async copy|never written|race", "kernels/resident.cu:")
BROKEN(mbarrier_arrived_twice, "mbarrier", "kernels/resident.cu:")
BROKEN(bulk_load_of_odd_bytes, "misaligned", "kernels/resident.cu:")
BROKEN(bulk_load_into_a_read_buffer, "race|mbarrier", "kernels/resident.cu:")
BROKEN(bulk_store_without_proxy_fence, "async proxy", "kernels/resident.cu:")
BROKEN(bulk_store_of_what_is_overwritten, "async copy|race", "kernels/resident.cu:")
BROKEN(bulk_store_read_too_early, "async copy", "kernels/resident.cu:")
BROKEN(bulk_store_left_behind, "async copy", "kernels/resident.cu:")
BROKEN(early_launch_does_not_wait, "race", "kernels/resident.cu:")

CORRECT(warp_staging)
CORRECT(half_warps)
CORRECT(transpose)
CORRECT(double_buffer)
CORRECT(bytes_of_a_word)
CORRECT(atomics)
CORRECT(row_sums)
CORRECT(own_memory)
CORRECT(one_stream)
CORRECT(last_block_with_fence)
CORRECT(last_block_each_thread_fences)
CORRECT(last_block_one_thread_fences)
CORRECT(streams_ordered)
CORRECT(memset_before_kernel)
CORRECT(kernel_before_memset)
CORRECT(grid_barrier)
CORRECT(named_barrier)
CORRECT(cluster_neighbours)
CORRECT(clusters_of_a_resident_grid)
CORRECT(bulk_load)
CORRECT(bulk_load_again)
CORRECT(bulk_store)
CORRECT(early_launch_waits)
CORRECT(ptx_kernels)
