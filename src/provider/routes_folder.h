#pragma once
// A folder of routes files: what each of them last said that could be understood. Reads files; no loop, no timers.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/file.h"
#include "weir/base/result.h"
#include "weir/routing/definitions.h"

namespace weir::provider {

/// Owned by FileProvider; one thread.
class RoutesFolder {
 public:
  static constexpr size_t kFilesMax = 4'096;
  static constexpr size_t kFileBytesMax = 4 * 1024 * 1024;

  RoutesFolder(std::string provider, std::string path, const Clock& clock);

  /// Reads what has another stamp than before, or had it too newly to tell. An error when the folder itself cannot be
  /// read: nothing is forgotten then. A file that cannot be read or is no TOML keeps its last good version and is in
  /// definitions()->rejected, with its place; a file that is gone takes its routes with it.
  Status scan();
  /// The whole folder's; the same pointer as long as nothing in it changed. Never null; empty before the first scan.
  [[nodiscard]] const std::shared_ptr<const routing::Definitions>& definitions() const { return definitions_; }
  /// The newest fault of a file, with its place; "" when every file is well.
  [[nodiscard]] std::string fault() const;
  /// How many files were read so far, again or at first.
  [[nodiscard]] size_t files_read() const { return files_read_; }

 private:
  struct File {
    FileStamp stamp;                                        // of what was read last, good or not
    bool stamp_tells = false;                               // another content would have another stamp
    uint64_t hash = 0;                                      // of that content
    std::shared_ptr<const routing::Definitions> last_good;  // null: never was good
    std::string fault;                                      // "" when the newest version is the good one
  };

  bool read_one(const std::string& name, File& file);
  void merge();

  const std::string provider_;
  const std::string path_;
  const Clock& clock_;
  std::map<std::string, File> files_;  // by name
  std::shared_ptr<const routing::Definitions> definitions_;
  size_t files_read_ = 0;
  bool scanned_ = false;
};

}  // namespace weir::provider
