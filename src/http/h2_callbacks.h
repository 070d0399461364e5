#pragma once
// nghttp2's callbacks and options, and how they reach an H2Session.

#include <nghttp2/nghttp2.h>

#include "weir/http/h2_session.h"

namespace weir::http {

/// The one place where nghttp2 calls us. No state.
struct H2Callbacks {
  static nghttp2_session* make(H2Session& session, bool server);
  /// Where a stream's body comes from.
  static nghttp2_data_provider body_of(H2Stream& stream);

 private:
  struct Table;
};

}  // namespace weir::http
