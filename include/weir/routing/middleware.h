#pragma once
// A compiled middleware: what the proxy runs. Values; const once published.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/content_coding.h"
#include "weir/base/htpasswd.h"
#include "weir/base/ip.h"
#include "weir/base/media_type.h"
#include "weir/routing/regexp.h"

namespace weir::routing {

/// What passTLSClientCert tells of a client's certificate. Parts of names in the order they are told.
struct ClientCertificateFields {
  bool pem = false;
  std::vector<std::string> subject;  // "CN", "OU", … as tls::NameParts has them
  std::vector<std::string> issuer;
  bool serial_number = false;
  bool not_before = false;
  bool not_after = false;
  bool sans = false;

  [[nodiscard]] bool has_info() const {
    return !subject.empty() || !issuer.empty() || serial_number || not_before || not_after || sans;
  }
  bool operator==(const ClientCertificateFields&) const = default;
};

/// Of basic_auth (RFC 7617) and digest_auth (RFC 7616): who may come in.
struct PasswordAuth {
  std::vector<Credential> users;  // of digest_auth "user:realm", with the hash that htdigest makes
  std::string users_file;         // an htpasswd or htdigest file with more of them; "": none
  std::string realm;
  std::string header_field;    // takes the user's name upstream; "": none
  bool remove_header = false;  // Authorization does not go upstream
  uint64_t users_hash = 0;     // another where the users are others

  bool operator==(const PasswordAuth&) const = default;
};

/// Of headers: what pages of other sites may ask and see (CORS), answered as Traefik answers it.
struct CrossOrigin {
  bool defined = false;
  bool credentials = false;
  bool vary = false;                 // answers say that they differ by Origin
  bool any_method = false;           // the lists below hold a "*"
  bool any_field = false;            //
  bool any_exposed = false;          //
  std::string methods;               // as they are sent; "": none
  std::string fields;                //
  std::string exposed;               //
  std::string max_age_s;             //
  std::vector<std::string> origins;  // "*": all; those of Middleware::patterns too

  bool operator==(const CrossOrigin&) const = default;
};

/// Of headers: which hosts it serves, and what it tells browsers where they have come over TLS.
struct BrowserPolicy {
  std::vector<std::string> hosts;                                // empty: all
  std::vector<std::string> host_fields;                          // the first that is there has the host
  std::vector<std::pair<std::string, std::string>> tls_told_by;  // a field of that value says TLS, as TLS itself does
  std::vector<std::pair<std::string, std::string>> tls_response_headers;

  bool operator==(const BrowserPolicy&) const = default;
};

/// Of limits: whose address a client's is. Traefik's ipStrategy.
struct IpStrategy {
  // Which address of X-Forwarded-For counts, from the right; or the first from there that is not among the proxies;
  // with neither the connection's.
  uint32_t depth = 0;
  std::vector<Cidr> proxies;
  uint8_t v6_prefix_bits = 128;  // of an IPv6 address, those that count

  bool operator==(const IpStrategy&) const = default;
};

/// Of rate_limit and in_flight_req: requests that count together.
struct SourceCriterion {
  enum class By : uint8_t { address, header, host };
  By by = By::address;
  std::string header;

  bool operator==(const SourceCriterion&) const = default;
};

/// Of rate_limit: a token bucket for each source.
struct RateLimit {
  double tokens_per_s = 0;  // 0: no limit
  double burst = 1;
  double debt_max = 0;  // in tokens: so many are lent to who comes a little early

