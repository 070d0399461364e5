#include "tls/pem.h"

#include <arpa/inet.h>
#include <openssl/pem.h>

#include <ctime>

#include "weir/base/text.h"

namespace weir::tls {
namespace {

BioPtr reader_of(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

int no_password(char*, int, int, void*) { return -1; }

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<size_t>(ASN1_STRING_length(text))};
}

std::string address_text(const std::string& bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return "";
  return inet_ntop(family, bytes.data(), text, sizeof text) == nullptr ? "" : text;
}

std::string common_name_of(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type == GEN_DNS) names.push_back(to_lower(text_of(name->d.dNSName)));
    if (name->type == GEN_IPADD) names.push_back(address_text(text_of(name->d.iPAddress)));
  }
  GENERAL_NAMES_free(alternatives);
  if (!names.empty()) return names;
  // As Traefik and nginx do: a certificate without alternative names is found by its common name.
  if (std::string name = common_name_of(certificate); !name.empty()) names.push_back(to_lower(name));
  return names;
}

}  // namespace

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

std::vector<std::string> alternatives_of(X509* certificate) {
  std::vector<std::string> out;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int type : {GEN_DNS, GEN_EMAIL, GEN_IPADD, GEN_URI}) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
      if (name->type != type) continue;
      // All four are strings of the same form.
      std::string bytes = text_of(type == GEN_IPADD ? name->d.iPAddress : name->d.ia5);
      out.push_back(type == GEN_IPADD ? address_text(bytes) : std::move(bytes));
    }
  }
  GENERAL_NAMES_free(names);
  return out;
}

Result<ChainPtr> parse_chain(std::string_view pem, OSSL_LIB_CTX* library) {
  BioPtr reader = reader_of(pem);
  ChainPtr chain(sk_X509_new_null());
  ERR_clear_error();
  for (;;) {
    X509* certificate = X509_new_ex(library, nullptr);
    if (PEM_read_bio_X509(reader.get(), &certificate, no_password, nullptr) == nullptr) {
      X509_free(certificate);
      break;
    }
    sk_X509_push(chain.get(), certificate);
  }
  bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) return fail(take_error("certificate"));
  ERR_clear_error();
  if (sk_X509_num(chain.get()) == 0) return fail(ErrorCode::invalid, "there is no certificate in it");
  return chain;
}

Result<KeyPtr> parse_key(std::string_view pem, OSSL_LIB_CTX* library) {
  BioPtr reader = reader_of(pem);
  ERR_clear_error();
  KeyPtr key(PEM_read_bio_PrivateKey_ex(reader.get(), nullptr, no_password, nullptr, library, nullptr));
  if (key != nullptr) return key;
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    ERR_clear_error();
    return fail(ErrorCode::invalid, "the private key is encrypted; store it without a password");
  }
  return fail(take_error("private key"));
}

std::string name_text(const X509_NAME* name) {
  BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

CertificateFacts describe(X509* certificate) {
  CertificateFacts facts;
  facts.names = names_of(certificate);
  facts.subject = name_text(X509_get_subject_name(certificate));
  facts.common_name = common_name_of(certificate);
  facts.issuer = name_text(X509_get_issuer_name(certificate));
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  facts.serial = hex_encode(text_of(serial));
  if (EVP_PKEY* key = X509_get0_pubkey(certificate)) {
    const char* type = EVP_PKEY_get0_type_name(key);
    facts.key_type = type == nullptr ? "" : type;
  }
  facts.not_before_s = seconds_of(X509_get0_notBefore(certificate));
  facts.not_after_s = seconds_of(X509_get0_notAfter(certificate));
  return facts;
}

}  // namespace weir::tls
