//! Whether the environment may be asked.

use crate::base::process;

/// To be called when the library is loaded.
pub fn judge() {
    // As secure_getenv(3) does it. The user and group numbers would not show file capabilities, and /proc/self/auxv cannot
    // be read by daemons that have given up their rights.
    // SAFETY: getauxval(3): a number that the kernel gave this process; any type may be asked for, at any time.
    #[cfg(target_os = "linux")]
    let is_secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    // SAFETY: issetugid(2): the same of other systems.
    #[cfg(not(target_os = "linux"))]
    let is_secure = unsafe { libc::issetugid() } != 0;
    process::set_may_ask_environment(!is_secure);
}
