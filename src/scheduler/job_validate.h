#pragma once
// The parts of validate(): one function a struct, each adds what it finds.

#include <set>
#include <string>
#include <vector>

#include "scheduler/job_rules.h"

namespace weir::scheduler {

/// Collects findings. One use, on the stack of validate().
class JobCheck {
 public:
  explicit JobCheck(const Job& job) : job_(job) {}

  void check_job();
  void check_group(const TaskGroup& group, const std::string& path);
  void check_task(const TaskGroup& group, const Task& task, const std::string& path);
  void check_service(const TaskGroup& group, const Task* task, const Service& service, const std::string& path);
  void warn_group(const TaskGroup& group, const std::string& path);
  JobVerdict verdict;

 private:
  void error(const std::string& path, const char* field, std::string message);
  void warn(const std::string& path, const char* field, std::string message);
  bool is_one_of(const std::string& path, const char* field, const std::string& value,
                 std::initializer_list<const char*> allowed);
  void at_least(const std::string& path, const char* field, int64_t value, int64_t least, const char* unit = "");

  // job_validate.cc
  void check_names();
  void check_not_modelled();
  void check_policies(const TaskGroup& group, const std::string& path);
  void check_restart(const RestartPolicy& policy, const std::string& path);
  void check_reschedule(const ReschedulePolicy& policy, const std::string& path);
  void check_update(const UpdateStrategy& update, const std::string& path);
  void check_placement(const std::vector<Constraint>& constraints, const std::vector<Affinity>& affinities,
                       const std::vector<Spread>& spreads, const std::string& path);
  void check_spreads(const std::vector<Spread>& spreads, const std::string& path);

  // job_validate_task.cc
  void check_networks(const TaskGroup& group, const std::string& path);
  void check_network(const NetworkResource& network, const std::string& path);
  void check_port(const Port& port, bool is_static, const std::string& path);
  void check_static_ports(const TaskGroup& group, const std::string& path);
  void check_resources(const Task& task, const std::string& path);
  void check_config(const Task& task, const std::string& path);
  void check_unsupported(const Task& task, const std::string& path);
  void check_lifecycle(const Task& task, const std::string& path);

  // job_validate_service.cc
  void check_services(const TaskGroup& group, const std::string& path);
  void check_service_name(const Service& service, const std::string& path);
  void check_check(const TaskGroup& group, const Task* task, const Service& service, const ServiceCheck& check,
                   const std::string& path);
  void check_probe(const Service& service, const ServiceCheck& check, const std::string& path);
  void warn_service(const TaskGroup& group, const Task* task, const Service& service, const std::string& path);

  const Job& job_;
};

/// "TaskGroups[web].Services[0]" and the like.
std::string path_to(const std::string& path, const char* list, const std::string& key);
/// Whether `label` is a port of the task's own network (legacy) or of the group's.
bool has_port(const TaskGroup& group, const Task* task, const std::string& label);

}  // namespace weir::scheduler
