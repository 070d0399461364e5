#include "weir/tls/certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include "tls/openssl.h"
#include "tls/pem.h"
#include "weir/base/file.h"

namespace weir::tls {
namespace {

constexpr size_t kFileBytesMax = 4 * 1024 * 1024;
constexpr size_t kStapleBytesMax = 64 * 1024;  // what fits a handshake comfortably
constexpr const char* kDefaultName = "weir.default";
constexpr long kDefaultLifetime_s = 365L * 86'400;

Error in_file(const std::string& path, Error error) {
  error.message = path + ": " + error.message;
  return error;
}

Status sign_default(X509* certificate, EVP_PKEY* key) {
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDefaultLifetime_s);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(kDefaultName), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  std::string names = std::string("DNS:") + kDefaultName;
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  if (X509_sign(certificate, key, EVP_sha256()) == 0) return fail(take_error("default certificate"));
  return {};
}

std::string pem_of(X509* certificate, EVP_PKEY* key) {
  BioPtr out(BIO_new(BIO_s_mem()));
  if (certificate != nullptr) PEM_write_bio_X509(out.get(), certificate);
  if (key != nullptr) PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

}  // namespace

Result<std::shared_ptr<const CertificateMaterial>> load_certificate(const CertificateFiles& files) {
  auto made = std::make_shared<CertificateMaterial>();
  made->files = files;
  auto chain_pem = read_file(files.cert_file, kFileBytesMax);
  if (!chain_pem) return fail(chain_pem.error());
  auto key_pem = read_file(files.key_file, kFileBytesMax);
  if (!key_pem) return fail(key_pem.error());
  auto chain = parse_chain(*chain_pem, nullptr);
  if (!chain) return fail(in_file(files.cert_file, chain.error()));
  auto key = parse_key(*key_pem, nullptr);
  if (!key) return fail(in_file(files.key_file, key.error()));
  X509* leaf = sk_X509_value(chain->get(), 0);
  if (X509_check_private_key(leaf, key->get()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid,
                files.key_file + ": this is not the key of the first certificate in " + files.cert_file);
  }
  if (!files.ocsp_file.empty()) {
    auto staple = read_file(files.ocsp_file, kStapleBytesMax);
    if (!staple) return fail(staple.error());
    made->staple = std::move(*staple);
  }
  made->chain_pem = std::move(*chain_pem);
  made->key_pem = std::move(*key_pem);
  made->facts = describe(leaf);
  return made;
}

Result<std::shared_ptr<const CertificateMaterial>> make_default_certificate() {
  KeyPtr key(EVP_EC_gen("P-256"));
  X509Ptr certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return fail(take_error("default certificate"));
  if (Status made = sign_default(certificate.get(), key.get()); !made) return fail(made.error());
  auto material = std::make_shared<CertificateMaterial>();
  material->chain_pem = pem_of(certificate.get(), nullptr);
  material->key_pem = pem_of(nullptr, key.get());
  material->facts = describe(certificate.get());
  return material;
}

Result<std::string> load_ca_file(const std::string& path) {
  auto text = read_file(path, kFileBytesMax);
  if (!text) return fail(text.error());
  auto chain = parse_chain(*text, nullptr);
  if (!chain) return fail(in_file(path, chain.error()));
  return std::move(*text);
}

}  // namespace weir::tls
