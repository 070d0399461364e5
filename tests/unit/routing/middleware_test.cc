#include "routing/middleware.h"

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;

namespace {
using Options = std::map<std::string, std::string>;
using Values = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Middleware compile(const std::string& type, const Options& options) {
  auto made = compile_middleware(fixture::middleware("m", type, options), "m@file");
  REQUIRE(made);
  return *made;
}
std::string error_of(const std::string& type, const Options& options) {
  auto made = compile_middleware(fixture::middleware("m", type, options), "m@file");
  return made ? "" : made.error().message;
}
}  // namespace

TEST_CASE("middleware: the path ones take absolute paths") {
  CHECK(compile("stripPrefix", {{"prefixes", "/a, /b,"}}).values == Values{"/a", "/b"});
  CHECK(compile("ADDPREFIX", {{"prefix", "/a"}}).type == Middleware::Type::add_prefix);
  CHECK(compile("replacePath", {{"path", "/a/b"}}).values == Values{"/a/b"});
  CHECK(error_of("stripPrefix", {{"prefixes", "/a,/b\r\nx"}}) ==
        "option \"prefixes\" must be a list of paths that begin with \"/\"");
  CHECK(compile("stripPrefix", {}).values.empty());
  CHECK(compile("stripPrefix", {{"prefixes", ","}}).values.empty());
  // As in Traefik: what no path begins with is of no effect, and a prefix to add gets its slash.
  CHECK(compile("stripPrefix", {{"prefixes", "/a,b"}}).values == Values{"/a"});
  CHECK(compile("stripPrefix", {{"prefixes", "b"}}).values.empty());
  CHECK(compile("addPrefix", {{"prefix", "a/b"}}).values == Values{"/a/b"});
  CHECK(error_of("stripPrefix", {{"prefix", "/a"}}) == "option \"prefix\" is unknown or not supported yet");
  CHECK(error_of("replacePath", {{"path", "/a\nb"}}) == "option \"path\" must be a path that begins with \"/\"");
  CHECK(compile("replacePath", {{"path", "new"}}).values == Values{"/new"});
  CHECK(error_of("addPrefix", {{"prefix", "/a\r\nx"}}) == "option \"prefix\" must be a path that begins with \"/\"");
}

TEST_CASE("middleware: what no request line holds as it is goes into paths escaped, as by Traefik") {
  CHECK(compile("stripPrefix", {{"prefixes", "/d e,/ü?x"}}).values == Values{"/d%20e", "/%C3%BC%3Fx"});
  CHECK(compile("addPrefix", {{"prefix", "/a#b"}}).values == Values{"/a%23b"});
  CHECK(compile("replacePath", {{"path", "/x?y=1"}}).values == Values{"/x%3Fy=1"});
  CHECK(compile("replacePathRegex", {{"regex", "^/u/(.*)"}, {"replacement", "/i.php?u=$1"}}).values ==
        Values{"/i.php?u=$1"});  // escaped when its groups are filled in
  CHECK(compile("redirectRegex", {{"regex", "x"}, {"replacement", "http://x/a b?c"}}).values ==
        Values{"http://x/a%20b?c"});
}

TEST_CASE("middleware: a flag is what Go reads as one") {
  for (const char* yes : {"true", "True", "TRUE", "t", "1"}) {
    CHECK(compile("redirectScheme", {{"scheme", "https"}, {"permanent", yes}}).permanent);
  }
  for (const char* no : {"false", "False", "F", "0"}) {
    CHECK_FALSE(compile("redirectScheme", {{"scheme", "https"}, {"permanent", no}}).permanent);
  }
  for (const char* neither : {"yes", "on", "tRUE", ""}) {
    CHECK(error_of("redirectScheme", {{"scheme", "https"}, {"permanent", neither}}) ==
          "option \"permanent\" must be true or false");
  }
}

TEST_CASE("middleware: prefixes have a limit") {
  std::string most = "/a";
  for (size_t i = 1; i < kMiddlewareValuesMax; ++i) most += ",/a";
  CHECK(error_of("stripPrefix", {{"prefixes", most}}).empty());
  CHECK(error_of("stripPrefix", {{"prefixes", most + ",/a"}}) == "more than 256 prefixes");
}

