#include "registry/service_list.h"

#include <algorithm>

#include "registry/json_writer.h"

namespace weir::registry {

void add_tags(std::vector<std::string>& tags, const std::vector<std::string>& more) {
  for (const std::string& tag : more) {
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(tag);
  }
}

void ServiceList::touch(const std::string& folded_name) {
  if (!all_touched_) touched_.insert(folded_name);
  if (touched_.size() <= kTouchedMax) return;
  all_touched_ = true;
  touched_.clear();
}

const std::string& ServiceList::json(const Names& names) {
  if (touched_.empty() && !all_touched_) return text_;
  if (std::exchange(all_touched_, false)) {
    entries_.clear();
    for (const auto& [folded_name, instances] : names) make_entry(folded_name, names);
  }
  for (const std::string& folded_name : touched_) make_entry(folded_name, names);
  touched_.clear();
  text_ = "{";
  for (const auto& [folded_name, entry] : entries_) {
    if (text_.size() > 1) text_ += ',';
    text_ += entry;
  }
  text_ += '}';
  return text_;
}

void ServiceList::make_entry(const std::string& folded_name, const Names& names) {
  auto found = names.find(folded_name);
  if (found == names.end()) {
    entries_.erase(folded_name);
    return;
  }
  std::map<std::string, std::vector<std::string>> tags_by_name;
  for (const auto& [key, service] : found->second) add_tags(tags_by_name[service->name], service->tags);
  JsonWriter json(false);
  json.begin_object();
  for (const auto& [name, tags] : tags_by_name) json.member(name, tags);
  const std::string object = json.end_object().take();
  entries_.insert_or_assign(folded_name, object.substr(1, object.size() - 2));
}

}  // namespace weir::registry
