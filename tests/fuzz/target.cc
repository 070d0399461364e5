// Targets and hosts in their normal form: no rule can be passed by another spelling of a path.

#include <string>

#include "fuzz.h"
#include "http/h1_fields.h"
#include "weir/proxy/path.h"
#include "weir/routing/path_text.h"
#include "weir/base/check.h"

using namespace weir;

void fuzz::run(std::string_view input) {
  std::string host_storage;
  std::string again_storage;
  if (http::valid_authority(input)) {
    std::string host(proxy::normalise_host(input, host_storage));
    CHECK(http::valid_authority(host) || host.empty());
    CHECK(host.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
  }
  if (!input.starts_with('/') || !http::valid_origin_form(input)) return;
  std::string storage;
  proxy::NormalTarget target = proxy::normalise_target(input, storage);
  std::string_view path = target.path;
  CHECK(path.starts_with('/'));
  for (std::string_view never : {"//", "/./", "/../", "?", "%2e", "%2E", "%41", "%7e", "%7E"}) {
    CHECK(path.find(never) == std::string_view::npos);
  }
  CHECK(!path.ends_with("/.") && !path.ends_with("/.."));
  CHECK(path.find_first_of("\"<>\\^`{|}") == std::string_view::npos);
  std::string decoded_storage;
  std::string_view decoded = routing::decoded_path(path, decoded_storage);
  CHECK(decoded.starts_with('/') && routing::encoded_bytes(path, decoded.size()) == path.size());
  CHECK(target.has_query == (input.find('?') != std::string_view::npos));
  if (target.has_query) CHECK(input.substr(input.find('?') + 1) == target.query);
  CHECK(target.rewritten == (path != input.substr(0, input.find('?'))));
  CHECK(http::valid_origin_form(path));
  proxy::NormalTarget again = proxy::normalise_target(path, again_storage);
  CHECK(again.path == path && !again.rewritten);
}
