// PROXY headers, both versions: one read of all bytes comes to the same as a read with each byte more, and what is
// written is read again.

#include <string>

#include "fuzz.h"
#include "weir/base/check.h"
#include "weir/http/proxy_header.h"

using namespace weir;
using namespace weir::http;
using Outcome = ProxyHeaderTaken::Outcome;

void fuzz::run(std::string_view input) {
  ProxyHeader header;
  ProxyHeaderTaken taken = take_proxy_header(input, header);
  ProxyHeader of_part;
  ProxyHeaderTaken part = take_proxy_header(input.substr(0, input.size() / 2), of_part);
  if (part.outcome == Outcome::invalid) CHECK(taken.outcome == Outcome::invalid);
  if (part.outcome == Outcome::complete) CHECK(taken.outcome == Outcome::complete && taken.consumed == part.consumed);
  if (taken.outcome == Outcome::incomplete) CHECK(input.size() <= kProxyHeaderBytesMax);
  if (taken.outcome != Outcome::complete) return;
  CHECK(taken.consumed <= input.size() && taken.consumed <= kProxyHeaderBytesMax);
  if (!header.has_addresses) return;
  for (ProxyVersion version : {ProxyVersion::v1, ProxyVersion::v2}) {
    std::string written;
    append_proxy_header(written, version, header.source, header.destination);
    ProxyHeader again;
    ProxyHeaderTaken retaken = take_proxy_header(written, again);
    CHECK(retaken.outcome == Outcome::complete && retaken.consumed == written.size());
    CHECK(again.has_addresses && again.source.port == header.source.port);
    CHECK(again.destination.port == header.destination.port);
    bool same_family = header.source.ip.v6 == header.destination.ip.v6;
    if (same_family) CHECK(again.source.ip == header.source.ip && again.destination.ip == header.destination.ip);
  }
}
