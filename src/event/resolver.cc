#include "weir/event/resolver.h"

#include <netdb.h>
#include <uv.h>

#include <algorithm>

#include "weir/base/text.h"
#include "weir/event/loop.h"

namespace weir::event {

/// Owns itself; freed when the answer has come, also to a look-up that was cancelled.
struct Lookup::Cell {
  uv_getaddrinfo_t request{};
  Loop& loop;
  std::string host;
  OnResult on_result;  // null: cancelled or told
  Lookup* owner;

  void finish(Result<std::vector<IpAddress>> result) {
    OnResult callback = std::move(on_result);
    if (owner != nullptr) owner->cell_ = nullptr;
    delete this;
    if (callback) callback(std::move(result));
  }
};

namespace {

bool is_localhost(std::string_view host) { return host == "localhost" || host.ends_with(".localhost"); }

Result<std::vector<IpAddress>> addresses_of(int status, const addrinfo* list, const std::string& host) {
  if (status < 0) {
    return fail(ErrorCode::not_found, "cannot resolve \"" + host + "\": " + uv_strerror(status));
  }
  std::vector<IpAddress> found;
  for (; list != nullptr; list = list->ai_next) {
    IpAddress ip = SocketAddress::from_sockaddr(list->ai_addr).ip;
    if (std::find(found.begin(), found.end(), ip) == found.end()) found.push_back(ip);
  }
  if (found.empty()) return fail(ErrorCode::not_found, "\"" + host + "\" has no address");
  return found;
}

}  // namespace

Lookup::Lookup(Loop& loop, const std::string& host, OnResult on_result)
    : cell_(new Cell{{}, loop, to_lower(host), std::move(on_result), this}) {
  Cell* cell = cell_;
  if (auto literal = IpAddress::parse(is_localhost(cell->host) ? "127.0.0.1" : cell->host)) {
    loop.defer([cell, ip = *literal] { cell->finish(std::vector{ip}); });
    return;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  cell->request.data = cell;
  int status = uv_getaddrinfo(
      loop.raw(), &cell->request,
      [](uv_getaddrinfo_t* request, int result, addrinfo* list) {
        auto* self = static_cast<Cell*>(request->data);
        auto addresses = addresses_of(result, list, self->host);
        uv_freeaddrinfo(list);
        self->finish(std::move(addresses));
      },
      cell->host.c_str(), nullptr, &hints);
  if (status < 0) {
    loop.defer([cell, status] { cell->finish(addresses_of(status, nullptr, cell->host)); });
  }
}

Lookup::~Lookup() {
  if (cell_ == nullptr) return;
  cell_->owner = nullptr;
  cell_->on_result = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&cell_->request));  // fails when it is under way: the cell waits for it
}

}  // namespace weir::event
