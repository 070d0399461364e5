#include "proxy/request_limits.h"

#include <algorithm>
#include <cmath>

namespace weir::proxy {

RequestLimits::Bucket& RequestLimits::bucket_of(Shard& shard, std::string_view key, const Bucket& full) {
  if (auto found = shard.buckets.find(key); found != shard.buckets.end()) return found->second;
  if (shard.buckets.size() >= kSourcesMax / kShards) {
    shard.older_buckets = std::move(shard.buckets);
    shard.buckets.clear();
  }
  auto older = shard.older_buckets.find(key);
  const Bucket bucket = older != shard.older_buckets.end() ? older->second : full;
  return shard.buckets.emplace(key, bucket).first->second;
}

int64_t RequestLimits::take_token(const routing::RateLimit& rate, std::string_view key, uint64_t now_us) {
  if (rate.tokens_per_s <= 0) return 0;
  Shard& shard = shard_of(key);
  std::lock_guard held(shard.mutex);
  Bucket& bucket = bucket_of(shard, key, {rate.burst, now_us});
  // Another worker's clock may be a little ahead.
  const double passed_s = static_cast<double>(now_us - std::min(now_us, bucket.filled_us)) / 1e6;
  bucket.tokens = std::min(rate.burst, bucket.tokens + passed_s * rate.tokens_per_s);
  bucket.filled_us = std::max(now_us, bucket.filled_us);
  const double left = bucket.tokens - 1;
  if (left < -rate.debt_max) return static_cast<int64_t>(std::ceil(-left / rate.tokens_per_s * 1e9));
  bucket.tokens = left;
  return 0;
}

RequestLimits::Seat RequestLimits::enter(uint64_t requests_max, std::string_view key) {
  Seat seat;
  if (requests_max == 0) return seat;
  Shard& shard = shard_of(key);
  std::lock_guard held(shard.mutex);
  auto found = shard.under_way.find(key);
  if (found == shard.under_way.end()) found = shard.under_way.emplace(key, 0).first;
  if (found->second >= requests_max) return seat;
  ++found->second;
  seat.shard_ = &shard;
  seat.key_ = &found->first;
  return seat;
}

RequestLimits::Seat& RequestLimits::Seat::operator=(Seat&& other) noexcept {
  if (this == &other) return *this;
  Seat old(std::move(*this));
  shard_ = std::exchange(other.shard_, nullptr);
  key_ = other.key_;
  return *this;
}

RequestLimits::Seat::~Seat() {
  if (shard_ == nullptr) return;
  std::lock_guard held(shard_->mutex);
  auto found = shard_->under_way.find(*key_);
  if (--found->second == 0) shard_->under_way.erase(found);
}

}  // namespace weir::proxy
