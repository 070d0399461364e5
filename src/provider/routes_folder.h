#pragma once
// A folder of routes files: what each of them last said that could be understood. Reads files; no loop, no timers.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/routing/definitions.h"

namespace weir::provider {

/// Owned by FileProvider; one thread.
class RoutesFolder {
 public:
  static constexpr size_t kFilesMax = 4'096;
  static constexpr size_t kFileBytesMax = 4 * 1024 * 1024;

  RoutesFolder(std::string provider, std::string path);

  /// Reads what changed. An error when the folder itself cannot be read: nothing is forgotten then.
  /// A file that cannot be read or is no TOML keeps its last good version and is in definitions()->rejected, with its
  /// place; a file that is gone takes its routes with it.
  Status scan();
  /// The whole folder's; the same pointer as long as nothing in it changed. Never null; empty before the first scan.
  [[nodiscard]] const std::shared_ptr<const routing::Definitions>& definitions() const { return definitions_; }
  /// The newest fault of a file, with its place; "" when every file is well.
  [[nodiscard]] std::string fault() const;

 private:
  struct File {
    uint64_t hash = 0;                                      // of what was read last, good or not
    std::shared_ptr<const routing::Definitions> last_good;  // null: never was good
    std::string fault;                                      // "" when the newest version is the good one
  };

  bool read_one(const std::string& name, File& file);
  void merge();

  const std::string provider_;
  const std::string path_;
  std::map<std::string, File> files_;  // by name
  std::shared_ptr<const routing::Definitions> definitions_;
  bool scanned_ = false;
};

}  // namespace weir::provider
