#include "tls/peer_certificates.h"

#include <algorithm>
#include <array>

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

// Go knows nine types by name, gathers those of one type in one part and has them in this order, whatever the
// certificate's is: of numbers and common names it has the last.
struct KnownType {
  int nid;
  std::string_view label;
  bool single;
};
constexpr KnownType kKnownTypes[] = {{NID_serialNumber, "SERIALNUMBER", true},
                                     {NID_commonName, "CN", true},
                                     {NID_postalCode, "POSTALCODE", false},
                                     {NID_streetAddress, "STREET", false},
                                     {NID_stateOrProvinceName, "ST", false},
                                     {NID_localityName, "L", false},
                                     {NID_organizationalUnitName, "OU", false},
                                     {NID_organizationName, "O", false},
                                     {NID_countryName, "C", false}};

std::string escaped_value(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    const bool at_end = i == 0 || i + 1 == value.size();
    const bool special = std::string_view(",+\"\\<>;").find(value[i]) != std::string_view::npos;
    if (special || (value[i] == ' ' && at_end) || (value[i] == '#' && i == 0)) out += '\\';
    out += value[i];
  }
  return out;
}

// A type without a name has its value in DER: PrintableString where that will do, else UTF8String.
std::string unnamed_part(const ASN1_OBJECT* type, const std::string& value) {
  char oid[128];
  OBJ_obj2txt(oid, sizeof oid, type, 1);
  const bool printable = std::all_of(value.begin(), value.end(), [](char c) {
    const char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("'() +,-./:=?").find(c) != std::string_view::npos;
  });
  std::string size_bytes;
  for (size_t left = value.size(); left > 0; left >>= 8) size_bytes.insert(0, 1, static_cast<char>(left));
  if (value.size() >= 0x80) size_bytes.insert(0, 1, static_cast<char>(0x80 | size_bytes.size()));
  if (value.empty()) size_bytes = '\0';
  return std::string(oid) + "=#" + hex_encode((printable ? '\x13' : '\x0c') + size_bytes + value);
}

}  // namespace

std::string subject_text(const X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  std::array<std::vector<std::string>, std::size(kKnownTypes)> known;
  std::vector<std::string> unnamed;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
    std::string value = utf8_of(X509_NAME_ENTRY_get_data(entry));
    const auto* found = std::find_if(std::begin(kKnownTypes), std::end(kKnownTypes),
                                     [&](const KnownType& one) { return one.nid == OBJ_obj2nid(type); });
    if (found == std::end(kKnownTypes)) {
      unnamed.push_back(unnamed_part(type, value));
      continue;
    }
    auto& values = known[static_cast<size_t>(found - kKnownTypes)];
    if (found->single) values.clear();
    if (!found->single || !value.empty()) values.push_back(std::string(found->label) + "=" + escaped_value(value));
  }
  std::vector<std::string> parts;
  for (const auto& values : known) {
    if (!values.empty()) parts.push_back(join(values, "+"));
  }
  parts.insert(parts.end(), unnamed.rbegin(), unnamed.rend());
  return join(parts, ",");
}

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