TEST_CASE("middleware: fabio's redirect= takes a URL, or what of it stands behind the scheme or the host") {
  auto parts = [](const std::string& url) { return compile("redirectUrl", {{"code", "301"}, {"url", url}}).values; };
  CHECK(parts("HTTPS://$host/x$path?y=1") == Values{"https", "$host", "/x$path", "y=1", "", ""});
  CHECK(parts("//www.x$path") == Values{"", "www.x", "$path", "", "", ""});
  CHECK(parts("/new?y=1") == Values{"", "", "/new", "y=1", "", ""});
  CHECK(parts("/") == Values{"", "", "/", "", "", ""});
  for (const std::string none : {"", "new", "ftp://x/", "https://", "https:///x", "//", "///x", "/a b"}) {
    INFO(none);
    CHECK_FALSE(error_of("redirectUrl", {{"code", "301"}, {"url", none}}).empty());
  }
}

TEST_CASE("middleware: redirectScheme takes a scheme, a port and permanent") {
  Middleware plain = compile("redirectScheme", {{"scheme", "HTTPS"}});
  CHECK(plain.values == Values{"https"});
  CHECK_FALSE(plain.permanent);
  Middleware full = compile("redirectscheme", {{"scheme", "https"}, {"port", "8443"}, {"permanent", "true"}});
  CHECK(full.values == Values{"https", "8443"});
  CHECK(full.permanent);
  CHECK(compile("redirectScheme", {{"scheme", "https"}, {"port", ""}}).values == Values{"https"});
  CHECK(compile("redirectScheme", {{"scheme", "wss"}, {"port", "443"}}).values == Values{"wss", "443"});
  CHECK(error_of("redirectScheme", {}) == "option \"scheme\" must be http, https, ws or wss");
  CHECK(error_of("redirectScheme", {{"scheme", "ftp"}}) == "option \"scheme\" must be http, https, ws or wss");
  CHECK(error_of("redirectScheme", {{"scheme", "http"}, {"port", "0"}}) ==
        "option \"port\" must be a port from 1 to 65535");
  CHECK(error_of("redirectScheme", {{"scheme", "http"}, {"permanent", "yes"}}) ==
        "option \"permanent\" must be true or false");
}

TEST_CASE("middleware: headers are set, or removed by an empty value, on each side") {
  Middleware made = compile(
      "headers",
      {{"customrequestheaders.x-a", "1"}, {"customrequestheaders.x-b", ""}, {"customresponseheaders.x-frame", "DENY"}});
  CHECK(made.request_headers == Pairs{{"x-a", "1"}, {"x-b", ""}});
  CHECK(made.response_headers == Pairs{{"x-frame", "DENY"}});
}

TEST_CASE("middleware: what browsers are told is set before what is set by name, and some of it over TLS only") {
  Middleware made = compile("headers", {{"stsseconds", "31536000"},
                                        {"stsincludesubdomains", "true"},
                                        {"stspreload", "true"},
                                        {"framedeny", "true"},
                                        {"contenttypenosniff", "True"},
                                        {"browserxssfilter", "1"},
                                        {"contentsecuritypolicy", "default-src 'self', 'unsafe-inline'"},
                                        {"referrerpolicy", "same-origin"},
                                        {"permissionspolicy", "camera=()"},
                                        {"sslproxyheaders.x-forwarded-proto", "https"},
                                        {"customresponseheaders.x-frame-options", "SAMEORIGIN"}});
  CHECK(made.browser_policy.tls_response_headers ==
        Pairs{{"Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload"}});
  CHECK(made.browser_policy.tls_told_by == Pairs{{"x-forwarded-proto", "https"}});
  CHECK(made.response_headers == Pairs{{"X-Frame-Options", "DENY"},
                                       {"X-Content-Type-Options", "nosniff"},
                                       {"X-XSS-Protection", "1; mode=block"},
                                       {"Content-Security-Policy", "default-src 'self', 'unsafe-inline'"},
                                       {"Referrer-Policy", "same-origin"},
                                       {"Permissions-Policy", "camera=()"},
                                       {"x-frame-options", "SAMEORIGIN"}});
  made = compile("headers", {{"stsseconds", "9"}, {"forcestsheader", "true"}, {"customframeoptionsvalue", "ALLOW"}});
  CHECK(made.response_headers == Pairs{{"Strict-Transport-Security", "max-age=9"}, {"X-Frame-Options", "ALLOW"}});
  made = compile("headers", {{"stsseconds", "9"}, {"isdevelopment", "true"}, {"allowedhosts", "a.test"}});
  CHECK((made.response_headers.empty() && made.browser_policy == BrowserPolicy()));
  CHECK(compile("headers", {{"stsseconds", "0"}}).browser_policy == BrowserPolicy());
  CHECK(compile("headers", {{"sslredirect", "true"}, {"featurepolicy", "x"}}).response_headers.empty());
}

