//! Windows: a workload is a job object, which ends all its processes when its last handle closes, even that of a killed runner.

use super::Ended;
use crate::process::Usage;
use std::ffi::{OsString, c_void};
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};
use windows_sys::Win32::Foundation::{HANDLE, WAIT_OBJECT_0};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_JOB_MEMORY, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_BASIC_ACCOUNTING_INFORMATION,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectBasicAccountingInformation, JobObjectExtendedLimitInformation, QueryInformationJobObject, SetInformationJobObject,
    TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_SUSPENDED, GetExitCodeProcess, INFINITE, WaitForSingleObject};

/// How long processes that outlive the first one may take to end by themselves.
const LINGER: Duration = Duration::from_millis(150);
/// How long the end of a terminated job is waited for.
const REAP: Duration = Duration::from_secs(5);

#[link(name = "ntdll")]
unsafe extern "system" {
    /// Lets all threads of a process run that was started suspended. The standard library keeps no handle of its first thread.
    fn NtResumeProcess(process: HANDLE) -> i32;
}

#[derive(Debug)]
pub(super) struct Tree {
    job: OwnedHandle,
    process: OwnedHandle,
}

impl Tree {
    /// Suspended until it is in the job: what it starts is in the job then, too.
    pub(super) fn prepare(command: &mut Command) {
        command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_SUSPENDED);
    }

    pub(super) fn around(child: &std::process::Child, memory_bytes: Option<u64>, _own_program: Option<&[OsString]>) -> io::Result<Self> {
        // SAFETY: null means no attributes and no name; the handle is ours alone.
        let job = unsafe {
            let job = CreateJobObjectW(std::ptr::null(), std::ptr::null());
            if job.is_null() {
                return Err(io::Error::last_os_error());
            }
            OwnedHandle::from_raw_handle(job)
        };
        // SAFETY: a structure of numbers for which zeros are valid.
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = unsafe { std::mem::zeroed() };
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        if let Some(bytes) = memory_bytes {
            limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
            limits.JobMemoryLimit = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        // SAFETY: pointer and size are those of a local; the handles are open.
        unsafe {
            let size = u32::try_from(size_of_val(&limits)).unwrap_or(0);
            check(SetInformationJobObject(job.as_raw_handle(), JobObjectExtendedLimitInformation, (&raw const limits).cast(), size))?;
            check(AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()))?;
            if NtResumeProcess(child.as_raw_handle()) < 0 {
                return Err(io::Error::other("the program could not be let go"));
            }
        }
        // The runner's own handle to the process closes with `child`; this one is for the waiting thread.
        let process = std::os::windows::io::AsHandle::as_handle(child).try_clone_to_owned()?;
        Ok(Self { job, process })
    }

    /// Waits for the end of the first process, then ends the rest of the job.
    pub(super) fn wait(&self) -> io::Result<Ended> {
        let mut code: u32 = 0;
        // SAFETY: the handle is open, and the pointer is to a local.
        unsafe {
            if WaitForSingleObject(self.process.as_raw_handle(), INFINITE) != WAIT_OBJECT_0 {
                return Err(io::Error::last_os_error());
            }
        }
        let at = Instant::now();
        // SAFETY: as above.
        unsafe {
            check(GetExitCodeProcess(self.process.as_raw_handle(), &raw mut code))?;
        }
        self.empty_within(LINGER);
        let leftovers = self.accounting().map_or(0, |accounting| accounting.ActiveProcesses);
        self.kill();
        self.empty_within(REAP);
        let usage = self.accounting().ok().map(|accounting| Usage {
            user_ns: hundreds_of_ns(accounting.TotalUserTime),
            system_ns: hundreds_of_ns(accounting.TotalKernelTime),
            voluntary_switches: None,
            involuntary_switches: None,
            peak_memory_bytes: self.query::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>(JobObjectExtendedLimitInformation).ok().map(|limits| limits.PeakProcessMemoryUsed as u64),
        });
        Ok(Ended { at, code: Some(code.cast_signed()), signal: None, usage, leftovers })
    }

    /// There is no polite signal for a process without a console of ours.
    pub(super) fn terminate(&self) {
        self.kill();
    }

    pub(super) fn kill(&self) {
        // SAFETY: the handle is open.
        unsafe {
            TerminateJobObject(self.job.as_raw_handle(), 1);
        }
    }

    fn empty_within(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while self.accounting().is_ok_and(|accounting| accounting.ActiveProcesses > 0) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn accounting(&self) -> io::Result<JOBOBJECT_BASIC_ACCOUNTING_INFORMATION> {
        self.query(JobObjectBasicAccountingInformation)
    }

    fn query<T>(&self, class: i32) -> io::Result<T> {
        // SAFETY: pointer and size are those of a local structure of numbers, which is what the class asks for.
        unsafe {
            let mut found: T = std::mem::zeroed();
            let size = u32::try_from(size_of::<T>()).unwrap_or(0);
            check(QueryInformationJobObject(self.job.as_raw_handle(), class, (&raw mut found).cast::<c_void>(), size, std::ptr::null_mut()))?;
            Ok(found)
        }
    }
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn hundreds_of_ns(units: i64) -> u64 {
    units.max(0).cast_unsigned() * 100
}

pub(super) fn watch() -> ! {
    // The job object is the watchdog here.
    std::process::exit(2)
}

pub(super) fn missing() -> Vec<String> {
    vec!["On this platform context switches are not measured, and programs cannot be asked politely to end.".to_owned()]
}
