//! A [`Disk`] as a file system that real processes use.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::disk::{Deed, Disk};

/// A mounted disk. Dropping it unmounts it.
pub struct Mounted {
    state: Arc<Mutex<State>>,
    session: Option<BackgroundSession>,
    place: TempDir,
}

#[derive(Debug, Default)]
struct State {
    disk: Disk,
    /// At which deed from now on the process is ended, before the deed is done.
    cut_at: Option<u64>,
    /// Whether the cut has been. Nothing reaches the disk after it.
    is_cut: bool,
}

impl State {
    /// Counts down to the cut. Whether it is now.
    fn reaches_the_cut(&mut self) -> bool {
        let is_now = !self.is_cut && self.cut_at == Some(1);
        self.cut_at = self.cut_at.map(|left| left.saturating_sub(1));
        self.is_cut |= is_now;
        is_now
    }
}

impl Default for Mounted {
    fn default() -> Self {
        Self::new()
    }
}

impl Mounted {
    /// Mounts an empty disk.
    pub fn new() -> Self {
        let place = tempfile::tempdir().expect("there is room for a folder");
        let state = Arc::new(Mutex::new(State::default()));
        let served = Served { state: Arc::clone(&state) };
        let session = fuser::spawn_mount(served, place.path(), &Config::default());
        let session = session.expect("this test needs Linux, /dev/fuse and the right to mount");
        Self { state, session: Some(session), place }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Puts another disk in, which ends the process that does its `cut_at`th deed, counted from one.
    pub fn insert(&self, disk: Disk, cut_at: Option<u64>) {
        *lock(&self.state) = State { disk, cut_at, is_cut: false };
    }

    /// The disk as it is.
    pub fn disk(&self) -> Disk {
        lock(&self.state).disk.clone()
    }

    /// Whether a process was ended.
    pub fn was_cut(&self) -> bool {
        lock(&self.state).is_cut
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // A mount that stays does no harm to the outcome of a test.
            let _ = session.umount_and_join();
        }
    }
}

struct Served {
    state: Arc<Mutex<State>>,
}

impl Served {
    /// Does a deed, unless the power is gone or goes now.
    fn act<T>(
        &self,
        request: &Request,
        deed: Deed,
        act: impl FnOnce(&mut Disk) -> T,
    ) -> Result<T, Errno> {
        let mut state = lock(&self.state);
        if state.reaches_the_cut() {
            let pid = i32::try_from(request.pid()).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid {
                // It may have ended by itself.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if state.is_cut {
            return Err(Errno::EIO);
        }
        state.disk.count(deed);
        Ok(act(&mut state.disk))
    }

    fn attributes(&self, inode: u64) -> Option<FileAttr> {
        let state = lock(&self.state);
        if inode == ROOT {
            return Some(attributes(ROOT, 0, FileType::Directory, 0o700));
        }
        let size = state.disk.bytes(inode)?.len() as u64;
        Some(attributes(inode, size, FileType::RegularFile, 0o600))
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = lock(&self.state).disk.find(name);
        match found.and_then(|inode| self.attributes(inode)) {
            Some(attributes) => reply.entry(&Duration::ZERO, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(inode.0) {
            Some(attributes) => reply.attr(&Duration::ZERO, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn setattr(
        &self,
        request: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<std::time::SystemTime>,
        handle: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        if let Some(size) = size {
            let size = usize::try_from(size).expect("the files of these tests are small");
            let done = self.act(request, Deed::Truncate, |disk| disk.truncate(inode.0, size));
            if let Err(error) = done {
                return reply.error(error);
            }
        }
        self.getattr(request, inode, handle, reply);
    }

    fn create(
        &self,
        request: &Request,
        _: INodeNo,
        name: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.act(request, Deed::Create, |disk| disk.create(name)) {
            Ok(inode) => {
                let attributes = attributes(inode, 0, FileType::RegularFile, 0o600);
                let (handle, flags) = (FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
                reply.created(&Duration::ZERO, &attributes, Generation(0), handle, flags);
            }
            Err(error) => reply.error(error),
        }
    }

    /// Past the kernel's cache: what a process writes is seen here at once, and in its order.
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = lock(&self.state);
        let Some(content) = state.disk.bytes(inode.0) else { return reply.error(Errno::ENOENT) };
        let start = content.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let end = content.len().min(start + size as usize);
        reply.data(&content[start..end]);
    }

    fn write(
        &self,
        request: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let offset = usize::try_from(offset).expect("the files of these tests are small");
        match self.act(request, Deed::Write, |disk| disk.write(inode.0, offset, data)) {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("a request has a bound")),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, request: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(self.act(request, Deed::Sync, |disk| disk.sync(inode.0)), reply);
    }

    fn fsyncdir(&self, request: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(self.act(request, Deed::SyncFolder, Disk::sync_folder), reply);
    }

    fn unlink(&self, request: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self.act(request, Deed::Unlink, |disk| disk.unlink(name));
        answer(done.and_then(|is_there| is_there.then_some(()).ok_or(Errno::ENOENT)), reply);
    }

    fn rename(
        &self,
        request: &Request,
        _: INodeNo,
        name: &OsStr,
        _: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let is_taken = lock(&self.state).disk.find(new_name).is_some();
        if flags.contains(RenameFlags::RENAME_NOREPLACE) && is_taken {
            return reply.error(Errno::EEXIST);
        }
        let done = self.act(request, Deed::Rename, |disk| disk.rename(name, new_name));
        answer(done.and_then(|is_there| is_there.then_some(()).ok_or(Errno::ENOENT)), reply);
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let state = lock(&self.state);
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
        for (index, (name, _)) in state.disk.content().enumerate().skip(skipped) {
            let inode = state.disk.find(name).expect("it was listed");
            if reply.add(INodeNo(inode), index as u64 + 1, FileType::RegularFile, name) {
                break;
            }
        }
        reply.ok();
    }
}

fn answer(done: Result<(), Errno>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn attributes(inode: u64, size: u64, kind: FileType, perm: u16) -> FileAttr {
    FileAttr {
        ino: INodeNo(inode),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm,
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

const ROOT: u64 = 1;
