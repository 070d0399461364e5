#include "tls/peer_certificates.h"

#include <algorithm>

#include "tls/pem.h"
#include "weir/base/text.h"

namespace weir::tls {
namespace {

std::string utf8_of(const ASN1_STRING* text) {
  unsigned char* out = nullptr;
  int size = ASN1_STRING_to_UTF8(&out, text);
  if (size < 0) {
    ERR_clear_error();
    return "";
  }
  std::string value(reinterpret_cast<const char*>(out), static_cast<size_t>(size));
  OPENSSL_free(out);
  return value;
}

NameParts parts_of(const X509_NAME* name) {
  NameParts parts;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    int type = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (type == NID_undef) continue;
    parts.emplace_back(OBJ_nid2sn(type), utf8_of(X509_NAME_ENTRY_get_data(entry)));
  }
  return parts;
}

std::string decimal(const ASN1_INTEGER* number) {
  BIGNUM* value = ASN1_INTEGER_to_BN(number, nullptr);
  char* text = value == nullptr ? nullptr : BN_bn2dec(value);
  std::string out = text == nullptr ? "" : text;
  OPENSSL_free(text);
  BN_free(value);
  return out;
}

PeerCertificate read(X509* certificate) {
  PeerCertificate out;
  unsigned char* der = nullptr;
  int size = i2d_X509(certificate, &der);
  if (size > 0) out.der_base64 = base64_encode({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  out.subject = parts_of(X509_get_subject_name(certificate));
  out.issuer = parts_of(X509_get_issuer_name(certificate));
  out.serial = decimal(X509_get0_serialNumber(certificate));
  out.alternatives = alternatives_of(certificate);
  out.not_before_s = seconds_of(X509_get0_notBefore(certificate));
  out.not_after_s = seconds_of(X509_get0_notAfter(certificate));
  return out;
}

}  // namespace

std::vector<PeerCertificate> read_peer_certificates(const SSL* ssl) {
  std::vector<PeerCertificate> out;
  X509* leaf = SSL_get0_peer_certificate(ssl);
  if (leaf == nullptr) return out;
  out.push_back(read(leaf));
  // On the accepting side the leaf is not among them.
  const STACK_OF(X509)* others = SSL_get_peer_cert_chain(ssl);
  int count = std::min(sk_X509_num(others), kPeerCertificatesMax - 1);
  for (int i = 0; i < count; ++i) out.push_back(read(sk_X509_value(others, i)));
  return out;
}

}  // namespace weir::tls
