#include "routing/edit_index.h"

#include <algorithm>

namespace weir::routing {

EditIndex::EditIndex(std::shared_ptr<const std::vector<RouteEdit>> edits) : edits_(std::move(edits)) {
  for (uint32_t number = 0; number < edits_->size(); ++number) {
    const RouteEdit& edit = (*edits_)[number];
    const bool by_service = edit.source.empty() && !edit.service.empty();
    if (edit.kind == RouteEdit::Kind::add) {
      additions_[edit.source].push_back(number);
    } else if (by_service) {
      by_service_[edit.service].push_back(number);
    } else {
      by_source_[edit.source].push_back(number);
    }
  }
}

std::vector<uint32_t> EditIndex::about(std::string_view service, std::string_view source) const {
  std::vector<uint32_t> out;
  auto take = [&](const Numbers& index, std::string_view key) {
    auto found = index.find(key);
    if (found == index.end()) return;
    for (uint32_t number : found->second) {
      const std::string& wanted = (*edits_)[number].service;
      if (wanted.empty() || wanted == service) out.push_back(number);
    }
  };
  take(by_source_, "");
  if (!source.empty()) take(by_source_, source);
  take(by_service_, service);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<uint32_t> EditIndex::additions_to(std::string_view source) const {
  auto found = additions_.find(source);
  return found != additions_.end() ? found->second : std::vector<uint32_t>();
}

}  // namespace weir::routing
