//! seccomp: what the process may still ask of the kernel.

use super::SandboxError;

/// Ends the process at the first system call that is not in the list, or beside somebody else's library at
/// the first that is in another list.
#[cfg(target_os = "linux")]
pub(super) fn restrict(has_library: bool) -> Result<String, SandboxError> {
    let rules = |error: seccompiler::Error| SandboxError::Rules(Box::new(error));
    let filter = if has_library { linux::without(linux::NEVER) } else { linux::filter() };
    let filter = filter.map_err(|error| rules(error.into()))?;
    // All threads: a library may have started some.
    seccompiler::apply_filter_all_threads(&filter).map_err(rules)?;
    Ok(if has_library {
        format!("{} system calls are forbidden", linux::NEVER.len())
    } else {
        format!("{} system calls are left", linux::PLAIN.len() + linux::NARROWED)
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn restrict(_has_library: bool) -> Result<String, SandboxError> {
    Err(SandboxError::OtherSystem)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;

    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule, TargetArch,
    };

    /// The list as a program for the kernel.
    pub(super) fn filter() -> Result<BpfProgram, BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            PLAIN.iter().map(|call| (*call, Vec::new())).collect();
        // Memory that is written is never executed.
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            rules.insert(call, vec![argument(2, no_bit_of(libc::PROT_EXEC), 0)?]);
        }
        // To make a descriptor wait for nothing, which std does with an ioctl.
        rules.insert(libc::SYS_ioctl, vec![argument(1, SeccompCmpOp::Eq, libc::FIONBIO)?]);
        debug_assert_eq!(rules.len(), PLAIN.len() + NARROWED, "a call is listed twice");
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?
            .try_into()
    }

    /// Everything but `calls`.
    pub(super) fn without(calls: &[i64]) -> Result<BpfProgram, BackendError> {
        let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillProcess, arch)?
            .try_into()
    }

    /// Calls that lead to other programs, into other processes or into the kernel.
    #[rustfmt::skip]
    pub(super) const NEVER: &[i64] = &[
        libc::SYS_execve, libc::SYS_execveat, libc::SYS_ptrace, libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev, libc::SYS_pidfd_getfd, libc::SYS_kcmp, libc::SYS_bpf,
        libc::SYS_perf_event_open, libc::SYS_userfaultfd, libc::SYS_io_uring_setup, libc::SYS_mount,
        libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_setns, libc::SYS_unshare,
        libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_kexec_load, libc::SYS_add_key,
        libc::SYS_keyctl, libc::SYS_request_key,
    ];

    fn argument(
        index: u8,
        operator: SeccompCmpOp,
        value: u64,
    ) -> Result<SeccompRule, BackendError> {
        let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)?;
        SeccompRule::new(vec![condition])
    }

    /// True if none of `bits` is set, compared with zero.
    #[expect(clippy::cast_sign_loss, reason = "flags are positive")]
    const fn no_bit_of(bits: libc::c_int) -> SeccompCmpOp {
        SeccompCmpOp::MaskedEq(bits as u64)
    }

    /// How many calls have a condition.
    pub(super) const NARROWED: usize = 3;

    /// Calls that are allowed with any argument. Which files can be opened is Landlock's to say.
    #[rustfmt::skip]
    pub(super) const PLAIN: &[i64] = &[
        // The connections that come, and what is said on them.
        libc::SYS_accept4, libc::SYS_getsockopt, libc::SYS_recvfrom, libc::SYS_recvmsg,
        libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_shutdown, libc::SYS_ppoll,
        // Files: SQLite's own needs, and standard error.
        libc::SYS_read, libc::SYS_write, libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64,
        libc::SYS_pwrite64, libc::SYS_lseek, libc::SYS_openat, libc::SYS_close, libc::SYS_fcntl,
        libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_faccessat,
        libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_ftruncate, libc::SYS_fallocate,
        libc::SYS_fchmod, libc::SYS_fchown, libc::SYS_unlinkat, libc::SYS_renameat2,
        libc::SYS_renameat,
        libc::SYS_readlinkat, libc::SYS_getcwd,
        // Memory.
        libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise,
        // Time, chance, and who we are.
        libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep, libc::SYS_gettimeofday, libc::SYS_getrandom, libc::SYS_getpid,
        libc::SYS_gettid, libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid,
        // The run-time library, and the end.
        libc::SYS_futex, libc::SYS_sched_yield, libc::SYS_sigaltstack, libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_restart_syscall,
        libc::SYS_exit, libc::SYS_exit_group,
        // The same under older names.
        #[cfg(target_arch = "x86_64")] libc::SYS_poll,
        #[cfg(target_arch = "x86_64")] libc::SYS_stat,
        #[cfg(target_arch = "x86_64")] libc::SYS_lstat,
        #[cfg(target_arch = "x86_64")] libc::SYS_access,
        #[cfg(target_arch = "x86_64")] libc::SYS_unlink,
        #[cfg(target_arch = "x86_64")] libc::SYS_rename,
        #[cfg(target_arch = "x86_64")] libc::SYS_readlink,
        #[cfg(target_arch = "x86_64")] libc::SYS_time,
    ];
}
