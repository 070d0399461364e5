#include "proxy/client_certificate.h"

#include "weir/base/text.h"

namespace weir::proxy {
namespace {

// As Traefik abbreviates it; in this one it differs from OpenSSL.
std::string_view label_of(std::string_view type) { return type == "serialNumber" ? "SN" : type; }

// Of what a name has once only, the last counts.
bool is_single(std::string_view type) { return type == "CN" || type == "serialNumber"; }

std::string name_text(const tls::NameParts& name, const std::vector<std::string>& wanted) {
  std::vector<std::string> parts;
  for (const std::string& type : wanted) {
    size_t before = parts.size();
    for (const auto& [own, value] : name) {
      if (own != type || value.empty()) continue;
      if (is_single(type)) parts.resize(before);
      parts.push_back(std::string(label_of(type)) + "=" + value);
    }
  }
  return join(parts, ",");
}

std::string info_of(const tls::PeerCertificate& certificate, const routing::ClientCertificateFields& fields) {
  std::vector<std::string> parts;
  auto add = [&](const char* label, const std::string& value) {
    if (!value.empty()) parts.push_back(std::string(label) + "=\"" + value + "\"");
  };
  add("Subject", name_text(certificate.subject, fields.subject));
  add("Issuer", name_text(certificate.issuer, fields.issuer));
  if (fields.serial_number) add("SerialNumber", certificate.serial);
  if (fields.not_before) add("NB", std::to_string(certificate.not_before_s));
  if (fields.not_after) add("NA", std::to_string(certificate.not_after_s));
  if (fields.sans) add("SAN", join(certificate.alternatives, ","));
  return join(parts, ";");
}

}  // namespace

void write_client_certificate(const std::vector<tls::PeerCertificate>& certificates, std::string& out) {
  out.clear();
  for (const tls::PeerCertificate& one : certificates) {
    if (!out.empty()) out += ',';
    out += one.der_base64;
  }
}

void write_client_certificate_info(const std::vector<tls::PeerCertificate>& certificates,
                                   const routing::ClientCertificateFields& fields, std::string& out) {
  std::vector<std::string> infos;
  for (const tls::PeerCertificate& one : certificates) infos.push_back(info_of(one, fields));
  // A query has '+' for a space; all others that are left after escaping are %2B.
  out = replace_all(percent_encode(join(infos, ",")), "%20", "+");
}

}  // namespace weir::proxy
