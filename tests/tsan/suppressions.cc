// What ThreadSanitizer takes for a data race here and is none; every program of this folder is linked with it.
//
// closedir: libuv is the system's and closes descriptors by the bare system call, which ThreadSanitizer does not see.
// When opendir, which it does not follow either, is given the number of one that another thread had, it blames closedir
// for that thread's last use of it. OpenSSL and std::filesystem read folders.
extern "C" const char* __tsan_default_suppressions() { return "race:closedir\n"; }
