#pragma once
// One function a block of the job specification: names on the left as in HCL, fields on the right as in Nomad's JSON.

#include "scheduler/jobspec_reader.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

void read_job(BodyReader& body, const std::string& label, Job& job);
void read_group(BodyReader& body, const std::string& label, TaskGroup& group);
void read_task(BodyReader& body, const std::string& label, Task& task);
void read_resources(BodyReader& body, Resources& resources);
void read_networks(BodyReader& body, std::vector<NetworkResource>& networks);
void read_services(BodyReader& body, std::vector<Service>& services);
void read_constraints(BodyReader& body, std::vector<Constraint>& constraints);
void read_affinities(BodyReader& body, std::vector<Affinity>& affinities);
void read_spreads(BodyReader& body, std::vector<Spread>& spreads);
void read_restart(BodyReader& body, RestartPolicy& policy);
void read_reschedule(BodyReader& body, const char* json_name, std::optional<ReschedulePolicy>& policy);
void read_update(BodyReader& body, std::optional<UpdateStrategy>& update);
void read_migrate(BodyReader& body, std::optional<MigrateStrategy>& migrate);

}  // namespace weir::scheduler