TEST_CASE(
    "middleware: a type that a route can do without is left out and told, but not with what Traefik would refuse") {
  for (const auto& [type, options] :
       std::vector<std::pair<std::string, Options>>{{"contenttype", {{"autodetect", "true"}}},
                                                    {"errors", {{"status", "500-599"}, {"statusrewrites.418", "404"}}},
                                                    {"retry", {{"attempts", "4"}, {"initialinterval", "100ms"}}},
                                                    {"circuitbreaker", {{"expression", "x"}}}}) {
    CHECK(compile(type, options).type == Middleware::Type::left_out);
    CHECK(middleware_notes(fixture::middleware("m", type, options)).size() == 1);
  }
  CHECK(error_of("retry", {{"attempts", "many"}}) == "option \"attempts\" must be a whole number");
  CHECK(error_of("retry", {{"tries", "9"}}) == "option \"tries\" is unknown or not supported yet");
  CHECK(error_of("plugin", {{"any.x", "1"}}).starts_with("middleware type plugin is not supported yet"));
}

TEST_CASE("middleware: compress has Traefik's defaults, and refuses what Traefik refuses") {
  using Codings = std::vector<ContentCoding>;
  const Codings all = {ContentCoding::gzip, ContentCoding::br, ContentCoding::zstd};
  CHECK(compile("compress", {}).compression == Compression{all, ContentCoding::identity, {}, {}, 1024});
  CHECK(compile("compress", {{"encodings", ""}, {"minresponsebodybytes", "0"}}).compression.codings == all);
  CHECK(compile("compress", {{"minresponsebodybytes", "-1"}}).compression.bytes_min == 1024);
  const Compression made =
      compile("compress", {{"encodings", "zstd, gzip"}, {"defaultencoding", "br"}, {"minresponsebodybytes", "9"}})
          .compression;
  CHECK(made == Compression{{ContentCoding::zstd, ContentCoding::gzip}, ContentCoding::br, {}, {}, 9});
  CHECK(compile("compress", {{"excludedcontenttypes", "text/event-stream,a/b"}}).compression.excluded.size() == 2);
  CHECK(error_of("compress", {{"excludedcontenttypes", "a/b"}, {"includedcontenttypes", "c/d"}}) ==
        "of excludedContentTypes and includedContentTypes only one may be given");
  CHECK(error_of("compress", {{"includedcontenttypes", "text/"}}) ==
        "option \"includedcontenttypes\" must be a list of media types such as text/html");
  for (const char* name : {"deflate", "identity", "x-gzip", "GZIP"}) {
    CHECK(error_of("compress", {{"encodings", name}}) == "option \"encodings\" must be one of gzip, br and zstd");
  }
  CHECK(error_of("compress", {{"defaultencoding", "x"}}) ==
        "option \"defaultencoding\" must be one of gzip, br and zstd");
  CHECK(error_of("compress", {{"level", "9"}}) == "option \"level\" is unknown or not supported yet");
}

TEST_CASE("middleware: rateLimit is tokens a second, with what Traefik lends by holding a request back") {
  CHECK(compile("ratelimit", {}).rate == RateLimit());
  CHECK(compile("rateLimit", {{"average", "-1"}, {"burst", "9"}}).rate == RateLimit());
  CHECK(compile("rateLimit", {{"average", "100"}, {"burst", "50"}}).rate == RateLimit{100, 50, 0.5});
  CHECK(compile("rateLimit", {{"average", "+6"}, {"period", "1m"}, {"burst", "0"}}).rate == RateLimit{0.1, 1, 0.05});
  CHECK(compile("rateLimit", {{"average", "3"}, {"period", "2"}}).rate.debt_max == 0.75);
  CHECK(error_of("rateLimit", {{"average", "many"}}) == "option \"average\" must be a whole number");
  CHECK(error_of("rateLimit", {{"period", "-1s"}}) == "option \"period\" must be a duration such as 10s");
  CHECK(error_of("rateLimit", {{"limit", "1"}}) == "option \"limit\" is unknown or not supported yet");
  CHECK(middleware_notes(fixture::middleware("m", "rateLimit", {{"average", "1"}, {"redis.endpoints", "a:1"}})) ==
        Values{"option \"redis.endpoints\" is left out"});
}

