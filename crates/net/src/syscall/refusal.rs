//! For tests: a system that refuses a call, as a container's seccomp profile may, or a full socket.

use std::thread;

/// Runs `work` on a thread for which every system call `number` fails with `errno`.
pub(crate) fn with_refused<T: Send>(
    number: libc::c_long,
    errno: libc::c_int,
    work: impl FnOnce() -> T + Send,
) -> T {
    on_filtered_thread(&[is_call(number, 0), returns(libc::SECCOMP_RET_ERRNO | errno as u32)], work)
}

/// Runs `work` on a thread for which every `sendmmsg` of exactly one message fails with `errno`.
pub(crate) fn with_single_messages_refused<T: Send>(
    errno: libc::c_int,
    work: impl FnOnce() -> T + Send,
) -> T {
    // The low half of the third argument: 16 bytes of seccomp_data come before the arguments, of 8 bytes each.
    let vlen = 16 + 2 * 8 + if cfg!(target_endian = "big") { 4 } else { 0 };
    let filter = [
        is_call(libc::SYS_sendmmsg, 2),
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, vlen),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, 1),
        returns(libc::SECCOMP_RET_ERRNO | errno as u32),
    ];
    on_filtered_thread(&filter, work)
}

fn on_filtered_thread<T: Send>(filter: &[libc::sock_filter], work: impl FnOnce() -> T + Send) -> T {
    let mut program = vec![
        // The number of the call is the first field of seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
    ];
    program.extend_from_slice(filter);
    program.push(returns(libc::SECCOMP_RET_ALLOW));
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            install(program);
            work()
        });
        thread.join().unwrap()
    })
}

fn statement(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// Goes on if the call is `number`, and past `further` statements more than the next one if not.
fn is_call(number: libc::c_long, further: u8) -> libc::sock_filter {
    statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1 + further, number as u32)
}

fn returns(action: u32) -> libc::sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, 0, 0, action)
}

/// Installs a seccomp filter on the calling thread alone; it lasts as long as the thread.
fn install(mut filter: Vec<libc::sock_filter>) {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: no pointers; the calling thread gives up gaining privileges, which it must before filtering.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: `program` describes `filter`, and both outlive the call, which copies them.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
