#include "weir/routing/qualified_name.h"

#include "catch.h"

using namespace weir::routing;

TEST_CASE("qualified name: what stands behind the last @ is the provider") {
  CHECK(local_name("web@consul") == "web");
  CHECK(local_name("web") == "web");
  CHECK(local_name("a@b@file") == "a@b");
  CHECK(provider_of("web@consul") == "consul");
  CHECK(provider_of("web").empty());
  CHECK(provider_of("web@").empty());
  CHECK(qualify("web", "consul") == "web@consul");
  CHECK(qualify("web@file", "consul") == "web@file");
  CHECK(qualify("web@", "consul") == "web@");
}
