#pragma once
// How often this thread has called operator new since it began: the test program's own operators count.

#include <cstddef>

size_t allocation_count();