TEST_CASE("middleware: one thing says whose requests a limit counts together") {
  using By = SourceCriterion::By;
  const std::string field = "sourcecriterion.";
  CHECK(compile("ratelimit", {}).source.by == By::address);
  CHECK(compile("inflightreq", {{"amount", "10"}}).source.by == By::host);
  CHECK(compile("inflightreq", {{"amount", "10"}}).requests_max == 10);
  CHECK(compile("inflightreq", {{"amount", "-1"}}).requests_max == 0);
  CHECK(compile("inflightreq", {{field + "ipstrategy", "true"}}).source.by == By::address);
  CHECK(compile("ratelimit", {{field + "requesthost", "true"}}).source.by == By::host);
  CHECK(compile("ratelimit", {{field + "requesthost", "false"}}).source.by == By::address);
  CHECK(compile("ratelimit", {{field + "requestheadername", "X-A"}}).source == SourceCriterion{By::header, "X-A"});
  Middleware made = compile("ratelimit", {{field + "ipstrategy.depth", "2"}, {field + "ipstrategy.ipv6subnet", "64"}});
  CHECK((made.ip_strategy.depth == 2 && made.ip_strategy.v6_prefix_bits == 64));
  CHECK(error_of("ratelimit", {{field + "requesthost", "true"}, {field + "ipstrategy.depth", "1"}}) ==
        "of ipStrategy, requestHeaderName and requestHost only one may be given");
  CHECK(error_of("ratelimit", {{field + "ipstrategy.ipv6subnet", "200"}}) ==
        "option \"sourcecriterion.ipstrategy.ipv6subnet\" must be a number of bits from 1 to 128");
  CHECK(error_of("inflightreq", {{field + "requestheadername", "a b"}}) != "");
  CHECK(error_of("inflightreq", {{field + "other", "1"}}) ==
        "option \"sourcecriterion.other\" is unknown or not supported yet");
}

TEST_CASE("middleware: of buffering the limits are kept, and what holds bodies back is left out") {
  Middleware made = compile("buffering", {{"maxrequestbodybytes", "2000000"},
                                          {"memrequestbodybytes", "1000"},
                                          {"maxresponsebodybytes", "-1"},
                                          {"retryexpression", "IsNetworkError() && Attempts() < 2"}});
  CHECK((made.request_bytes_max == 2'000'000 && made.answer_bytes_max == 0));
  CHECK(middleware_notes(fixture::middleware("m", "buffering", {{"retryexpression", "x"}})) ==
        Values{"option \"retryexpression\" is left out"});
  CHECK(error_of("buffering", {{"maxrequestbodybytes", "2MB"}}) ==
        "option \"maxrequestbodybytes\" must be a whole number");
  CHECK(error_of("buffering", {{"size", "2"}}) == "option \"size\" is unknown or not supported yet");
}

TEST_CASE("middleware: digestAuth takes what htdigest writes") {
  const std::string hash = "939e7578ed9e3c518a452acee763bce9";
  const PasswordAuth& auth =
      compile("digestAuth", {{"users", "jane:traefik:" + hash + ", john:other:" + hash}, {"headerfield", "X-User"}})
          .password_auth;
  CHECK(auth.users == std::vector<Credential>{{"jane:traefik", hash}, {"john:other", hash}});
  CHECK((auth.realm == "traefik" && auth.header_field == "X-User"));
  CHECK(error_of("digestAuth", {{"users", "jane:" + hash}}) ==
        "option \"users\": expected user:realm:hash, as htdigest writes it");
  CHECK(error_of("digestAuth", {}) == "neither users nor usersFile");
  CHECK(error_of("digestAuth", {{"usersfile", "u"}, {"nonce", "x"}}) ==
        "option \"nonce\" is unknown or not supported yet");
}

