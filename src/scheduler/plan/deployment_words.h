#pragma once
// Nomad's words for a deployment's state; clients print them as they are.

namespace weir::scheduler {

inline constexpr const char* kDeploymentRunning = "Deployment is running";
inline constexpr const char* kDeploymentRunningManual = "Deployment is running but requires manual promotion";
inline constexpr const char* kDeploymentRunningAuto = "Deployment is running pending automatic promotion";
inline constexpr const char* kDeploymentPaused = "Deployment is paused";
inline constexpr const char* kDeploymentSuccessful = "Deployment completed successfully";
inline constexpr const char* kDeploymentMarkedFailed = "Deployment marked as failed";
inline constexpr const char* kDeploymentUnhealthy = "Failed due to unhealthy allocations";
inline constexpr const char* kDeploymentDeadline = "Failed due to progress deadline";
inline constexpr const char* kDeploymentJobStopped = "Cancelled because job is stopped";
inline constexpr const char* kDeploymentNewerJob = "Cancelled due to newer version of job";

}  // namespace weir::scheduler
