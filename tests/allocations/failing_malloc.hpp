// Failing malloc: in the program that this is linked to, malloc, calloc, realloc and aligned_alloc (so
// operator new, too) fail on demand. One thread.
#pragma once

/// From now on allocation number `first` (from 0) fails; with `all_after` also all that follow it.
void fail_allocations(long first, bool all_after);

/// No allocation fails any more. How many were tried since fail_allocations.
long stop_failing();