TEST_CASE("middleware: forwardAuth takes Traefik's options, and refuses what it could not follow") {
  const ForwardAuth auth = compile("forwardauth", {{"address", "https://auth.test/check?a"},
                                                   {"trustforwardheader", "true"},
                                                   {"authresponseheaders", "X-User, X-Groups"},
                                                   {"authrequestheaders", "Cookie"},
                                                   {"addauthcookiestoresponse", "session"},
                                                   {"headerfield", "X-User"},
                                                   {"forwardbody", "true"},
                                                   {"maxbodysize", "-1"},
                                                   {"maxresponsebodysize", "100"},
                                                   {"preserverequestmethod", "true"},
                                                   {"preservelocationheader", "1"},
                                                   {"authsigninurl", "https://in.test/"},
                                                   {"tls.ca", "/ca.pem"},
                                                   {"tls.cert", "/c.pem"},
                                                   {"tls.key", "/k.pem"},
                                                   {"tls.insecureskipverify", "true"}})
                               .forward_auth;
  CHECK(auth == ForwardAuth{.address = "https://auth.test/check?a",
                            .ca_file = "/ca.pem",
                            .cert_file = "/c.pem",
                            .key_file = "/k.pem",
                            .skips_verify = true,
                            .trusts_forwarded = true,
                            .sends_body = true,
                            .keeps_method = true,
                            .keeps_location = true,
                            .request_bytes_max = -1,
                            .answer_bytes_max = 100,
                            .request_headers = {"Cookie"},
                            .answer_headers = {"X-User", "X-Groups"},
                            .cookies = {"session"},
                            .header_field = "X-User",
                            .sign_in_url = "https://in.test/"});
  auto error_with = [](const std::string& key, const std::string& value) {
    Options options{{"address", "http://auth.test"}};
    options[key] = value;
    return error_of("forwardAuth", options);
  };
  CHECK(error_with("authresponseheadersregex", "^X-") == "");
  CHECK(error_of("forwardAuth", {}) == "option \"address\" is missing");
  for (const char* address : {"auth.test:9000", "ftp://auth.test", "http://", "/check"}) {
    CHECK(error_with("address", address) == "option \"address\" must be a URL such as http://auth:9000/check");
  }
  CHECK(error_with("authresponseheadersregex", "(") != "");
  CHECK(error_with("authresponseheaders", "a b") == "not a header name: \"a b\"");
  CHECK(error_with("authresponseheaders", "Content-Length") != "");
  CHECK(error_with("tls.cert", "/c.pem") == "of \"tls.cert\" and \"tls.key\" one is missing");
  CHECK(error_with("tls.ca", "-----BEGIN CERTIFICATE-----") == "tls takes names of files here, not what is in them");
  CHECK(error_with("authsigninurl", "https://a\r\nb") == "a line break in the value of the header \"Location\"");
  CHECK(error_with("maxbodysize", "1k") == "option \"maxbodysize\" must be a whole number");
  CHECK(error_with("forwardbody", "yes") == "option \"forwardbody\" must be true or false");
  CHECK(error_with("timeout", "1s") == "option \"timeout\" is unknown or not supported yet");
}

TEST_CASE("middleware: each kind has its name in a table's text") {
  for (auto type = Middleware::Type::strip_prefix; type <= Middleware::Type::left_out;
       type = static_cast<Middleware::Type>(static_cast<int>(type) + 1)) {
    CHECK_FALSE(middleware_type_name(type).empty());
  }
  CHECK(middleware_type_name(Middleware::Type::headers) == "headers");
  CHECK(middleware_type_name(Middleware::Type::redirect_regex) == "redirectRegex");
}

TEST_CASE("middleware: a header that would change where a message ends is refused") {
  CHECK(error_of("headers", {}) == "no option, such as customRequestHeaders, is given");
  CHECK(error_of("headers", {{"framedenied", "true"}}) == "option \"framedenied\" is unknown or not supported yet");
  CHECK(error_of("headers", {{"framedeny", "yes"}}) == "option \"framedeny\" must be true or false");
  CHECK(error_of("headers", {{"stsseconds", "1y"}}) == "option \"stsseconds\" must be a whole number");
  CHECK(error_of("headers", {{"contentsecuritypolicy", "a\r\nb"}}) != "");
  CHECK(error_of("headers", {{"accesscontrolexposeheaders", "a\nb"}}) != "");
  CHECK(error_of("headers", {{"accesscontrolalloworiginlistregex", "("}}) != "");
  CHECK(error_of("headers", {{"customrequestheaders.", "1"}}) == "not a header name: \"\"");
  CHECK(error_of("headers", {{"customrequestheaders.a b", "1"}}) == "not a header name: \"a b\"");
  CHECK(error_of("headers", {{"customrequestheaders.x", "1\r\ny: 2"}}) ==
        "a line break in the value of the header \"x\"");
  for (const char* name : {"Content-Length", "transfer-encoding", "connection"}) {
    CHECK(error_of("headers", {{std::string("customresponseheaders.") + name, "1"}}) ==
          "the header \"" + std::string(name) + "\" is not for a middleware to set");
  }
}

