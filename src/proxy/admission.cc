#include "proxy/admission.h"

#include <string_view>
#include <utility>

#include "weir/base/subscriber.h"
#include "weir/base/text.h"

namespace weir::proxy {
namespace {

/// Counts one more where that stays within `count_max`.
bool take_one(std::atomic<uint32_t>& count, uint32_t count_max) {
  if (count.fetch_add(1, std::memory_order_relaxed) < count_max) return true;
  count.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

}  // namespace

Admission::Admission(const config::Config& config) : connections_max_(config.limits.connections_max) {
  for (const config::EntryPointConfig& entry_point : config.entry_points) {
    auto& place = places_.emplace_back(std::make_unique<Place>());
    place->connections_max = entry_point.connections_max;
    place->connections_per_client_max = entry_point.connections_per_client_max;
  }
}

Admission::Ticket Admission::enter(size_t entry_point) {
  Ticket ticket;
  if (!take_one(connections_, connections_max_)) return ticket;
  Place& place = *places_[entry_point];
  if (place.connections_max > 0 && !take_one(place.connections, place.connections_max)) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return ticket;
  }
  ticket.admission_ = this;
  ticket.entry_point_ = static_cast<uint16_t>(entry_point);
  return ticket;
}

bool Admission::count_client(Ticket& ticket, const IpAddress& client) {
  uint32_t connections_max = places_[ticket.entry_point_]->connections_per_client_max;
  if (connections_max == 0) return true;
  Client key{subscriber_of(client), ticket.entry_point_};
  Shard& shard = shard_of(key);
  std::lock_guard lock(shard.mutex);
  uint32_t& connections = shard.connections[key];
  if (connections >= connections_max) return false;  // at least one: the entry is not left behind
  ++connections;
  ticket.client_ = key.ip;
  ticket.of_client_ = true;
  return true;
}

void Admission::leave(const Ticket& ticket) {
  connections_.fetch_sub(1, std::memory_order_relaxed);
  Place& place = *places_[ticket.entry_point_];
  if (place.connections_max > 0) place.connections.fetch_sub(1, std::memory_order_relaxed);
  if (!ticket.of_client_) return;
  Client key{ticket.client_, ticket.entry_point_};
  Shard& shard = shard_of(key);
  std::lock_guard lock(shard.mutex);
  auto found = shard.connections.find(key);
  if (--found->second == 0) shard.connections.erase(found);
}

size_t Admission::ClientHash::operator()(const Client& client) const {
  std::string_view bytes(reinterpret_cast<const char*>(client.ip.bytes.data()), client.ip.bytes.size());
  return fnv1a(bytes, fnv1a({}, client.entry_point + 1));
}

Admission::Ticket::Ticket(Ticket&& other) noexcept { *this = std::move(other); }

Admission::Ticket& Admission::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(admission_, other.admission_);
  std::swap(entry_point_, other.entry_point_);
  std::swap(client_, other.client_);
  std::swap(of_client_, other.of_client_);
  return *this;
}

Admission::Ticket::~Ticket() {
  if (admission_ != nullptr) admission_->leave(*this);
}

}  // namespace weir::proxy
