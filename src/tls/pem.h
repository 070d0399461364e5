#pragma once
// PEM text to OpenSSL's objects.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tls/openssl.h"
#include "weir/tls/certificate.h"

namespace weir::tls {

/// All certificates of a text, in its order; an error when there is none. `library` null: the process's own.
Result<ChainPtr> parse_chain(std::string_view pem, OSSL_LIB_CTX* library);
/// An encrypted key is an error: nobody is there to type its password.
Result<KeyPtr> parse_key(std::string_view pem, OSSL_LIB_CTX* library);
CertificateFacts describe(X509* certificate);
/// The subject's or issuer's name in one line, RFC 2253.
std::string name_text(const X509_NAME* name);
/// DNS names, mail addresses, IP addresses, URIs: in this order, as they stand.
std::vector<std::string> alternatives_of(X509* certificate);
/// Since 1970; 0 for a time that is none.
int64_t seconds_of(const ASN1_TIME* time);

}  // namespace weir::tls