TEST_CASE("middleware: passTLSClientCert knows each part by Traefik's name") {
  Middleware made = compile("passtlsclientcert", {{"pem", "true"},
                                                  {"info.notafter", "true"},
                                                  {"info.notbefore", "false"},
                                                  {"info.sans", "true"},
                                                  {"info.serialnumber", "true"},
                                                  {"info.subject.commonname", "true"},
                                                  {"info.subject.organizationalunit", "true"},
                                                  {"info.subject.domaincomponent", "true"},
                                                  {"info.issuer.country", "true"},
                                                  {"info.issuer.commonname", "true"},
                                                  {"info.issuer.serialnumber", "true"}});
  const ClientCertificateFields& fields = made.client_certificate;
  CHECK((made.type == Middleware::Type::pass_tls_client_cert && fields.pem && fields.not_after && fields.sans &&
         fields.serial_number && !fields.not_before));
  CHECK(fields.subject == Values{"DC", "OU", "CN"});
  CHECK(fields.issuer == Values{"C", "serialNumber", "CN"});
  CHECK_FALSE(compile("passTLSClientCert", {{"pem", "true"}}).client_certificate.has_info());

  CHECK(error_of("passTLSClientCert", {{"pem", "yes"}}) == "option \"pem\" must be true or false");
  CHECK(error_of("passTLSClientCert", {{"info.issuer.organizationalunit", "true"}}) ==
        "option \"info.issuer.organizationalunit\" is unknown or not supported yet");
  CHECK(error_of("passTLSClientCert", {{"pem", "false"}}) == "neither pem nor anything of info is asked for");
  CHECK(error_of("passTLSClientCert", {}) == "neither pem nor anything of info is asked for");
}

TEST_CASE("middleware: basicAuth takes users of htpasswd, and says which one is none") {
  Middleware made = compile("basicAuth", {{"users", "jane:$2y$05$abc, john:{SHA}x="},
                                          {"usersfile", "/etc/users"},
                                          {"realm", "a \"b\" \\"},
                                          {"removeheader", "true"},
                                          {"headerfield", "X-User"}});
  const PasswordAuth& auth = made.password_auth;
  CHECK(auth.users == std::vector<Credential>{{"jane", "$2y$05$abc"}, {"john", "{SHA}x="}});
  CHECK(auth.users_file == "/etc/users");
  CHECK(auth.realm == "a \"b\" \\");
  CHECK((auth.remove_header && auth.header_field == "X-User"));
  CHECK(compile("basicauth", {{"usersfile", "u"}}).password_auth.realm == "traefik");
  CHECK(compile("basicAuth", {{"users", "a:$1$x"}}).password_auth.users_hash !=
        compile("basicAuth", {{"users", "a:$1$y"}}).password_auth.users_hash);
  CHECK(error_of("basicAuth", {{"realm", "x"}}) == "neither users nor usersFile");
  CHECK(error_of("basicAuth", {{"users", "jane"}}) == "option \"users\": expected user:hash");
  CHECK(error_of("basicAuth", {{"users", "a:$1$x"}, {"headerfield", "Content-Length"}}) ==
        "the header \"Content-Length\" is not for a middleware to set");
  CHECK(error_of("basicAuth", {{"users", "a:$1$x"}, {"realm", "a\r\nb"}}) == "option \"realm\" must be printable text");
}

TEST_CASE("middleware: a user whose password is of no known form never comes in, is told of, and harms no other") {
  const Options options = {{"users", "jane:secret,bob:$$apr1$$x$$y,ann:$1$x$y"}};
  const std::vector<Credential> users = compile("basicAuth", options).password_auth.users;
  CHECK(users == std::vector<Credential>{{"ann", "$1$x$y"}, {"jane", "*"}, {"bob", "*"}});
  const auto notes = middleware_notes(fixture::middleware("m", "basicauth", options));
  REQUIRE(notes.size() == 2);
  CHECK((notes[0].find("jane") != std::string::npos && notes[0].find("secret") == std::string::npos));
  CHECK(middleware_notes(fixture::middleware("m", "basicAuth", {{"users", "ann:$1$x$y"}})).empty());
}

