#include "routing/sticky_cookie.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "catch.h"
#include "routing/tag_traefik.h"

using namespace weir;
using namespace weir::routing;

namespace {

using Fields = std::initializer_list<std::pair<const char*, const char*>>;

StickyCookieRef read(Fields fields) {
  StickyCookieReader reader;
  for (const auto& [field, value] : fields) {
    INFO(field << "=" << value);
    CHECK(reader.read(field, value) == "");
  }
  return reader.cookie();
}

}  // namespace

TEST_CASE("sticky cookie: what stands behind the name says whether there is one, as in Traefik") {
  CHECK_FALSE(read({}));
  CHECK_FALSE(read({{"", "true"}}));  // sticky, but by nothing
  CHECK(*read({{"cookie", "true"}}) == StickyCookie());
  CHECK(*read({{"", "true"}, {"cookie", ""}}) == StickyCookie());
  CHECK(read({{"cookie.name", "lb"}})->name == "lb");
  for (const char* off : {"false", "1", "yes", "{}"}) {
    CHECK_FALSE(read({{"cookie", off}}));
    CHECK_FALSE(read({{"cookie.name", "lb"}, {"cookie", off}}));
    CHECK_FALSE(read({{"", off}, {"cookie", "true"}}));
  }
}

TEST_CASE("sticky cookie: each field, and what cannot be told") {
  const StickyCookieRef all = read({{"cookie.name", "my lb;\xc3\xa9"},
                                    {"cookie.path", "/p"},
                                    {"cookie.domain", "example.com"},
                                    {"cookie.samesite", "nONE"},
                                    {"cookie.secure", "True"},
                                    {"cookie.httponly", "t"},
                                    {"cookie.maxage", "+42"}});
  CHECK(*all == StickyCookie{"my_lb__", "/p", "example.com", "None", true, true, 42});
  CHECK(read({{"cookie.path", ""}})->path == "/");
  CHECK(read({{"cookie.samesite", "odd"}})->same_site == "");
  CHECK(read({{"cookie.maxage", "-1"}})->max_age_s == -1);
  StickyCookieReader reader;
  CHECK(reader.read("cookie.maxage", "long") == "a whole number");
  CHECK(reader.read("cookie.secure", "maybe") == "true or false");
  CHECK(reader.read("cookie.path", "/a;HttpOnly") == "text without ; and control characters");
  CHECK(reader.read("cookie.domain", "a\r\nb") == "text without ; and control characters");
  for (const char* unknown : {"cookie.colour", "cookie.", "cookies", "ip"}) CHECK_FALSE(reader.read(unknown, "x"));
}

TEST_CASE("sticky cookie: tags give it to their service, and one that cannot be read costs the service") {
  const TagContext context{"consul", "web"};
  const auto decode = [&](const std::string& field) {
    return decode_traefik_tags({"traefik.http.services.s.loadbalancer." + field}, {"traefik"}, context);
  };
  CHECK(decode("sticky.cookie.name=lb").services.at(0).options.sticky->name == "lb");
  CHECK_FALSE(decode("sticky=true").services.at(0).options.sticky);
  CHECK(decode("sticky.cookie.colour=red").services.empty());
  CHECK(decode("sticky.cookie.colour=red").misread);
  CHECK(decode("sticky.cookie.maxage=long").services.empty());
}
