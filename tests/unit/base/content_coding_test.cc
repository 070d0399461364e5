#include "weir/base/content_coding.h"

#include <string_view>
#include <vector>

#include "catch.h"

using namespace weir;

namespace {

constexpr ContentCoding kIdentity = ContentCoding::identity;
constexpr ContentCoding kGzip = ContentCoding::gzip;
constexpr ContentCoding kBr = ContentCoding::br;
constexpr ContentCoding kZstd = ContentCoding::zstd;

ContentCoding choose(const std::vector<std::string_view>& fields,
                     const std::vector<ContentCoding>& offered = {kGzip, kBr, kZstd},
                     ContentCoding unasked = kIdentity) {
  AcceptedCodings accepted;
  for (std::string_view field : fields) accepted.add(field);
  return accepted.choose(offered, unasked);
}

}  // namespace

TEST_CASE("content coding: of what a client takes it is the heaviest, of equals the one that is offered first") {
  CHECK(choose({"gzip"}) == kGzip);
  CHECK(choose({"br, zstd, gzip"}) == kGzip);
  CHECK(choose({"zstd, br"}) == kBr);
  CHECK(choose({"zstd, gzip"}, {kBr, kZstd}) == kZstd);
  CHECK(choose({"br;q=0.5, gzip;q=0.8"}) == kGzip);
  CHECK(choose({"gzip;q=0.8,br; q=0.801"}) == kBr);
  CHECK(choose({"br;Q=1.000, gzip;q=0.999"}) == kBr);
  CHECK(choose({"GZip"}) == kGzip);
  CHECK(choose({"x-gzip"}) == kGzip);
  CHECK(choose({"zstd", "br;q=0.1"}) == kZstd);
}

TEST_CASE("content coding: who wants none of those offered, or nothing changed, gets identity") {
  for (std::string_view field : {"", " ", ",", "identity", "deflate", "gzip;q=0", "*;q=0", "identity;q=1, gzip;q=0.5",
                                 "gzip;q=0.0, deflate", "*;q=0.5, identity"}) {
    INFO(field);
    CHECK(choose({field}) == kIdentity);
  }
  CHECK(choose({"br"}, {kGzip}) == kIdentity);
  CHECK(choose({"identity, gzip"}) == kGzip);
  CHECK(choose({"identity;q=0"}) == kIdentity);  // nothing else is offered that it takes; better than no answer
}

TEST_CASE("content coding: a weight that is none says nothing of its coding") {
  for (std::string_view field : {"gzip;q=x", "gzip;q=", "gzip;q=1.1", "gzip;q=2", "gzip;q=0.1234", "gzip;q=.5",
                                 "gzip;q=-1", "gzip;level=9", "gzip;", "gzip;q=1;q=1"}) {
    INFO(field);
    CHECK(choose({field}) == kIdentity);
  }
  CHECK(choose({"gzip;q=x, br;q=0.1"}) == kBr);
}

TEST_CASE("content coding: where all are the same to a client, or it says nothing, the default decides") {
  CHECK(choose({}) == kIdentity);
  CHECK(choose({}, {kGzip, kBr}, kBr) == kBr);
  CHECK(choose({""}, {kGzip, kBr}, kBr) == kIdentity);
  CHECK(choose({"*"}) == kGzip);
  CHECK(choose({"*"}, {kGzip, kBr}, kBr) == kBr);
  CHECK(choose({"gzip, *;q=0.5"}, {kGzip, kBr}, kBr) == kGzip);
  CHECK(choose({"gzip;q=0, *"}) == kBr);
}
