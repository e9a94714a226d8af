//! For tests: a system that refuses a call, as a container's seccomp profile may, or a full socket.

use std::thread;

/// Runs `work` on a thread for which every system call `number` fails with `errno`.
pub(crate) fn with_refused<T: Send>(
    number: libc::c_long,
    errno: libc::c_int,
    work: impl FnOnce() -> T + Send,
) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            refuse(number, errno);
            work()
        });
        thread.join().unwrap()
    })
}

/// Installs a seccomp filter on the calling thread alone; it lasts as long as the thread.
fn refuse(number: libc::c_long, errno: libc::c_int) {
    let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        // The number of the call is the first field of seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number as u32),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: no pointers; the calling thread gives up gaining privileges, which it must before filtering.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: `program` describes `filter`, and both outlive the call, which copies them.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
