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
        SeccompFilter, SeccompRule, TargetArch, sock_filter,
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

    /// Everything but `calls`, and but the second set of numbers that x86-64 has for all of them: those of x32 are of
    /// the same architecture to the kernel, begin at 512, and mostly have bit 30 set. (A list of what is allowed holds
    /// none of them anyway.)
    pub(super) fn without(calls: &[i64]) -> Result<BpfProgram, BackendError> {
        let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let filter =
            SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillProcess, arch)?;
        let mut program = BpfProgram::new();
        if cfg!(target_arch = "x86_64") {
            program.extend(BELOW_X32);
        }
        // Its jumps are relative, so it may stand behind something else.
        program.extend(BpfProgram::try_from(filter)?);
        Ok(program)
    }

    /// Kills the process at a number from 512 on: loads the number, compares it, ends. The first native number has yet
    /// to come that is as high.
    const BELOW_X32: [sock_filter; 3] = [
        sock_filter { code: LOAD, jt: 0, jf: 0, k: NUMBER },
        sock_filter { code: IS_AT_LEAST, jt: 0, jf: 1, k: 512 },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: libc::SECCOMP_RET_KILL_PROCESS },
    ];
    /// `BPF_LD | BPF_W | BPF_ABS` of linux/bpf_common.h.
    const LOAD: u16 = 0x20;
    /// `BPF_JMP | BPF_JGE | BPF_K`.
    const IS_AT_LEAST: u16 = 0x35;
    /// `BPF_RET | BPF_K`.
    const RETURN: u16 = 0x06;
    /// Where the number of the call is in the kernel's `seccomp_data`; after it comes the architecture.
    const NUMBER: u32 = 0;

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

    #[cfg(all(test, target_arch = "x86_64"))]
    mod tests {
        #![allow(
            clippy::unwrap_used,
            clippy::indexing_slicing,
            clippy::panic,
            reason = "a test fails by panicking"
        )]

        use super::*;

        /// What the kernel is told about a call of this number: its own way through the program, as far as such
        /// programs go.
        fn verdict(program: &BpfProgram, number: u32) -> u32 {
            const EQUALS: u16 = 0x15;
            const GO_ON: u16 = 0x05;
            const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
            let (mut at, mut loaded) = (0, 0);
            loop {
                let sock_filter { code, jt, jf, k } = program[at].clone();
                let is_so = match code {
                    RETURN => return k,
                    LOAD => {
                        loaded = if k == NUMBER { number } else { AUDIT_ARCH_X86_64 };
                        true
                    }
                    EQUALS => loaded == k,
                    IS_AT_LEAST => loaded >= k,
                    GO_ON => {
                        at += usize::try_from(k).unwrap();
                        true
                    }
                    other => panic!("{other:#x}"),
                };
                at += 1 + usize::from(if is_so { jt } else { jf });
            }
        }

        #[test]
        fn no_call_comes_past_the_lists_under_its_number_of_x32() {
            let lists = [without(NEVER).unwrap(), filter().unwrap()];
            let number = |call: i64| u32::try_from(call).unwrap();
            let never = NEVER.iter().copied().map(number);
            // Those of x32 that have numbers of their own there: execve, ptrace, process_vm_readv, execveat.
            let of_x32 = never.clone().chain([520, 521, 539, 545]).map(|call| call | 1 << 30);
            // Kernels before 5.4 take these without the bit, too.
            for number in never.chain(of_x32).chain([520, 521, 539, 545]) {
                for list in &lists {
                    assert_eq!(
                        verdict(list, number),
                        libc::SECCOMP_RET_KILL_PROCESS,
                        "{number:#x}"
                    );
                }
            }
            let read = number(libc::SYS_read);
            for list in &lists {
                assert_eq!(verdict(list, read), libc::SECCOMP_RET_ALLOW);
            }
        }
    }
}
