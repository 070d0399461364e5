#include "weir/tls/ocsp.h"

#include <openssl/ocsp.h>

#include <algorithm>

#include "tls/openssl.h"
#include "tls/pem.h"

namespace weir::tls {
namespace {

constexpr long kClockSkew_s = 300;

inline void free_texts(STACK_OF(OPENSSL_STRING) * texts) { X509_email_free(texts); }

using RequestPtr = std::unique_ptr<OCSP_REQUEST, Release<OCSP_REQUEST_free>>;
using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Release<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Release<OCSP_BASICRESP_free>>;
using IdPtr = std::unique_ptr<OCSP_CERTID, Release<OCSP_CERTID_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Release<X509_STORE_free>>;
using TextsPtr = std::unique_ptr<STACK_OF(OPENSSL_STRING), Release<free_texts>>;

/// A leaf with its issuer, both of the chain.
struct Pair {
  ChainPtr chain;
  X509* leaf = nullptr;
  X509* issuer = nullptr;
};

Result<Pair> read_pair(std::string_view chain_pem) {
  auto chain = parse_chain(chain_pem, nullptr);
  if (!chain) return fail(chain.error());
  Pair pair{std::move(*chain)};
  pair.leaf = sk_X509_value(pair.chain.get(), 0);
  for (int i = 1; i < sk_X509_num(pair.chain.get()) && pair.issuer == nullptr; ++i) {
    X509* candidate = sk_X509_value(pair.chain.get(), i);
    if (X509_check_issued(candidate, pair.leaf) == X509_V_OK) pair.issuer = candidate;
  }
  if (pair.issuer == nullptr) return fail(ErrorCode::not_found, "OCSP: the chain does not hold the issuer");
  return pair;
}

int64_t seconds_or_none(const ASN1_GENERALIZEDTIME* time) { return time == nullptr ? 0 : seconds_of(time); }

}  // namespace

Result<OcspQuestion> make_ocsp_question(std::string_view chain_pem) {
  auto pair = read_pair(chain_pem);
  if (!pair) return fail(pair.error());
  OcspQuestion question;
  TextsPtr urls(X509_get1_ocsp(pair->leaf));
  for (int i = 0; i < sk_OPENSSL_STRING_num(urls.get()) && question.url.empty(); ++i) {
    std::string_view url = sk_OPENSSL_STRING_value(urls.get(), i);
    if (url.starts_with("http://")) question.url = url;
  }
  if (question.url.empty()) return fail(ErrorCode::not_found, "OCSP: the certificate names no responder");
  RequestPtr request(OCSP_REQUEST_new());
  // SHA-1 names the issuer here and proves nothing; it is what all responders know.
  OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), pair->leaf, pair->issuer);
  if (id == nullptr || OCSP_request_add0_id(request.get(), id) == nullptr) return fail(take_error("OCSP request"));
  unsigned char* der = nullptr;
  int size = i2d_OCSP_REQUEST(request.get(), &der);
  if (size <= 0) return fail(take_error("OCSP request"));
  question.der.assign(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return question;
}

Result<OcspValidity> check_ocsp_answer(std::string_view chain_pem, std::string_view der) {
  auto pair = read_pair(chain_pem);
  if (!pair) return fail(pair.error());
  ERR_clear_error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
  if (response == nullptr) return fail(take_error("OCSP response"));
  if (int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return fail(ErrorCode::unavailable, std::string("OCSP response: ") + OCSP_response_status_str(status));
  }
  BasicPtr basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return fail(take_error("OCSP response"));
  // The issuer is trusted for this, wherever its own chain may end.
  StorePtr store(X509_STORE_new());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_add_cert(store.get(), pair->issuer);
  if (OCSP_basic_verify(basic.get(), pair->chain.get(), store.get(), 0) != 1) return fail(take_error("OCSP signature"));
  IdPtr id(OCSP_cert_to_id(EVP_sha1(), pair->leaf, pair->issuer));
  int status = 0;
  int reason = 0;
  ASN1_GENERALIZEDTIME* revoked = nullptr;
  ASN1_GENERALIZEDTIME* from = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  if (OCSP_resp_find_status(basic.get(), id.get(), &status, &reason, &revoked, &from, &until) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid, "OCSP response: it is about another certificate");
  }
  if (status != V_OCSP_CERTSTATUS_GOOD) {
    return fail(ErrorCode::refused, std::string("OCSP response: the certificate is ") + OCSP_cert_status_str(status));
  }
  if (OCSP_check_validity(from, until, kClockSkew_s, -1) != 1) return fail(take_error("OCSP response"));
  return OcspValidity{seconds_or_none(from), seconds_or_none(until)};
}

}  // namespace weir::tls
