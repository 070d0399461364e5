#pragma once
// OCSP (RFC 6960) as whoever staples needs it: what to ask about a certificate, and whether an answer may be shown.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::tls {

struct OcspQuestion {
  std::string url;  // of the responder that the leaf names: "http://..."
  std::string der;  // to POST as application/ocsp-request; without a nonce, so that responders may answer from a cache
};
/// An error where the leaf names no responder or its issuer is not in the chain.
Result<OcspQuestion> make_ocsp_question(std::string_view chain_pem);

/// When an answer is from and until when it holds, in seconds since 1970.
struct OcspValidity {
  int64_t this_update_s = 0;
  int64_t next_update_s = 0;  // 0: it does not say
};
/// An error unless it says that the leaf is good, now, and is signed by the issuer or by whom the issuer has delegated.
/// ErrorCode::refused: it is signed so, and says that the leaf is not good.
Result<OcspValidity> check_ocsp_answer(std::string_view chain_pem, std::string_view der);

}  // namespace weir::tls
