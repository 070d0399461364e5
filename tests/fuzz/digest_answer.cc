// Authorization: Digest. What is taken has all its parts, and a nonce that nobody here has made is foreign.

#include <string>

#include "fuzz.h"
#include "proxy/digest_auth.h"
#include "weir/base/check.h"

using namespace weir;
using namespace weir::proxy;

void fuzz::run(std::string_view input) {
  auto answer = parse_digest_answer(input, "traefik");
  if (!answer) return;
  CHECK(!answer->nonce.empty() && !answer->uri.empty() && !answer->response.empty());
  CHECK(age_of_nonce(answer->nonce, "secret", 1) == NonceAge::foreign);
  (void)digest_matches(*answer, "GET", "939e7578ed9e3c518a452acee763bce9");
}