TEST_CASE("middleware: of two users of one name the last counts") {
  auto users = [](const std::string& list) { return compile("basicAuth", {{"users", list}}).password_auth.users; };
  CHECK(users("jane:$1$x$old,ann:$1$x$y,jane:$1$x$new") ==
        std::vector<Credential>{{"ann", "$1$x$y"}, {"jane", "$1$x$new"}});
  CHECK(users("jane:clear,jane:$1$x$y") == std::vector<Credential>{{"jane", "$1$x$y"}});
  CHECK(users("jane:$1$x$y,jane:clear") == std::vector<Credential>{{"jane", "*"}});
}

TEST_CASE("middleware: an empty option is none where Traefik takes it so") {
  CHECK(compile("replacePath", {{"path", ""}}).values == Values{"/"});
  CHECK(compile("chain", {{"middlewares", ""}}).values.empty());
  CHECK(compile("stripPrefixRegex", {{"regex", ""}}).patterns.empty());
  CHECK(error_of("addPrefix", {{"prefix", ""}}) == "option \"prefix\" is missing");
  CHECK(error_of("chain", {}) == "option \"middlewares\" is missing");
}

TEST_CASE("middleware: those with expressions say what is wrong with one") {
  CHECK(compile("stripPrefixRegex", {{"regex", "^/a/[a-z]+, /b/\\d"}}).patterns.size() == 2);
  Middleware redirect =
      compile("redirectRegex", {{"regex", "^http://(.*)"}, {"replacement", "https://$1"}, {"permanent", "true"}});
  CHECK((redirect.permanent && redirect.values == Values{"https://$1"} && redirect.patterns.size() == 1));
  CHECK(compile("replacePathRegex", {{"regex", " ^/x "}, {"replacement", " /y "}}).values == Values{"/y"});
  CHECK(error_of("stripPrefixRegex", {}) == "option \"regex\" is missing");
  CHECK(error_of("replacePathRegex", {{"replacement", "/y"}}) == "option \"regex\" is missing");
  CHECK(error_of("replacePathRegex", {{"regex", "("}}).starts_with("option \"regex\": bad regular expression"));
  CHECK(error_of("replacePathRegex", {{"regex", "x"}, {"permanent", "true"}}) ==
        "option \"permanent\" is unknown or not supported yet");
  CHECK(error_of("redirectRegex", {{"regex", "x"}, {"replacement", "a\rb"}}) ==
        "option \"replacement\" must be text without control characters");
}

TEST_CASE("middleware: ipAllowList takes networks and says whose address counts") {
  Middleware made = compile("ipAllowList", {{"sourcerange", "10.0.0.0/8, ::1"},
                                            {"ipstrategy.depth", "2"},
                                            {"ipstrategy.excludedips", "192.0.2.1"},
                                            {"rejectstatuscode", "404"}});
  CHECK((made.networks.size() == 2 && made.ip_strategy.depth == 2 && made.ip_strategy.proxies.size() == 1 &&
         made.status == 404));
  CHECK(compile("ipWhiteList", {{"sourcerange", "10.0.0.1"}}).status == 403);
  CHECK(error_of("ipAllowList", {}) == "option \"sourceRange\" is missing");
  CHECK(error_of("ipAllowList", {{"sourcerange", "10.0.0.0/33"}}) ==
        "option \"sourcerange\" must be a list of addresses and networks");
  CHECK(error_of("ipAllowList", {{"sourcerange", "::1"}, {"rejectstatuscode", "200"}}) ==
        "option \"rejectstatuscode\" must be a status from 400 to 599");
  made = compile("ipAllowList", {{"sourcerange", "::1"}, {"ipstrategy.depth", "-1"}, {"rejectstatuscode", "0"}});
  CHECK((made.ip_strategy.depth == 0 && made.status == 403));
  CHECK(error_of("ipAllowList", {{"sourcerange", "::1"}, {"ipstrategy.depth", "257"}}) ==
        "option \"ipstrategy.depth\" must be a number of proxies");
}
