#include "provider/service_names.h"

#include <algorithm>

#include "provider/map_difference.h"

namespace weir::provider {

Result<std::vector<std::string>> ServiceNames::read(const CatalogDialect& dialect) {
  std::vector<std::string> changed;
  if (read_middle(dialect, changed)) return changed;
  auto decoded = dialect.decode_names(text_.whole());
  if (!decoded) return fail(decoded.error());
  for_each_changed(all_, *decoded, [&](const std::string& name) { changed.push_back(name); });
  all_ = std::move(*decoded);
  text_.accept_whole();
  return changed;
}

bool ServiceNames::read_middle(const CatalogDialect& dialect, std::vector<std::string>& changed) {
  RepeatedText::Middle middle;
  if (!text_.find_middle(middle)) return false;
  auto decode = [&](std::string_view text) { return dialect.decode_names("{" + std::string(text) + "}"); };
  auto old = decode(middle.was);
  auto now = decode(middle.now);
  if (!old || !now || now->empty() || all_.size() + now->size() > ConsulJsonLimits::kServicesMax) return false;
  // A name that stands outside of the middle too would be there twice.
  const bool twice = std::any_of(
      now->begin(), now->end(), [&](const auto& one) { return !old->contains(one.first) && all_.contains(one.first); });
  if (twice) return false;
  for_each_changed(*old, *now, [&](const std::string& name) { changed.push_back(name); });
  for (const auto& [name, tags] : *old) all_.erase(name);
  all_.merge(*now);
  text_.accept_middle();
  return true;
}

}  // namespace weir::provider
