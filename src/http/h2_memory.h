#pragma once
// Memory for nghttp2: streams and frames come and go with each request, always in the same few sizes.

#include <nghttp2/nghttp2.h>

namespace weir::http {

/// Keeps what is freed for the next one of its size, a limited number for each thread. Lives for ever; a session may be
/// used on one thread at a time only, as it is anyway.
nghttp2_mem* h2_memory();

}  // namespace weir::http