  bool operator==(const RateLimit&) const = default;
};

/// Of forward_auth: who is asked whether a request may pass, and what is told both ways.
struct ForwardAuth {
  std::string address;  // an http or https URL
  std::string ca_file;  // of https: PEM; "": the system's
  std::string cert_file;
  std::string key_file;
  bool skips_verify = false;
  bool trusts_forwarded = false;             // X-Forwarded-* are told as a trusted client has told them
  bool sends_body = false;                   // and only then asks
  bool keeps_method = false;                 // else it is asked by GET
  bool keeps_location = false;               // else a Location without a host gets the address's
  int64_t request_bytes_max = -1;            // of a body that is sent; below 0: no limit of its own
  int64_t answer_bytes_max = -1;             // likewise
  std::vector<std::string> request_headers;  // that it is told; empty: all
  std::vector<std::string> answer_headers;   // of its yes, that go upstream; those of Middleware::patterns too
  std::vector<std::string> cookies;          // of its yes, that the client is given
  std::string header_field;                  // of its yes: who the client is; "": none
  std::string sign_in_url;                   // where 401 sends the client; "": nowhere

  /// TLS is spoken otherwise than to any server.
  [[nodiscard]] bool has_own_tls() const { return !ca_file.empty() || !cert_file.empty() || skips_verify; }
  bool operator==(const ForwardAuth&) const = default;
};

/// Of compress: which answers are sent in which coding.
struct Compression {
  std::vector<ContentCoding> codings;               // the first is preferred
  ContentCoding unasked = ContentCoding::identity;  // for clients that do not say what they take
  std::vector<MediaType> excluded;                  // types that pass as they are
  std::vector<MediaType> included;                  // the only ones that do not; empty: all others
  uint64_t bytes_min = 0;                           // of a body whose length is known

  bool operator==(const Compression&) const = default;
};

/// A compiled middleware. `type` is the switch.
struct Middleware {
  enum class Type : uint8_t {
    strip_prefix,
    add_prefix,
    replace_path,
    redirect_scheme,
    headers,
    redirect_url,  // fabio's redirect=
    access_list,   // fabio's allow= and deny=
    strip_prefix_regex,
    replace_path_regex,
    redirect_regex,
    ip_allow_list,
    chain,  // does nothing itself: what it names follows it in the router's list
    grpc_web,
    pass_tls_client_cert,
    basic_auth,
    digest_auth,
    rate_limit,
    in_flight_req,
    forward_auth,
    buffering,  // bodies pass as they come: only its limits hold
    compress,
    left_out,  // does nothing: what Traefik does by it may be missing without harm
  };
  std::string name;
  Type type = Type::left_out;
  // Prefixes; or the prefix; or the path; or the scheme and, where given, the port. Of redirect_url: scheme, host, path
  // and query, where a host "$host" is the request's and "$path" in the path its path; a prefix stripped from that, and
  // one put before it. Of grpc_web: the origins whose pages may call, "*": all. Of replace_path_regex and
  // redirect_regex: the replacement. Of chain: the names.
  std::vector<std::string> values;
  std::vector<std::pair<std::string, std::string>> request_headers;  // set; empty value removes
  std::vector<std::pair<std::string, std::string>> response_headers;
  bool permanent = false;
  bool force_slash = false;        // of strip_prefix: what is left begins with a slash even where nothing is left
  uint16_t status = 0;             // of redirect_url, and of whom ip_allow_list keeps out
  bool deny = false;               // of access_list: the networks are kept out; else only they come in
  std::vector<Cidr> networks;      // of access_list and ip_allow_list
  std::vector<Regexp> patterns;    // of strip_prefix_regex, replace_path_regex, redirect_regex; of headers: of origins;
                                   // of forward_auth: of fields
  IpStrategy ip_strategy = {};     // of ip_allow_list, rate_limit and in_flight_req
  SourceCriterion source = {};     // of the last two
  RateLimit rate = {};             // of rate_limit
  uint64_t requests_max = 0;       // of in_flight_req, at once
  uint64_t request_bytes_max = 0;  // of buffering; 0: no limit
  uint64_t answer_bytes_max = 0;   //
  ClientCertificateFields client_certificate = {};
  PasswordAuth password_auth = {};
  ForwardAuth forward_auth = {};
  CrossOrigin cross_origin = {};
  BrowserPolicy browser_policy = {};
  Compression compression = {};

  bool operator==(const Middleware&) const = default;
};

}  // namespace weir::routing
