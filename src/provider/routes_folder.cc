#include "provider/routes_folder.h"

#include <algorithm>

#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/routing/route_file.h"

namespace weir::provider {

RoutesFolder::RoutesFolder(std::string provider, std::string path, const Clock& clock)
    : provider_(std::move(provider)), path_(std::move(path)), clock_(clock) {
  auto empty = std::make_shared<routing::Definitions>();
  empty->provider = provider_;
  definitions_ = std::move(empty);
}

Status RoutesFolder::scan() {
  auto names = list_files(path_, ".toml");
  if (!names) return fail(names.error());
  if (names->size() > kFilesMax) {
    return fail(ErrorCode::too_large, path_ + " holds more than " + std::to_string(kFilesMax) + " routes files");
  }
  bool changed = !scanned_;
  for (auto it = files_.begin(); it != files_.end();) {
    const bool there = std::binary_search(names->begin(), names->end(), it->first);
    changed = changed || !there;
    it = there ? std::next(it) : files_.erase(it);
  }
  for (const std::string& name : *names) changed = read_one(name, files_[name]) || changed;
  scanned_ = true;
  if (changed) merge();
  return {};
}

bool RoutesFolder::read_one(const std::string& name, File& file) {
  const std::string path = path_ + "/" + name;
  const int64_t now_ns = clock_.wall_ns();  // before the stamp, which is before the content
  const auto stamp = stamp_of(path);
  if (stamp && file.stamp_tells && file.stamp == *stamp) return false;
  const std::string fault_before = file.fault;
  auto text = read_file(path, kFileBytesMax);
  ++files_read_;
  file.stamp = stamp.value_or(FileStamp());
  file.stamp_tells = stamp && text && stamp->tells(now_ns);
  if (text) {
    const uint64_t hash = std::max<uint64_t>(fnv1a(*text), 1);
    if (hash == file.hash) return false;
    file.hash = hash;
    auto decoded = routing::decode_route_file(*text, path);
    file.fault = decoded ? "" : decoded.error().text();
    if (decoded) file.last_good = std::make_shared<const routing::Definitions>(std::move(*decoded));
  } else {
    file.hash = 0;  // to be read again, also when it comes back as it was
    file.fault = text.error().text();
  }
  const bool first_said = !file.fault.empty() && file.fault != fault_before;
  if (first_said) {
    log::warn("routes file broken", {{"error", file.fault}, {"last_good_stays", file.last_good != nullptr}});
  }
  return text.has_value() || first_said;
}

void RoutesFolder::merge() {
  std::vector<std::shared_ptr<const routing::Definitions>> good;
  std::vector<routing::Rejection> broken;
  for (const auto& [name, file] : files_) {
    if (file.last_good) good.push_back(file.last_good);
    if (!file.fault.empty()) broken.push_back({"file", name, file.fault, path_ + "/" + name});
  }
  auto merged = std::make_shared<routing::Definitions>(routing::merge_route_files(good));
  merged->provider = provider_;
  merged->rejected.insert(merged->rejected.begin(), broken.begin(), broken.end());
  definitions_ = std::move(merged);
}

std::string RoutesFolder::fault() const {
  for (const auto& [name, file] : files_) {
    if (!file.fault.empty()) return file.fault;
  }
  return "";
}

}  // namespace weir::provider
